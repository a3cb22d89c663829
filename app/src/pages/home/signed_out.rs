//! After signing out.

use crate::ui::{LinkButton, Page};
use crate::words::use_words;
use leptos::prelude::*;

/// `/signed-out`.
pub(in crate::pages) fn page() -> AnyView {
    let words = use_words();
    view! {
        <Page heading=words.say("signed_out.title")>
            <p>{words.say("signed_out.lead")}</p>
            <p>
                <LinkButton href="/signin" label=words.say("signed_out.again") />
            </p>
        </Page>
    }
    .into_any()
}
