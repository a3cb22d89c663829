//! The signed-in browsers.

use super::row::{browser, device, here, one_button};
use crate::api::{security, sign_in};
use crate::flow::{Form, FormController};
use crate::ui::{ButtonStyle, LocalTime, Row, Rows, SubmitButton, When};
use crate::words::Words;
use account::SessionRow;
use leptos::prelude::*;
use leptos::server_fn::ServerFn;

/// Renders the list, with a sign-out button for each browser and one for all others.
pub(super) fn sessions(sessions: Vec<SessionRow>, controller: FormController, words: Words) -> AnyView {
    let others = (sessions.len() > 1).then(|| {
        view! {
            <Form action=security::EndOthers::PATH controller=controller>
                <SubmitButton label=words.say("security.end_others") style=ButtonStyle::Danger />
            </Form>
        }
    });
    let rows = sessions.into_iter().map(move |session| {
        let name = browser(&session.browser, words);
        let end = if session.here {
            // A plain form, because this page cannot be shown after the sign-out.
            view! {
                <form method="post" action=sign_in::SignOut::PATH>
                    <SubmitButton
                        label=words.say("security.end")
                        full_name=words.say("security.end_here")
                        style=ButtonStyle::Plain
                    />
                </form>
            }
            .into_any()
        } else {
            let full_name = words.say_with("security.end_named", &[("device", &name)]);
            one_button(
                security::EndSession::PATH,
                controller,
                session.id,
                words.say("security.end"),
                full_name,
            )
        };
        view! {
            <Row action=end>
                <p>
                    <strong>{device(name, words)}</strong>
                    {here(session.here, words)}
                </p>
                <p class="hint">
                    {words.say("security.signed_in_at")} " " <LocalTime at=session.signed_in_at show=When::DayAndTime />
                </p>
                <p class="hint">
                    {words.say("security.last_seen_at")} " " <LocalTime at=session.last_seen_at show=When::DayAndTime />
                </p>
                <p class="hint">
                    {words.say("security.from")} " " <bdi dir="ltr">{session.client}</bdi>
                </p>
            </Row>
        }
    });
    view! {
        <Rows>{rows.collect_view()}</Rows>
        {others}
    }
    .into_any()
}
