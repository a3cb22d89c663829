//! The members: a page of fifty, a search, and the list of all as a file.

use crate::api::organization;
use crate::flow::FormController;
use crate::pages::account::security::one_button;
use crate::ui::{ButtonStyle, LocalTime, Row, Rows, SubmitButton, When};
use crate::words::Words;
use account::{MemberRow, OrganizationView};
use leptos::prelude::*;
use leptos::server_fn::ServerFn;

pub(super) fn members(view: &OrganizationView, controller: FormController, words: Words) -> AnyView {
    let list = if view.members.is_empty() {
        view! { <p>{words.say("organization.members_none")}</p> }.into_any()
    } else {
        let rows = view.members.iter().cloned();
        let rows = rows.map(|row| member(row, controller, words)).collect_view();
        view! { <Rows>{rows}</Rows> }.into_any()
    };
    let next = view.next.as_deref().map(|query| {
        let href = ["/organization?", query, "#members"].concat();
        view! {
            <p>
                <a href=href>{words.say("organization.next")}</a>
            </p>
        }
    });
    view! {
        // A plain form, because its result is another address.
        <form method="get" action="/organization" role="search">
            <div class="field">
                <label for="search">{words.say("organization.search")}</label>
                <div class="entry">
                    <input
                        id="search"
                        name="search"
                        type="search"
                        dir="ltr"
                        autocomplete="off"
                        autocapitalize="none"
                        value=view.search.clone()
                    />
                </div>
            </div>
            <SubmitButton label=words.say("organization.search_submit") style=ButtonStyle::Plain />
        </form>
        {list}
        {next}
        <p>
            <a href="/organization/members.csv" rel="external" download="members.csv">
                {words.say("organization.download")}
            </a>
        </p>
    }
    .into_any()
}

fn member(row: MemberRow, controller: FormController, words: Words) -> AnyView {
    let button = |path: &'static str, key: &str| {
        let full_name = words.say_with(&["organization.", key, "_named"].concat(), &[("email", &row.email)]);
        one_button(
            path,
            controller,
            row.id.clone(),
            words.say(&["organization.", key].concat()),
            full_name,
        )
    };
    let state = if row.disabled {
        button(organization::EnableMember::PATH, "enable")
    } else {
        button(organization::DisableMember::PATH, "disable")
    };
    let actions = view! {
        <div class="actions">
            {state}
            {button(organization::EndMemberSessions::PATH, "end")}
            {button(organization::RemoveMember::PATH, "remove")}
        </div>
    };
    let badge =
        move |is: bool, key: &'static str| is.then(move || view! { " " <span class="badge">{words.say(key)}</span> });
    let signed_in = match row.last_sign_in {
        Some(at) => view! {
            {words.say("organization.last_sign_in")}
            " "
            <LocalTime at=at show=When::DayAndTime />
        }
        .into_any(),
        None => words.say("organization.never_signed_in").into_any(),
    };
    view! {
        <Row action=actions.into_any()>
            <p>
                <strong>
                    <bdi dir="ltr">{row.email.clone()}</bdi>
                </strong>
                {badge(row.administrator, "organization.administrator")}
                {badge(row.here, "organization.you")}
                {badge(row.disabled, "organization.disabled")}
            </p>
            <p class="hint">
                <bdi>{row.name.clone()}</bdi>
            </p>
            <p class="hint">{signed_in}</p>
        </Row>
    }
    .into_any()
}
