//! The operator's and the caller's settings for pages; created on the server and passed to the browser.

use crate::words::Words;
use account::ProviderButton;
pub use account::Theme;
use leptos::prelude::*;
use serde::{Deserialize, Serialize};

/// The public settings, and those of the caller that the page shows.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PublicSettings {
    /// The product's name.
    pub brand: String,
    /// The service's origin without a trailing slash: `https://accounts.example.com`.
    pub origin: String,
    /// The sender of codes and replies.
    pub sender_codes: String,
    /// The sender of security notices.
    pub sender_notices: String,
    /// Minimum length of a password in characters.
    pub password_min: usize,
    /// The number of days for which a device stays trusted.
    pub trust_days: i64,
    /// Whether visitors may sign up.
    pub sign_up: bool,
    /// The providers with a button on the sign-in page.
    pub providers: Vec<ProviderButton>,
    /// One of [`crate::words::LANGUAGES`].
    pub language: String,
    /// The chosen theme.
    pub theme: Theme,
    /// Whether the browser has a session. Only decides which links the frame shows, never access.
    pub signed_in: bool,
    /// Whether the signed-in user administers an organization; as above.
    pub administers: bool,
    /// The product that waits for the user to sign in.
    pub product: Option<String>,
    /// Its mark: a `data:` URL of an image. The browser takes the image from the server's page.
    #[cfg(feature = "ssr")]
    #[serde(skip)]
    pub product_logo: Option<String>,
    /// How times are written. The browser takes it from the document, see `moment()` in `page.js`.
    #[cfg(feature = "ssr")]
    #[serde(skip)]
    pub times: account::TimeFormat,
    /// The size of texts, also in the document.
    #[cfg(feature = "ssr")]
    #[serde(skip)]
    pub text_size: account::TextSize,
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
            providers: Vec::new(),
            language: "en".into(),
            theme: Theme::Auto,
            signed_in: false,
            administers: false,
            product: None,
            #[cfg(feature = "ssr")]
            product_logo: None,
            #[cfg(feature = "ssr")]
            times: account::TimeFormat::default(),
            #[cfg(feature = "ssr")]
            text_size: account::TextSize::default(),
        }
    }
}

/// Returns the settings of this page.
#[must_use]
pub fn use_settings() -> PublicSettings {
    use_context().unwrap_or_default()
}

/// Provides the settings and the texts of their language as context.
pub(crate) fn provide(settings: PublicSettings) {
    provide_context(Words::of(&settings.language));
    provide_context(settings);
}
