//! The forms of the profile.

use crate::api::profile::{ChangeName, ChangePreferredName, view};
use crate::client::PageState;
use crate::flow::{Flow, Form, Step, page_of};
use crate::ui::{ButtonStyle, LinkButton, NameField, Page, PreferredNameField, SubmitButton};
use crate::view::View;
use crate::words::use_words;
use account::{EmailAddress, PasswordAccess, ProfileView};
use leptos::prelude::*;
use leptos::server_fn::ServerFn;

impl Step for ProfileView {
    fn key(&self) -> (u8, Option<EmailAddress>) {
        (0, Some(self.email.clone()))
    }
}

/// `/profile/name`.
pub(in crate::pages) fn name() -> View {
    page_of(view, |state| {
        with_form(state, "profile.name", ChangeName::PATH, |profile, typed| {
            if let PasswordAccess::ManagedBy(organization) = profile.own {
                let managed = use_words().say_with("profile.name_managed", &[("organization", &organization.name)]);
                return Err(view! { <p>{managed}</p> }.into_any());
            }
            Ok(view! { <NameField value=typed.unwrap_or(profile.name) /> }.into_any())
        })
    })
}

/// `/profile/preferred-name`.
pub(in crate::pages) fn preferred_name() -> View {
    page_of(view, |state| {
        with_form(
            state,
            "profile.preferred_name",
            ChangePreferredName::PATH,
            |profile, typed| {
                Ok(view! { <PreferredNameField value=typed.unwrap_or(profile.preferred_name) /> }.into_any())
            },
        )
    })
}

/// Shows the form with `field`, from the profile and the refused input; or what is shown instead of the form.
fn with_form(
    state: PageState<ProfileView>,
    title: &'static str,
    action: &'static str,
    field: fn(ProfileView, Option<String>) -> Result<AnyView, AnyView>,
) -> View {
    let flow = Flow::new(state, view);
    flow.show(move |profile| {
        let words = use_words();
        let (content, leave) = match field(profile, flow.typed_name.get_value()) {
            Ok(field) => {
                let form = view! {
                    <Form action=action controller=flow.controller>
                        {field}
                        <SubmitButton label=words.say("profile.save") />
                    </Form>
                };
                (form.into_any(), "profile.cancel")
            }
            Err(instead) => (instead, "profile.back"),
        };
        view! {
            <Page heading=words.say(title)>
                {content} <p>
                    <LinkButton href="/profile" label=words.say(leave) style=ButtonStyle::Link />
                </p>
            </Page>
        }
        .into_any()
    })
}
