//! The last security events of the members.

use crate::pages::account::security::browser;
use crate::ui::{LocalTime, Row, Rows, When};
use crate::words::Words;
use account::MemberEvent;
use leptos::prelude::*;

pub(super) fn events(events: Vec<MemberEvent>, words: Words) -> AnyView {
    if events.is_empty() {
        return view! { <p>{words.say("organization.events_none")}</p> }.into_any();
    }
    let rows = events.into_iter().map(move |MemberEvent { email, by, activity }| {
        // Events caused by an operator or an administrator have no network address.
        let from = (!activity.client.is_empty()).then(|| {
            let name = browser(&activity.browser, words);
            view! { " · " {name} " · " <bdi dir="ltr">{activity.client}</bdi> }
        });
        let by = by.map(|email| view! { " · " <bdi dir="ltr">{email}</bdi> });
        view! {
            <Row>
                <p>
                    <bdi dir="ltr">{email}</bdi>
                    ": "
                    {words.say(&["activity.", activity.kind.as_str()].concat())}
                </p>
                <p class="hint">
                    <LocalTime at=activity.at show=When::DayAndTime />
                    {from}
                    {by}
                </p>
            </Row>
        }
    });
    view! { <Rows>{rows.collect_view()}</Rows> }.into_any()
}
