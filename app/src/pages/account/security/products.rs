//! The products that the user has signed in to.

use super::row::one_button;
use crate::api::connections;
use crate::flow::FormController;
use crate::ui::{LocalTime, Row, Rows, When};
use crate::words::Words;
use account::ProductRow;
use leptos::prelude::*;
use leptos::server_fn::ServerFn;

/// Renders the list with a button to disconnect each product.
pub(super) fn products(products: Vec<ProductRow>, controller: FormController, words: Words) -> AnyView {
    let rows = products.into_iter().map(move |row| {
        let full_name = words.say_with("security.disconnect_named", &[("provider", &row.name)]);
        let disconnect = one_button(
            connections::DisconnectProduct::PATH,
            controller,
            row.id,
            words.say("security.disconnect"),
            full_name,
        );
        let seen = [
            (row.sees_email, "security.seen_email"),
            (row.sees_name, "security.seen_name"),
            (row.sees_organization, "security.seen_organization"),
        ];
        let seen = seen
            .into_iter()
            .filter(|(sees, _)| *sees)
            .map(|(_, key)| words.say(key));
        let seen: Vec<_> = seen.collect();
        let sees = if seen.is_empty() {
            words.say("security.sees_account")
        } else {
            words.say_with("security.sees", &[("what", &seen.join(&words.say("security.comma")))])
        };
        let stays = row
            .stays_signed_in
            .then(|| [" · ", &words.say("security.stays_signed_in")].concat());
        view! {
            <Row action=disconnect>
                <p>
                    <strong>{row.name}</strong>
                </p>
                <p class="hint">
                    {sees} {stays} " · " {words.say("security.last_seen_at")} " "
                    <LocalTime at=row.last_used_at show=When::DayAndTime />
                </p>
            </Row>
        }
    });
    view! { <Rows>{rows.collect_view()}</Rows> }.into_any()
}
