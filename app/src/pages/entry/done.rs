//! The end of a reset or a sign-up: continue to sign in.

use crate::api::sign_in;
use crate::flow::{Form, FormController};
use crate::ui::{Page, SubmitButton};
use crate::words::use_words;
use account::EmailAddress;
use leptos::prelude::*;
use leptos::server_fn::ServerFn;

/// Renders the flow's success text and a button to sign in with the address filled in.
pub(super) fn done(controller: FormController, name: &str, email: EmailAddress) -> AnyView {
    let words = use_words();
    let say = |key| words.say(&[name, key].concat());
    let (lead, go_on) = (say(".done_lead"), say(".continue"));
    view! {
        <Page heading=say(".done_title")>
            <p>{lead}</p>
            <Form action=sign_in::Begin::PATH controller=controller>
                <input type="hidden" name="email" value=email.to_string() />
                <SubmitButton label=go_on pending=controller.pending() />
            </Form>
        </Page>
    }
    .into_any()
}
