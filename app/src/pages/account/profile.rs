//! The profile page. Its forms are plain, on their own pages, so it loads no WASM.

pub(in crate::pages) mod edit;

use super::security::edit_link;
use crate::api::profile;
use crate::ui::{Address, ButtonStyle, LinkButton, Page, Row, Rows, failure_page, mark, use_announce};
use crate::view::View;
use crate::words::{Words, use_words};
use account::{PasswordAccess, ProductLink, ProfileView};
use leptos::prelude::*;

/// `/profile`.
pub(in crate::pages) fn page() -> View {
    let page = Suspend::new(async move {
        match profile::view().await {
            Ok(state) => overview(state.step),
            Err(failure) => failure_page(failure),
        }
    });
    page.into_any()
}

fn overview(view: ProfileView) -> AnyView {
    let ProfileView {
        name,
        preferred_name,
        email,
        own,
        products,
        done,
    } = view;
    let words = use_words();
    if done.is_some() {
        use_announce().say(words.say("profile.saved"));
    }
    let (path, id) = ("/profile/name", "edit-name");
    let edit_name = if name.is_empty() {
        add_link(path, id, words.say("profile.add_name"), words)
    } else {
        edit_link(path, Some(id), words.say("profile.edit_name"), words)
    };
    let (path, id) = ("/profile/preferred-name", "edit-preferred-name");
    let edit_preferred_name = if preferred_name.is_empty() {
        add_link(path, id, words.say("profile.add_preferred_name"), words)
    } else {
        edit_link(path, Some(id), words.say("profile.edit_preferred_name"), words)
    };
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
                <p>{words.say("profile.seen")}</p>
                <Rows>
                    <Row action=edit_name>{fact(words.say("profile.name"), called(name, words))}</Row>
                    <Row action=edit_preferred_name>
                        {fact(words.say("profile.preferred_name"), called(preferred_name, words))}
                    </Row>
                    <Row>
                        {fact(words.say("profile.email"), view! { <Address text=email.as_str() /> }.into_any())}
                    </Row>
                    <Row>{fact(words.say("profile.account"), kind.into_any())}</Row>
                </Rows>
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

/// Renders the link to the form of a value that is not set.
fn add_link(href: &'static str, id: &'static str, full_name: String, words: Words) -> AnyView {
    view! {
        <a class="button" href=href id=id aria-label=full_name aria-describedby="status">
            {words.say("security.add")}
        </a>
    }
    .into_any()
}

pub(super) fn fact(name: String, value: AnyView) -> AnyView {
    view! {
        <dl>
            <dt class="hint">{name}</dt>
            <dd>{value}</dd>
        </dl>
    }
    .into_any()
}

/// Renders a name. Imported accounts may have none.
fn called(name: String, words: Words) -> AnyView {
    if name.is_empty() {
        words.say("profile.not_set").into_any()
    } else {
        view! { <bdi>{name}</bdi> }.into_any()
    }
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
