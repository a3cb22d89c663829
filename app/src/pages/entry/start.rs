//! The start page has no content: it redirects to the sign-in or to the account.

use crate::settings::use_settings;
use crate::view::{View, fixed};
use leptos::prelude::*;

/// `/`.
pub(in crate::pages) fn page() -> View {
    let path = if use_settings().signed_in {
        "/security"
    } else {
        "/signin"
    };
    #[cfg(feature = "ssr")]
    crate::api::go_to(path);
    Effect::new(move || crate::client::requests::go(path));
    fixed(|| ().into_any())
}
