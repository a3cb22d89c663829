//! The pages of a signed-in user.

#[cfg(feature = "ssr")]
pub mod activity;
pub(super) mod change_password;
pub(super) mod connect;
#[cfg(feature = "ssr")]
pub(super) mod preferences;
#[cfg(feature = "ssr")]
pub(super) mod privacy;
#[cfg(feature = "ssr")]
pub(super) mod profile;
pub(super) mod security;
