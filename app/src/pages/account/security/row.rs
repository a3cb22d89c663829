//! The parts that rows of several sections share.

use crate::flow::{Form, FormController};
use crate::ui::{ButtonStyle, SubmitButton};
use crate::words::Words;
use leptos::prelude::*;

/// A form with one button that sends the id of a row.
pub(super) fn one_button(
    action: &'static str,
    controller: FormController,
    id: String,
    label: String,
    full_name: String,
) -> AnyView {
    view! {
        <Form action=action controller=controller>
            <input type="hidden" name="id" value=id />
            <SubmitButton label=label full_name=full_name style=ButtonStyle::Plain />
        </Form>
    }
    .into_any()
}

/// The badge on the row of the current browser.
pub(super) fn here(here: bool, words: Words) -> Option<AnyView> {
    here.then(|| view! { " " <span class="badge">{words.say("security.this_device")}</span> }.into_any())
}

/// The display name of a browser.
pub(super) fn browser(name: &str, words: Words) -> String {
    if name == account::UNKNOWN_BROWSER {
        words.say("security.unknown_browser")
    } else {
        name.to_owned()
    }
}
