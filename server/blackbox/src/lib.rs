//! Black-box tests of the release program: they start it like an operator and use it like a browser.
#![expect(
    clippy::disallowed_methods,
    reason = "a benchmark reads the clock, and it is not part of the service, where time is an argument"
)]

mod acknowledged;
pub mod authority;
pub mod development;
pub mod http;
pub mod machine;
pub mod mailbox;
pub mod pooler;
pub mod postgres;
pub mod program;
pub mod provider;
pub mod site;
pub mod sqlite;

use std::io::Write;
use std::path::PathBuf;

/// A failure, as a sentence.
pub type Fault = String;

/// Reports progress on standard error; standard output contains only the report.
pub fn say(text: &str) {
    let _ = writeln!(std::io::stderr(), "{text}");
}

/// Returns the absolute path in an environment variable, or the default: programs run in their own folders.
///
/// # Errors
/// Fails if nothing exists at the path.
pub fn path(variable: &str, default: &str) -> Result<PathBuf, Fault> {
    let given = std::env::var(variable).unwrap_or_else(|_| default.to_owned());
    std::fs::canonicalize(&given)
        .map_err(|_| format!("{variable}: there is no {given}; `make {}` builds it", command()))
}

fn command() -> String {
    let name = std::env::args().next().unwrap_or_default();
    name.rsplit('/').next().unwrap_or_default().to_owned()
}
