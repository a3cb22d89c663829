use super::controller::FormController;
use crate::client::{Checked, Fields};
use crate::route::use_route;
use leptos::ev::SubmitEvent;
use leptos::prelude::*;

/// A form that works without scripts; with scripts, it is sent without leaving the page. It contains the page's `next`.
#[component]
pub fn Form(
    /// The endpoint.
    action: &'static str,
    /// The controller that sends the form.
    controller: FormController,
    /// The browser's check before sending.
    #[prop(optional, into)]
    check: Option<Callback<Fields, Checked>>,
    children: Children,
) -> AnyView {
    let next = use_route()
        .query("next")
        .map(|next| view! { <input type="hidden" name="next" value=next /> });
    let submit = move |event: SubmitEvent| controller.submit(&event, action, check);
    // `novalidate`: the browser's own messages have other texts and disappear before they are read.
    view! {
        <form method="post" action=action novalidate on:submit=submit>
            {next}
            {children()}
        </form>
    }
    .into_any()
}
