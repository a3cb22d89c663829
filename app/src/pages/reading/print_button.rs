//! Prints the page. Needs a script, which shows the button; every browser has a menu for it, too.

use leptos::prelude::*;

/// Opens the browser's print dialogue.
#[component]
pub(super) fn PrintButton(
    /// The text of the button.
    #[prop(into)]
    label: String,
) -> AnyView {
    view! {
        <button type="button" class="button copy" hidden data-print="">
            {label}
        </button>
    }
    .into_any()
}
