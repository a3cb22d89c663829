//! A SQLite file, asked from outside.

use crate::Fault;
use std::process::Command;

/// Asks as an operator with `sqlite3`: a row a line, columns with `|` between.
///
/// # Errors
/// What the program says; the first statement that fails is the last.
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
