//! Prints the page. The script shows the button; without scripts, the browser's menu can print.

use leptos::prelude::*;

/// Opens the browser's print dialog.
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
