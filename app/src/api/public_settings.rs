//! The settings for a page: the operator's public settings and the caller's.

use super::cookies;
use super::response::caller;
use crate::route::query_value;
use crate::settings::{PublicSettings, Theme};
use crate::site_map::{PageId, Script};
use account::ProviderButton;
use backend::flows::WaitingProduct;
use backend::{Backend, Caller};
use http::HeaderMap;
use http::request::Parts;
use leptos::prelude::*;

/// Returns the settings for the page being rendered.
pub(crate) fn settings_here() -> PublicSettings {
    let (Some(backend), Some(parts)) = (use_context::<Backend>(), use_context::<Parts>()) else {
        return PublicSettings::default();
    };
    let product = parts.extensions.get::<WaitingProduct>().cloned();
    let (product, product_logo) = product.map_or((None, None), |product| (Some(product.name), product.logo));
    PublicSettings {
        product,
        product_logo,
        ..settings_of(&backend, &caller(&parts), &parts.headers)
    }
}

/// Finds the product that waits at the `next` of a page before sign-in.
pub async fn waiting_product(backend: &Backend, page: PageId, search: &str) -> Option<WaitingProduct> {
    if page.script() != Script::Entry && page != PageId::Through {
        return None;
    }
    let next = query_value(search, "next")?;
    match backend.waiting_product(&next).await {
        Ok(product) => product,
        // The page works without it, or reports the fault itself.
        Err(fault) => {
            tracing::warn!(%fault, "the waiting product was not found");
            None
        }
    }
}

/// Returns a configured provider.
pub(crate) fn provider(id: &str) -> Option<ProviderButton> {
    let backend = use_context::<Backend>()?;
    let provider = backend.providers().find(id)?;
    Some(ProviderButton {
        id: provider.id().to_owned(),
        name: provider.name().to_owned(),
    })
}

/// Returns the settings for a request.
pub(crate) fn settings_of(backend: &Backend, caller: &Caller, headers: &HeaderMap) -> PublicSettings {
    let settings = backend.settings();
    let preferences = caller.preferences.clone();
    let theme = preferences.theme.or_else(|| Theme::read(&cookies::theme(headers)?));
    PublicSettings {
        brand: settings.brand.clone(),
        origin: settings.origin.clone(),
        sender_codes: settings.sender_codes.clone(),
        sender_notices: settings.sender_notices.clone(),
        password_min: settings.password.min,
        trust_days: settings.trust_days,
        sign_up: settings.sign_up,
        providers: backend.provider_buttons(),
        language: caller.language.clone(),
        theme: theme.unwrap_or_default(),
        signed_in: caller.signed_in,
        administers: caller.administers,
        product: None,
        product_logo: None,
        times: preferences.times,
        text_size: preferences.text_size,
    }
}
