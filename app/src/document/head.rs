//! The head of every document.

use super::assets::Assets;
use crate::settings::{PublicSettings, Theme};
use account::{DateFormat, TextSize};
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

/// Returns the document's mark of a text size other than the browser's own.
pub(super) fn text_size(settings: &PublicSettings) -> Option<&'static str> {
    (settings.text_size != TextSize::Normal).then(|| settings.text_size.as_str())
}

/// Returns the locale whose dates have the chosen order; `None`: the language's own words. For `moment()` in `page.js`.
pub(super) fn dates(settings: &PublicSettings) -> Option<&'static str> {
    match settings.times.dates {
        DateFormat::Words => None,
        DateFormat::YearFirst => Some("sv"),
        DateFormat::DayFirst => Some("en-GB"),
        DateFormat::MonthFirst => Some("en-US"),
    }
}

/// Returns the hour cycle other than 24 hours, likewise.
pub(super) fn clock(settings: &PublicSettings) -> Option<&'static str> {
    settings.times.twelve_hours.then_some("h12")
}
