//! The settings for a page: the operator's public settings and the caller's.

use super::cookies;
use super::response::caller;
use crate::settings::{PublicSettings, Theme};
use backend::{Backend, Caller};
use http::request::Parts;
use leptos::prelude::*;

/// Returns the settings for the page being rendered.
pub(crate) fn settings_here() -> PublicSettings {
    let (Some(backend), Some(parts)) = (use_context::<Backend>(), use_context::<Parts>()) else {
        return PublicSettings::default();
    };
    let Caller {
        language, signed_in, ..
    } = caller(&parts);
    PublicSettings {
        signed_in,
        theme: Theme::of(&cookies::theme(&parts.headers).unwrap_or_default()),
        ..public_settings(&backend, &language)
    }
}

/// Returns the settings for a page without a caller.
pub(crate) fn public_settings(backend: &Backend, language: &str) -> PublicSettings {
    let settings = backend.settings();
    PublicSettings {
        brand: settings.brand.clone(),
        origin: settings.origin.clone(),
        sender_codes: settings.sender_codes.clone(),
        sender_notices: settings.sender_notices.clone(),
        password_min: settings.password.min,
        trust_days: settings.trust_days,
        sign_up: settings.sign_up,
        language: language.to_owned(),
        theme: Theme::Auto,
        signed_in: false,
    }
}
