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
        let sees = match (row.sees_email, row.sees_name) {
            (true, true) => "security.sees_both",
            (true, false) => "security.sees_email",
            (false, true) => "security.sees_name",
            (false, false) => "security.sees_neither",
        };
        view! {
            <Row action=disconnect>
                <p>
                    <strong>{row.name}</strong>
                </p>
                <p class="hint">
                    {words.say(sees)} " · " {words.say("security.last_seen_at")} " "
                    <LocalTime at=row.last_used_at show=When::DayAndTime />
                </p>
            </Row>
        }
    });
    view! { <Rows>{rows.collect_view()}</Rows> }.into_any()
}
