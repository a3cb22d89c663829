//! What must be true of a reset after every fault: exactly one of the old and the new password signs in; the code is used
//! exactly if the password changed, and exactly then earlier sessions are dead; a change is told to its owner; what was
//! acknowledged is never lost; the database is whole.

use crate::browser::Browser;
use crate::ground::Ground;
use crate::service::{NEW_PASSWORD, PASSWORD, Service};
use blackbox::Fault;
use std::time::Duration;

/// A person in the middle of a reset, whatever became of it.
pub struct Case {
    /// Whose.
    pub email: String,
    /// Signed in before it.
    pub before: Browser,
    /// Whether the new password was acknowledged.
    pub acknowledged: bool,
}

/// What of that is not true, if anything.
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
        (false, true) if !told_of_change(service, email) => Some("the owner was not told of the change"),
        _ => None,
    };
    Ok(wrong.map(|wrong| format!("{email}: {wrong}")))
}

/// Whether the database is whole, by its own word. PostgreSQL says so by having started.
pub fn integrity(service: &Service, ground: &Ground) -> Result<Option<String>, Fault> {
    if service.database.starts_with("postgres") {
        return service.sql(ground, "SELECT 1").map(|_| None);
    }
    let said = service.sql(ground, "PRAGMA integrity_check; PRAGMA foreign_key_check;")?;
    Ok((said != "ok").then(|| format!("integrity_check: {said}")))
}

fn told_of_change(service: &Service, email: &str) -> bool {
    let most = Duration::from_secs(75);
    // Of the mails to that person the notice is the one from the other sender; an outbox worker that was killed holds its e-mail
    // for a minute.
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
