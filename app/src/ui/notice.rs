//! Boxes that stand out from the text.

use leptos::prelude::*;

/// Something to know before going on.
#[component]
pub fn Notice(children: Children) -> AnyView {
    view! { <div class="notice">{children()}</div> }.into_any()
}

/// More, for those who want it; opens without scripts.
#[component]
pub fn Details(
    /// What it is about.
    #[prop(into)]
    summary: String,
    children: Children,
) -> AnyView {
    view! {
        <details>
            <summary>{summary}</summary>
            <div class="inside">{children()}</div>
        </details>
    }
    .into_any()
}
