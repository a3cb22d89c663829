//! The OpenID provider: products sign their users in through this service. Authorization code flow with PKCE (OpenID Connect
//! Core 1.0, RFC 6749, RFC 7636), by the rules of RFC 9700.
//!
//! The part with a browser is the flow `authorization`; this module has the clients, the tokens and the keys.

mod client;
mod client_assertion;
mod client_options;
mod client_rates;
mod client_request;
mod client_settings;
mod clients;
mod discovery;
mod id_token;
mod keys;
mod logout_delivery;
mod logout_request;
mod mail_choice;
mod parameters;
mod refresh_token;
mod registrations;
mod request;
mod rsa_keys;
mod site_path;
mod sites;
mod stored_clients;
mod subjects;
mod token;

pub use client_options::{ClientOptions, TokenAlgorithm};
pub use client_request::{ClientCredentials, ClientEndpoint, ClientError};
pub use client_settings::{ClientSettings, InvalidClient};
pub use clients::Clients;
pub use discovery::discovery;
pub(crate) use keys::KeptKey;
pub use logout_delivery::LogoutDelivery;
pub use registrations::{ClientDetails, ClientRegistrations, NewClient, NewSecret};
pub use sites::{Site, SiteRuleSettings, SiteSettings, shares_cookies};

pub(crate) use client::Client;
pub(crate) use id_token::factors;
pub(crate) use logout_request::{LogoutRequest, logout_redirect};
pub use request::Hints;
pub(crate) use request::{InvalidRequest, ValidRequest, redirect};
pub(crate) use subjects::known_as;
pub(crate) use token::{connect, is_verified};

use account::Timestamp;

/// The time for redeeming a code.
pub(crate) const CODE_MS: i64 = 60_000;
/// The lifetime of an access token and of an ID token.
const TOKEN_S: i64 = 600;
/// The scope for refresh tokens.
pub(crate) const OFFLINE: &str = "offline_access";
/// The time for signing in while a request waits.
pub(crate) const REQUEST_MS: i64 = 3_600_000;

/// Returns the time until which a new code is kept: as long as its access token, to detect its second use.
pub(crate) const fn code_kept_until(now: Timestamp) -> Timestamp {
    now.plus_ms(CODE_MS + TOKEN_S * 1_000)
}

/// Returns whether a list of scopes contains one.
pub(crate) fn has_scope(scopes: &str, wanted: &str) -> bool {
    scopes.split(' ').any(|scope| scope == wanted)
}
