//! The head of every document.

use super::assets::Assets;
use crate::settings::{PublicSettings, Theme};
use leptos::prelude::*;

/// Renders the head's elements, except title and scripts.
pub(super) fn head(settings: &PublicSettings, assets: &Assets) -> impl IntoView + use<> {
    let scheme = match settings.theme {
        Theme::Auto => "light dark",
        Theme::Light => "light",
        Theme::Dark => "dark",
    };
    view! {
        <meta charset="utf-8"/>
        <meta name="viewport" content="width=device-width, initial-scale=1"/>
        <meta name="color-scheme" content=scheme/>
        <link rel="stylesheet" href=assets.css.clone()/>
        <link rel="icon" href="/favicon.svg" type="image/svg+xml"/>
    }
}
