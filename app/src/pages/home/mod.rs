//! Pages of people who are in, and pages to read.

pub(super) mod about;
pub(super) mod allowlist;
pub(super) mod change_password;
pub(super) mod help;
pub(super) mod profile;
pub(super) mod security;
pub(super) mod signed_out;
