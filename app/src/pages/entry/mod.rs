//! Pages on the way in.

mod check_your_email;
mod done;
pub(super) mod reset;
pub(super) mod sign_in;
pub(super) mod sign_up;

use crate::settings::use_settings;
use leptos::prelude::*;

/// Nothing is at home here: one is either on the way in, or at one's account.
pub(super) fn start() -> AnyView {
    let path = if use_settings().signed_in {
        "/security"
    } else {
        "/signin"
    };
    #[cfg(feature = "ssr")]
    crate::api::go_to(path);
    Effect::new(move || crate::api::wire::go(path));
    ().into_any()
}
