//! What a page must know of the operator's decisions and of who asks; made on the server, the same in the browser.

use crate::words::Words;
use leptos::prelude::*;
use serde::{Deserialize, Serialize};

/// Light or dark.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum Theme {
    /// As the device is set.
    #[default]
    Auto,
    /// Always light.
    Light,
    /// Always dark.
    Dark,
}

impl Theme {
    /// Reads the form's or the cookie's value; everything else is [`Theme::Auto`].
    #[must_use]
    pub fn of(value: &str) -> Self {
        match value {
            "light" => Self::Light,
            "dark" => Self::Dark,
            _ => Self::Auto,
        }
    }

    /// The form's, the cookie's and the document's value.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Auto => "auto",
            Self::Light => "light",
            Self::Dark => "dark",
        }
    }
}

/// The part of the settings that everybody may read, and of the caller that the page shows.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PublicSettings {
    /// The product's name.
    pub brand: String,
    /// Where people reach the service: `https://accounts.example.com`, without a slash at the end.
    pub origin: String,
    /// Who sends codes and answers.
    pub sender_codes: String,
    /// Who sends notices.
    pub sender_notices: String,
    /// Fewest characters of a password.
    pub password_min: usize,
    /// For how many days a device is trusted.
    pub trust_days: i64,
    /// Whether strangers may make themselves an account.
    pub sign_up: bool,
    /// One of [`crate::words::LANGUAGES`].
    pub language: String,
    /// Light or dark, as chosen.
    pub theme: Theme,
    /// Whether the browser holds a session; only for what the frame offers, never for what is allowed.
    pub signed_in: bool,
}

impl Default for PublicSettings {
    fn default() -> Self {
        Self {
            brand: String::new(),
            origin: String::new(),
            sender_codes: String::new(),
            sender_notices: String::new(),
            password_min: 15,
            trust_days: 30,
            sign_up: false,
            language: "en".into(),
            theme: Theme::Auto,
            signed_in: false,
        }
    }
}

/// The settings of this page.
#[must_use]
pub fn use_settings() -> PublicSettings {
    use_context().unwrap_or_default()
}

/// Makes these settings, and the words that go with them, known below here.
pub(crate) fn provide(settings: PublicSettings) {
    provide_context(Words::of(&settings.language));
    provide_context(settings);
}
