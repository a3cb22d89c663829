//! The recent activity of the account.

use super::row::{browser, device};
use crate::ui::{LocalTime, Row, Rows, When};
use crate::words::Words;
use account::{Attempts, SecurityView};
use leptos::prelude::*;

/// Renders one page of the activity, with links to older and to the newest entries.
pub(super) fn activity(view: SecurityView, words: Words) -> AnyView {
    let attempts = view.attempts.map(|attempts| summed_up(attempts, words));
    let is_empty = view.activity.is_empty();
    let rows = view.activity.into_iter().map(move |event| {
        // Events caused by an operator have no network address.
        let by = (!event.client.is_empty()).then(|| {
            let name = browser(&event.browser, words);
            view! { " " {device(name, words)} " " <bdi dir="ltr">{event.client}</bdi> }
        });
        view! {
            <Row>
                <p>{words.say(&["activity.", event.kind.as_str()].concat())}</p>
                <p class="hint parts">
                    <LocalTime at=event.at show=When::DayAndTime />
                    {by}
                </p>
            </Row>
        }
    });
    let list = if is_empty {
        view! { <p>{words.say("security.activity_none")}</p> }.into_any()
    } else {
        view! { <Rows>{rows.collect_view()}</Rows> }.into_any()
    };
    let older = view
        .older
        .map(|before| ["/security?before=", &before, "#activity"].concat());
    let newest = view.newer.then(|| "/security#activity".to_owned());
    view! {
        {attempts}
        {list}
        {to_page("/secure".to_owned(), words.say("security.secure"))}
        {newest.map(|address| to_page(address, words.say("security.newest")))}
        {older.map(|address| to_page(address, words.say("security.older")))}
    }
    .into_any()
}

/// Renders a link to other entries, or for entries that the user doesn't recognize.
fn to_page(address: String, label: String) -> AnyView {
    view! {
        <p>
            <a href=address>{label}</a>
        </p>
    }
    .into_any()
}

/// Renders a summary: "14 failed attempts since 23 November".
fn summed_up(attempts: Attempts, words: Words) -> AnyView {
    let state = if attempts.count < Attempts::MOST {
        words.counted("security.attempts_", attempts.count)
    } else {
        words.say("security.attempts_over")
    };
    view! {
        <p>
            <strong>{state} " " <LocalTime at=attempts.since show=When::Day /></strong>
        </p>
        <p class="hint">{words.say("security.attempts_hint")}</p>
    }
    .into_any()
}
