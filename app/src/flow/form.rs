use super::controller::FormController;
use crate::client::{Checked, Fields};
use leptos::ev::SubmitEvent;
use leptos::prelude::*;

/// A form that works without scripts; with scripts, it is sent without leaving the page.
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
    let submit = move |event: SubmitEvent| controller.submit(&event, action, check);
    // `novalidate`: the browser's own messages have other texts and disappear before they are read.
    view! {
        <form method="post" action=action novalidate on:submit=submit>
            {children()}
        </form>
    }
    .into_any()
}
