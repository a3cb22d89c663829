//! Invariants of a reset after every fault: exactly one of the old and the new password signs in; code, notice and ended
//! sessions correspond to the password change; no acknowledged change is lost; the database passes its integrity check.

use crate::browser::Browser;
use crate::ground::Ground;
use crate::service::{NEW_PASSWORD, PASSWORD, Service};
use blackbox::Fault;
use std::time::Duration;

/// An account in the middle of a reset.
pub struct Case {
    pub email: String,
    /// A browser that signed in before the reset.
    pub before: Browser,
    pub acknowledged: bool,
}

/// Returns the first violated invariant, if any.
pub fn violation(service: &Service, case: &mut Case) -> Result<Option<String>, Fault> {
    let email = case.email.as_str();
    let old = service.browser().password_is(email, PASSWORD)?;
    let new = service.browser().password_is(email, NEW_PASSWORD)?;
    let signed_in = case.before.is_signed_in()?;
    let wrong = match (old, new) {
        (true, true) => Some("both passwords sign in"),
        (false, false) => Some("neither password signs in"),
        (true, false) if case.acknowledged => Some("an acknowledged change was lost"),
        (true, false) if !signed_in => Some("a session ended without a change"),
        (false, true) if signed_in => Some("a session outlived the change"),
        (false, true) if !told_of_change(service, email) => Some("the owner got no notice of the change"),
        _ => None,
    };
    Ok(wrong.map(|wrong| format!("{email}: {wrong}")))
}

/// Runs the database's own integrity check. PostgreSQL passes it by starting.
pub fn integrity(service: &Service, ground: &Ground) -> Result<Option<String>, Fault> {
    if service.database.starts_with("postgres") {
        return service.sql(ground, "SELECT 1").map(|_| None);
    }
    let said = service.sql(ground, "PRAGMA integrity_check; PRAGMA foreign_key_check;")?;
    Ok((said != "ok").then(|| format!("integrity_check: {said}")))
}

fn told_of_change(service: &Service, email: &str) -> bool {
    let most = Duration::from_secs(75);
    // The notice has a different sender than the codes. A killed outbox worker's lease on its e-mails lasts a minute.
    let until = std::time::Instant::now() + most;
    while std::time::Instant::now() < until {
        let messages = service.mail.to(email);
        if messages.iter().any(|message| !message.mail.contains("@signin.")) {
            return true;
        }
        let _ = service
            .mail
            .wait_for(email, messages.len() + 1, Duration::from_millis(500));
    }
    false
}
