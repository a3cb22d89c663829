//! The notice that a request has ended.

use crate::ui::{Notice, use_problem};
use crate::words::use_words;
use leptos::prelude::*;

/// Renders the notice that the flow has ended and begins again. Omitted after a refusal, which says more.
pub(in crate::pages) fn request_gone(is_over: bool) -> Option<AnyView> {
    let say = is_over && use_problem().is_none();
    say.then(|| view! { <Notice>{use_words().say("refusal.flow_gone")}</Notice> }.into_any())
}
