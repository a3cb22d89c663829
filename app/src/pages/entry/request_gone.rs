//! The notice that a request has ended.

use crate::ui::{Notice, use_problem};
use crate::words::use_words;
use leptos::prelude::*;

/// Why a flow is at its start again: the browser holds one that has ended. A refusal of the last try says more, and stands alone.
pub(super) fn request_gone(is_over: bool) -> Option<AnyView> {
    let say = is_over && use_problem().is_none();
    say.then(|| view! { <Notice>{use_words().say("refusal.flow_gone")}</Notice> }.into_any())
}
