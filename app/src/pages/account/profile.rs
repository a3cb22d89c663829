//! The profile page.

use crate::api::security;
use crate::client::PageState;
use crate::flow::{Flow, Step, page_of};
use crate::ui::{ButtonStyle, LinkButton, Page};
use crate::view::View;
use crate::words::use_words;
use account::{EmailAddress, PasswordAccess, ProfileView};
use leptos::prelude::*;

/// `/profile`.
pub(in crate::pages) fn page() -> View {
    page_of(security::read_profile, show)
}

impl Step for ProfileView {
    fn key(&self) -> (u8, Option<EmailAddress>) {
        (0, Some(self.email.clone()))
    }
}

fn show(state: PageState<ProfileView>) -> View {
    Flow::new(state, security::read_profile).show(profile)
}

fn profile(ProfileView { name, email, own }: ProfileView) -> AnyView {
    let words = use_words();
    let kind = match own {
        PasswordAccess::Editable => words.say("profile.kind_local"),
        PasswordAccess::HeldByGoogle => words.say("profile.kind_google"),
        PasswordAccess::HeldBy(organization) => {
            words.say_with("profile.kind_managed", &[("organization", &organization.name)])
        }
    };
    view! {
        <Page heading=words.say("profile.title") wide=true>
            <section aria-labelledby="personal">
                <h2 id="personal">{words.say("profile.personal")}</h2>
                <dl class="facts">
                    // Imported accounts may have no name.
                    {(!name.is_empty())
                        .then(|| {
                            view! {
                                <dt>{words.say("profile.name")}</dt>
                                <dd>
                                    <bdi>{name}</bdi>
                                </dd>
                            }
                        })}
                    <dt>{words.say("profile.email")}</dt>
                    <dd>
                        <bdi dir="ltr">{email.to_string()}</bdi>
                    </dd>
                    <dt>{words.say("profile.account")}</dt>
                    <dd>{kind}</dd>
                </dl>
            </section>
            <section aria-labelledby="mails">
                <h2 id="mails">{words.say("profile.mails")}</h2>
                <p>{words.say("profile.mails_lead")}</p>
            </section>
            <p>
                <LinkButton href="/security" label=words.say("profile.security") style=ButtonStyle::Plain />
            </p>
        </Page>
    }
    .into_any()
}
