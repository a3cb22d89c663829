//! The pages before sign-in.

mod check_your_email;
mod done;
pub(super) mod reset;
pub(super) mod sign_in;
pub(super) mod sign_up;

use crate::pages::{View, fixed};
use crate::settings::use_settings;
use crate::ui::{Notice, use_problem};
use crate::words::use_words;
use leptos::prelude::*;

/// The start has no content: it leads to sign-in or to the account.
pub(super) fn start() -> View {
    let path = if use_settings().signed_in {
        "/security"
    } else {
        "/signin"
    };
    #[cfg(feature = "ssr")]
    crate::api::go_to(path);
    Effect::new(move || crate::api::wire::go(path));
    fixed(|| ().into_any())
}

/// Why a flow is at its beginning again: the browser holds one that is over. A no of the last try says more, and stands alone.
fn request_gone(is_over: bool) -> Option<AnyView> {
    let say = is_over && use_problem().is_none();
    say.then(|| view! { <Notice>{use_words().say("refusal.flow_gone")}</Notice> }.into_any())
}
