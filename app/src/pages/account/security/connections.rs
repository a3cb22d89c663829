//! The connected accounts at providers.

use super::row::one_button;
use crate::api::connections;
use crate::flow::FormController;
use crate::ui::{Address, LinkButton, LocalTime, Row, Rows, When};
use crate::words::Words;
use account::{ConnectionRow, ProviderButton};
use leptos::prelude::*;
use leptos::server_fn::ServerFn;

/// Renders the list with a button to disconnect each account, and a link to connect one at each other provider.
pub(super) fn connections(
    connected: Vec<ConnectionRow>,
    providers: Vec<ProviderButton>,
    controller: FormController,
    words: Words,
) -> AnyView {
    let is_connected = |provider: &ProviderButton| connected.iter().any(|row| row.provider == provider.name);
    let open: Vec<_> = providers
        .into_iter()
        .filter(|provider| !is_connected(provider))
        .collect();
    let rows = connected.into_iter().map(move |row| {
        let full_name = words.say_with("security.disconnect_named", &[("provider", &row.provider)]);
        let disconnect = one_button(
            connections::Disconnect::PATH,
            controller,
            row.id,
            words.say("security.disconnect"),
            full_name,
        );
        let used = row.last_used_at.map(|at| {
            view! {
                <p class="hint">
                    {words.say("security.last_seen_at")} " " <LocalTime at=at show=When::DayAndTime />
                </p>
            }
        });
        view! {
            <Row action=disconnect>
                <p>
                    <strong>{row.provider}</strong>
                    " "
                    <Address text=row.email />
                </p>
                {used}
            </Row>
        }
    });
    let to_connect = open.into_iter().map(move |ProviderButton { id, name }| {
        // Not by way of the page that asks for a recent proof: its form must not be redirected to another site.
        let href = ["/signin/provider/", &id, "?intent=connect"].concat();
        let full_name = words.say_with("security.connect_named", &[("provider", &name)]);
        let connect = view! { <LinkButton href=href label=words.say("security.connect") full_name=full_name style=crate::ui::ButtonStyle::Plain /> };
        view! {
            <Row action=connect.into_any()>
                <p>
                    <strong>{name}</strong>
                </p>
                <p class="hint">{words.say("security.not_connected")}</p>
            </Row>
        }
    });
    view! { <Rows>{rows.collect_view()} {to_connect.collect_view()}</Rows> }.into_any()
}
