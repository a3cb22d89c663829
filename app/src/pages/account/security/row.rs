//! Parts shared by the rows of several sections.

use crate::flow::{Form, FormController};
use crate::ui::{ButtonStyle, SubmitButton};
use crate::words::Words;
use leptos::prelude::*;

/// Renders a form with one button that sends the id of a row.
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

/// Renders the badge for the current browser's row.
pub(super) fn here(here: bool, words: Words) -> Option<AnyView> {
    here.then(|| view! { " " <span class="badge">{words.say("security.this_device")}</span> }.into_any())
}

/// Returns the display name of a browser.
pub(super) fn browser(name: &str, words: Words) -> String {
    if name == account::UNKNOWN_BROWSER {
        words.say("security.unknown_browser")
    } else {
        name.to_owned()
    }
}
