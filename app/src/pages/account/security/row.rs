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
pub(in crate::pages) fn device(name: String, words: Words) -> AnyView {
    view! { <bdi dir=words.direction()>{name}</bdi> }.into_any()
}

/// Renders the edit link of a row. Its full name distinguishes it from other edit links; with `id`, its form leads back to it.
pub(in crate::pages) fn edit_link(
    href: &'static str,
    id: Option<&'static str>,
    full_name: String,
    words: Words,
) -> AnyView {
    view! {
        <a class="button" href=href id=id aria-label=full_name aria-describedby=id.map(|_| "status")>
            <svg
                class="icon"
                aria-hidden="true"
                viewBox="0 0 24 24"
                fill="none"
                stroke="currentColor"
                stroke-width="2"
                stroke-linejoin="round"
            >
                <path d="M4 20l1-5L16 4l4 4L9 19zM13 7l4 4" />
            </svg>
            {words.say("security.edit")}
        </a>
    }
    .into_any()
}
