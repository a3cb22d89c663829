//! Queries of a SQLite file by a separate process.

use crate::Fault;
use std::process::Command;

/// Runs `sqlite3`: one row per line, columns separated by `|`.
///
/// # Errors
/// Returns the message of `sqlite3`, which stops at the first failing statement.
pub fn sql(file: &str, sql: &str) -> Result<String, Fault> {
    let output = Command::new("sqlite3")
        .args(["-bail", "-cmd", ".timeout 10000", file, sql])
        .output()
        .map_err(|error| format!("sqlite3: {error}"))?;
    if output.status.success() {
        Ok(String::from_utf8_lossy(&output.stdout).trim().to_owned())
    } else {
        Err(format!("sqlite3: {}", String::from_utf8_lossy(&output.stderr)))
    }
}
