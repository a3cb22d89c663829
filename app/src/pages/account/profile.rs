//! The profile page. It has no forms, so it loads no WASM.

use crate::api::security;
use crate::ui::{Address, ButtonStyle, LinkButton, Page, failure_page, mark};
use crate::view::View;
use crate::words::use_words;
use account::{PasswordAccess, ProductLink, ProfileView};
use leptos::prelude::*;

/// `/profile`.
pub(in crate::pages) fn page() -> View {
    let page = Suspend::new(async move {
        match security::profile().await {
            Ok(state) => profile(state.step),
            Err(failure) => failure_page(failure),
        }
    });
    page.into_any()
}

fn profile(view: ProfileView) -> AnyView {
    let ProfileView {
        name,
        email,
        own,
        products,
    } = view;
    let words = use_words();
    let kind = match own {
        PasswordAccess::Editable => words.say("profile.kind_password"),
        PasswordAccess::NotSet(None) => words.say("security.password_not_set"),
        PasswordAccess::NotSet(Some(provider)) => {
            words.say_with("profile.kind_provider", &[("provider", &provider.name)])
        }
        PasswordAccess::ManagedBy(organization) => {
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
                        <Address text=email.as_str() />
                    </dd>
                    <dt>{words.say("profile.account")}</dt>
                    <dd>{kind}</dd>
                </dl>
            </section>
            {(!products.is_empty()).then(|| places(products))}
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

/// Renders the products that the user can open.
fn places(products: Vec<ProductLink>) -> AnyView {
    let links = products.into_iter().map(|ProductLink { name, url, logo }| {
        view! {
            <li>
                <a class="button" href=url>
                    {mark(logo)}
                    <bdi>{name}</bdi>
                </a>
            </li>
        }
    });
    view! {
        <section aria-labelledby="products">
            <h2 id="products">{use_words().say("profile.products")}</h2>
            <ul class="ways">{links.collect_view()}</ul>
        </section>
    }
    .into_any()
}
