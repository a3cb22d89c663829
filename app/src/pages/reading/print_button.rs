//! A print button, shown by the script; without scripts, users print from the browser's menu.

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
