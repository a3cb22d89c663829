//! The OpenID provider: products sign their users in through this service. Authorization code flow with PKCE (OpenID Connect
//! Core 1.0, RFC 6749, RFC 7636), by the rules of RFC 9700.
//!
//! The part with a browser is the flow `authorization`; this module has the clients, the tokens and the keys.

mod clients;
mod discovery;
mod id_token;
mod keys;
mod parameters;
mod request;
mod token;

pub use clients::{ClientSettings, Clients, InvalidClient};
pub use discovery::discovery;
pub use token::{ClientCredentials, TokenError};

pub(crate) use clients::Client;
pub(crate) use request::{InvalidRequest, Prompt, ValidRequest, redirect};

use account::Timestamp;

/// The time for redeeming a code.
pub(crate) const CODE_MS: i64 = 60_000;
/// The lifetime of an access token and of an ID token.
const TOKEN_S: i64 = 600;
/// The time for signing in while a request waits.
pub(crate) const REQUEST_MS: i64 = 3_600_000;

/// Returns the time before which expired codes are deleted. A code is kept as long as its access token, to detect its second use.
pub(crate) const fn codes_before(now: Timestamp) -> Timestamp {
    Timestamp(now.0 - TOKEN_S * 1_000 - CODE_MS)
}
