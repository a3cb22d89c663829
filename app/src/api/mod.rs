//! The server functions, one file per flow. Plain forms and the page's script use the same endpoints.

pub(crate) mod confirm;
pub(crate) mod connections;
#[cfg(feature = "ssr")]
mod cookies;
#[cfg(feature = "ssr")]
mod destination;
pub(crate) mod email_change;
#[cfg(feature = "ssr")]
mod faults;
pub(crate) mod organization;
pub(crate) mod preferences;
pub(crate) mod privacy;
pub(crate) mod profile;
#[cfg(feature = "ssr")]
mod provider;
#[cfg(feature = "ssr")]
mod public_settings;
#[cfg(feature = "ssr")]
mod request_context;
pub(crate) mod reset;
#[cfg(feature = "ssr")]
mod response;
pub(crate) mod secure;
pub(crate) mod security;
pub(crate) mod sign_in;
pub(crate) mod sign_up;

#[cfg(feature = "ssr")]
pub use cookies::{LANGUAGE, cookie, email_filled_in, held, of_language, of_theme};
#[cfg(feature = "ssr")]
pub use faults::unreadable_form;
#[cfg(feature = "ssr")]
pub use organization::members;
#[cfg(feature = "ssr")]
pub use privacy::{account_data, activity};
#[cfg(feature = "ssr")]
pub use provider::{BrowserRedirect, begin_provider, finish_provider, token_cookies};
#[cfg(feature = "ssr")]
pub use public_settings::waiting_product;
#[cfg(feature = "ssr")]
pub(crate) use public_settings::{provider, settings_here, settings_of};
#[cfg(feature = "ssr")]
pub use response::wants_html;
#[cfg(feature = "ssr")]
pub(crate) use response::{go_to, not_found};
