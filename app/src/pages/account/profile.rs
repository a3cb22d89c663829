//! The profile page. Its forms are plain, on their own pages, so it loads no WASM.

pub(in crate::pages) mod edit;
pub(in crate::pages) mod email;

use super::security::edit_link;
use crate::api::profile;
use crate::ui::{Address, ButtonStyle, LinkButton, Page, Row, Rows, failure_page, mark, use_announce};
use crate::view::View;
use crate::words::{Words, use_words};
use account::{PasswordAccess, ProductLink, ProfileView, SecurityDone};
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
    let words = use_words();
    if let Some(done) = view.done {
        use_announce().say(words.say(match done {
            SecurityDone::EmailChanged => "profile.email_changed",
            _ => "profile.saved",
        }));
    }
    let manager = match &view.own {
        PasswordAccess::ManagedBy(organization) => Some(organization.name.clone()),
        _ => None,
    };
    let managed_by = manager
        .as_ref()
        .map(|name| words.say_with("profile.kind_managed", &[("organization", name)]));
    let by_owner = |action: AnyView| match managed_by.clone() {
        Some(managed_by) => view! { <p class="hint">{managed_by}</p> }.into_any(),
        None => action,
    };
    let name = edit_or_add(
        &view.name,
        ["/profile/name", "edit-name", "profile.edit_name", "profile.add_name"],
    );
    let preferred_name = [
        "/profile/preferred-name",
        "edit-preferred-name",
        "profile.edit_preferred_name",
        "profile.add_preferred_name",
    ];
    let preferred_name = edit_or_add(&view.preferred_name, preferred_name);
    let job_title = [
        "/profile/job-title",
        "edit-job-title",
        "profile.edit_job_title",
        "profile.add_job_title",
    ];
    let job_title = by_owner(edit_or_add(&view.job_title, job_title));
    let company = [
        "/profile/organization",
        "edit-company",
        "profile.edit_company",
        "profile.add_company",
    ];
    let edit_company = by_owner(edit_or_add(&view.company, company));
    let (path, id) = ("/security/confirm?next=/profile/email", "edit-email");
    let email = by_owner(edit_link(path, Some(id), words.say("profile.edit_email"), words));
    let kind = match view.own {
        PasswordAccess::Editable => words.say("profile.kind_password"),
        PasswordAccess::NotSet(None) => words.say("security.password_not_set"),
        PasswordAccess::NotSet(Some(provider)) => {
            words.say_with("profile.kind_provider", &[("provider", &provider.name)])
        }
        PasswordAccess::ManagedBy(_) => managed_by.unwrap_or_default(),
    };
    let company = manager.unwrap_or(view.company);
    let (seen, unseen) = ("profile.seen", "profile.unseen");
    view! {
        <Page heading=words.say("profile.title") wide=true>
            {initials(&view.name).map(|letters| view! { <p class="initials" aria-hidden="true">{letters}</p> })}
            <section aria-labelledby="personal">
                <h2 id="personal">{words.say("profile.personal")}</h2>
                <Rows>
                    <Row action=name>{fact("profile.name", called(view.name, words), Some(seen))}</Row>
                    <Row action=preferred_name>
                        {fact("profile.preferred_name", called(view.preferred_name, words), Some(seen))}
                    </Row>
                    <Row action=email>
                        {fact(
                            "profile.email",
                            view! { <Address text=view.email.as_str() /> }.into_any(),
                            Some(seen),
                        )}
                    </Row>
                    <Row action=job_title>
                        {fact("profile.job_title", called(view.job_title, words), Some(unseen))}
                    </Row>
                    <Row action=edit_company>{fact("profile.company", called(company, words), Some(unseen))}</Row>
                    <Row>{fact("profile.account", kind.into_any(), None)}</Row>
                </Rows>
            </section>
            {(!view.products.is_empty()).then(|| places(view.products))}
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

/// Returns the first letters of the first and the last name, as the user's picture.
fn initials(name: &str) -> Option<String> {
    let mut names = name.split_whitespace();
    let (first, last) = (names.next()?, names.next_back());
    let letters = [Some(first), last]
        .into_iter()
        .flatten()
        .filter_map(|name| name.chars().next());
    Some(letters.flat_map(char::to_uppercase).collect())
}

/// Renders the link to the form of a value: its path, its id, and its full names if the value is set and if it is not.
fn edit_or_add(value: &str, [path, id, edit, add]: [&'static str; 4]) -> AnyView {
    let words = use_words();
    if value.is_empty() {
        add_link(path, id, words.say(add), words)
    } else {
        edit_link(path, Some(id), words.say(edit), words)
    }
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

/// Renders a value with its name, and who sees it.
pub(super) fn fact(name: &str, value: AnyView, seen_by: Option<&str>) -> AnyView {
    let words = use_words();
    view! {
        <dl>
            <dt class="hint">{words.say(name)}</dt>
            <dd>{value}</dd>
            {seen_by.map(|key| view! { <dd class="hint">{words.say(key)}</dd> })}
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

#[cfg(test)]
mod tests {
    use super::initials;

    #[test]
    fn initials_are_of_the_first_and_the_last_name() {
        for (name, expected) in [
            ("Ada Lovelace", Some("AL")),
            ("augusta ada king", Some("AK")),
            ("Zoë", Some("Z")),
            ("ßen", Some("SS")),
            ("عائشة الفاسي", Some("عا")),
            (" ", None),
        ] {
            assert_eq!(initials(name).as_deref(), expected, "{name}");
        }
    }
}
