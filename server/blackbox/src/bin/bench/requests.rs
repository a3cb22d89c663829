//! The requests of the benchmark, each sent on a persistent connection.

use crate::crowd;
use blackbox::Fault;
use blackbox::http::{Answer, Connection, Jar};
use std::thread::sleep;
use std::time::Duration;

/// Opens the page.
pub fn page(connection: &mut Connection, _: usize) -> Result<(), Fault> {
    let answer = connection.page("/signin", true)?;
    // Compressed, it is about two kilobytes.
    let whole = answer.status == 200 && answer.body.len() > 500;
    if whole {
        Ok(())
    } else {
        Err(answer.unexpected("GET /signin"))
    }
}

/// Submits address and password in a new browser; a code is mailed.
pub fn sign_in(connection: &mut Connection, index: usize) -> Result<(), Fault> {
    let mut jar = Jar::default();
    let answer = connection.form("/api/sign_in/begin", &[("email", &crowd::signer(index))], &mut jar)?;
    if answer.status != 200 || !answer.says("EnterPassword") {
        return Err(answer.unexpected("sign_in/begin"));
    }
    let answer = patiently(|| connection.form("/api/sign_in/password", &[("password", crowd::PASSWORD)], &mut jar))?;
    if answer.status != 200 || !answer.says("EnterCode") {
        return Err(answer.unexpected("sign_in/password"));
    }
    Ok(())
}

/// Requests a reset; every other address has no account. Each address occurs once per round.
pub fn reset(connection: &mut Connection, round: usize, index: usize) -> Result<(), Fault> {
    let email = if index.is_multiple_of(2) {
        crowd::forgetful(index / 2)
    } else {
        format!("nobody{round}-{index}@example.net")
    };
    let answer = connection.form("/api/reset/begin", &[("email", &email)], &mut Jar::default())?;
    let asked = answer.status == 200 && answer.says("EnterCode");
    if asked {
        Ok(())
    } else {
        Err(answer.unexpected("reset/begin"))
    }
}

/// Requests the session's account, as a product does.
pub fn session(connection: &mut Connection, session: &Jar) -> Result<(), Fault> {
    let answer = connection.get("/api/profile/view", &mut session.clone())?;
    if answer.status == 200 && answer.says(&crowd::signer(0)) {
        Ok(())
    } else {
        Err(answer.unexpected("profile/view"))
    }
}

/// Retries after 503 for up to half a minute and counts that time. On an idle machine, the queue for hashes holds all clients.
pub fn patiently(mut ask: impl FnMut() -> Result<Answer, Fault>) -> Result<Answer, Fault> {
    const TRIES: usize = 150;
    for _ in 1..TRIES {
        let answer = ask()?;
        if answer.status != 503 {
            return Ok(answer);
        }
        sleep(Duration::from_millis(200));
    }
    ask()
}
