//! Prints the page. Needs scripts, so it is not there without them; every browser has a menu for it, too.

use super::browser;
use leptos::prelude::*;

/// Opens the browser's print dialogue.
#[component]
pub fn PrintButton(
    /// What happens.
    #[prop(into)]
    label: String,
) -> AnyView {
    view! {
        <button type="button" class="button copy" hidden=cfg!(feature = "ssr") on:click=move |_| browser::print()>
            {label}
        </button>
    }
    .into_any()
}
