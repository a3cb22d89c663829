//! The trusted devices.

use super::row::{browser, device, here, one_button};
use crate::api::security;
use crate::flow::FormController;
use crate::ui::{LocalTime, Row, Rows, When};
use crate::words::Words;
use account::DeviceRow;
use leptos::prelude::*;
use leptos::server_fn::ServerFn;

/// Renders the list; a button on each row ends the device's trust.
pub(super) fn devices(devices: Vec<DeviceRow>, controller: FormController, words: Words) -> AnyView {
    if devices.is_empty() {
        return view! { <p>{words.say("security.devices_none")}</p> }.into_any();
    }
    let rows = devices.into_iter().map(move |row| {
        let name = browser(&row.browser, words);
        let full_name = words.say_with("security.forget_named", &[("device", &name)]);
        let forget = one_button(
            security::ForgetDevice::PATH,
            controller,
            row.id,
            words.say("security.forget"),
            full_name,
        );
        view! {
            <Row action=forget>
                <p>
                    <strong>{device(name, words)}</strong>
                    {here(row.here, words)}
                </p>
                <p class="hint">
                    {words.say("security.trusted_until")} " " <LocalTime at=row.trusted_until show=When::Day />
                </p>
            </Row>
        }
    });
    view! {
        <p>{words.say("security.devices_lead")}</p>
        <Rows>{rows.collect_view()}</Rows>
    }
    .into_any()
}
