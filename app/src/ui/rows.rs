//! Lists of items with actions.

use leptos::prelude::*;

/// A list of [`Row`]s.
#[component]
pub fn Rows(children: Children) -> AnyView {
    // The explicit role is for Safari, which drops it from lists without bullets.
    view! { <ul class="rows" role="list">{children()}</ul> }.into_any()
}

/// An item, with its action at the end.
#[component]
pub fn Row(
    children: Children,
    /// A button, or a form with one.
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
