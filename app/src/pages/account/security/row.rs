//! Parts shared by the rows of several sections.

use crate::flow::{Form, FormController};
use crate::ui::{ButtonStyle, SubmitButton};
use crate::words::Words;
use leptos::prelude::*;

/// Renders a form with one button that sends the id of a row.
pub(in crate::pages) fn one_button(
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

/// Returns the display name of a browser, from its English one: `Firefox on Linux`.
pub(in crate::pages) fn browser(name: &str, words: Words) -> String {
    match name.split_once(" on ") {
        Some((browser, system)) => words.say_with("security.browser_on", &[("browser", browser), ("system", system)]),
        None if name == account::UNKNOWN_BROWSER => words.say("security.unknown_browser"),
        None => name.to_owned(),
    }
}

/// Renders the display name of a browser. Has the page's direction, although it may begin with a Latin letter.
pub(super) fn device(name: String, words: Words) -> AnyView {
    view! { <bdi dir=words.direction()>{name}</bdi> }.into_any()
}
