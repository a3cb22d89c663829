//! The release program seen from outside: started as an operator starts it, asked as a browser asks it.
#![expect(
    clippy::disallowed_methods,
    reason = "measuring is reading the clock, and this is no part of the service whose time is an argument"
)]

pub mod http;
pub mod machine;
pub mod mailbox;
pub mod pooler;
pub mod postgres;
pub mod program;
pub mod sqlite;

use std::io::Write;
use std::path::PathBuf;

/// What went wrong, as a sentence.
pub type Fault = String;

/// Tells on standard error how far it is; standard output has the report and nothing else.
pub fn say(text: &str) {
    let _ = writeln!(std::io::stderr(), "{text}");
}

/// The path that a variable of the environment names, or the usual one; whole, since programs run in folders of their own.
///
/// # Errors
/// When there is nothing.
pub fn path(variable: &str, default: &str) -> Result<PathBuf, Fault> {
    let given = std::env::var(variable).unwrap_or_else(|_| default.to_owned());
    std::fs::canonicalize(&given)
        .map_err(|_| format!("{variable}: there is no {given}; `make {}` builds it", command()))
}

fn command() -> String {
    let name = std::env::args().next().unwrap_or_default();
    name.rsplit('/').next().unwrap_or_default().to_owned()
}
