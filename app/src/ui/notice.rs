//! Notices and collapsible details.

use leptos::prelude::*;

/// Important information before the user continues.
#[component]
pub fn Notice(children: Children) -> AnyView {
    view! { <div class="notice">{children()}</div> }.into_any()
}

/// Optional details; opens without scripts.
#[component]
pub fn Details(
    /// The topic.
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
