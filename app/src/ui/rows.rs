//! A list of things with what can be done to each.

use leptos::prelude::*;

/// Holds [`Row`]s.
#[component]
pub fn Rows(children: Children) -> AnyView {
    // The role is said again: Safari forgets it for a list without bullets.
    view! { <ul class="rows" role="list">{children()}</ul> }.into_any()
}

/// A thing, and at its end what can be done to it.
#[component]
pub fn Row(
    children: Children,
    /// A button or a form with one.
    #[prop(optional, into)]
    action: Option<AnyView>,
) -> AnyView {
    view! {
        <li class="row">
            <div class="about">{children()}</div>
            {action}
        </li>
    }
    .into_any()
}
