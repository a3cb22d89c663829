//! Prints the page. Needs scripts, so it is not there without them; every browser has a menu for it, too.

use super::browser;
use super::live::use_live;
use leptos::prelude::*;

/// Opens the browser's print dialogue.
#[component]
pub fn PrintButton(
    /// What happens.
    #[prop(into)]
    label: String,
) -> AnyView {
    let live = use_live();
    view! {
        <button type="button" class="button copy" hidden=move || !live.get() on:click=move |_| browser::print()>
            {label}
        </button>
    }
    .into_any()
}
