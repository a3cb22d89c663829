//! A form of a page.

use super::controller::FormController;
use crate::client::{Checked, Fields};
use leptos::ev::SubmitEvent;
use leptos::prelude::*;

/// A form that works without scripts; with them, it is sent without leaving the page.
#[component]
pub fn Form(
    /// Where it is sent.
    action: &'static str,
    /// Who takes the answer.
    controller: FormController,
    /// What can be refused here already.
    #[prop(optional, into)]
    check: Option<Callback<Fields, Checked>>,
    children: Children,
) -> AnyView {
    let submit = move |event: SubmitEvent| controller.submit(&event, action, check);
    // `novalidate`: the browser's own bubbles speak other words than we do, and are gone before they are read.
    view! {
        <form method="post" action=action novalidate on:submit=submit>
            {children()}
        </form>
    }
    .into_any()
}
