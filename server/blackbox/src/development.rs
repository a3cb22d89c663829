//! A sign-in at a development run, with e-mails in a folder.

use crate::Fault;
use crate::http::{Connection, Jar};
use crate::program::Running;
use std::path::Path;

/// Signs in at a program started with `--dev`; returns the browser's cookies.
///
/// # Errors
/// Fails if a step is refused or no code was mailed.
pub fn sign_in(running: &Running, folder: &Path, email: &str, password: &str) -> Result<Jar, Fault> {
    let mut connection = Connection::open(running.port())?;
    let mut jar = Jar::default();
    connection.form("/api/sign_in/begin", &[("email", email)], &mut jar)?;
    connection.form("/api/sign_in/password", &[("password", password)], &mut jar)?;
    running.be_quiet()?;
    let code = mailed_code(folder)?;
    let answer = connection.form("/api/sign_in/answer", &[("code", &code)], &mut jar)?;
    if answer.says("SignedIn") {
        Ok(jar)
    } else {
        Err(answer.unexpected("sign_in/answer"))
    }
}

/// Returns the code at the start of the latest e-mail's subject.
fn mailed_code(folder: &Path) -> Result<String, Fault> {
    let folder = folder.join("data/emails");
    let fault = |error: std::io::Error| format!("{}: {error}", folder.display());
    let mut messages: Vec<_> = std::fs::read_dir(&folder)
        .map_err(fault)?
        .filter_map(|entry| Some(entry.ok()?.path()))
        .collect();
    messages.sort();
    let newest = messages.last().ok_or("no e-mail was kept")?;
    let message: serde_json::Value =
        serde_json::from_slice(&std::fs::read(newest).map_err(fault)?).map_err(|error| error.to_string())?;
    let subject = message["subject"].as_str().unwrap_or_default();
    let code = subject
        .split(|c: char| !c.is_ascii_digit())
        .find(|digits| digits.len() == 6);
    Ok(code.ok_or("the e-mail has no code in its subject")?.to_owned())
}
