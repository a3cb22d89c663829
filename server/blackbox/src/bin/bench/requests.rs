//! The requests of the benchmark, each sent on a persistent connection.

use crate::crowd;
use blackbox::Fault;
use blackbox::http::{Answer, Connection, Jar, form_of};
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

/// Signs in to a product in a live session of a provider: a request that returns with a code, and its tokens. Returns the answer
/// with them.
pub fn product(connection: &mut Connection, host: &str, session: &Jar) -> Result<Answer, Fault> {
    let answer = connection.get(AUTHORIZE, &mut session.clone())?;
    let code = code(&answer).ok_or_else(|| answer.unexpected("authorize"))?;
    let form = form_of(&[
        ("grant_type", "authorization_code"),
        ("client_id", "bench"),
        ("client_secret", SECRET),
        ("redirect_uri", "http://127.0.0.1/callback"),
        ("code", &code),
        ("code_verifier", "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk"),
    ]);
    let request = format!(
        "POST /oauth/token HTTP/1.1\r\nHost: {host}\r\nAccept: application/json\r\n\
         Content-Type: application/x-www-form-urlencoded\r\nContent-Length: {}\r\n\r\n{form}",
        form.len()
    );
    let answer = connection.send(request.as_bytes())?;
    if answer.json()["id_token"].is_string() {
        Ok(answer)
    } else {
        Err(answer.unexpected("token"))
    }
}

/// Returns the code with which a provider returns to the product.
pub fn code(answer: &Answer) -> Option<String> {
    let query = answer.header("location").strip_prefix("http://127.0.0.1/callback?")?;
    let code = query.split('&').find_map(|pair| pair.strip_prefix("code="));
    code.map(str::to_owned)
}

/// The secret of the product.
pub const SECRET: &str = "the secret of a benchmark, 32 letters and more";

/// The request of the product, with the challenge of RFC 7636, appendix B.
pub const AUTHORIZE: &str = "/oauth/authorize?client_id=bench&redirect_uri=http://127.0.0.1/callback&response_type=code\
                             &scope=openid%20email&code_challenge=E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM\
                             &code_challenge_method=S256";

/// Requests who a user of a site is, as its proxy does.
pub fn site(connection: &mut Connection, question: &str) -> Result<(), Fault> {
    let answer = connection.send(question.as_bytes())?;
    if answer.status == 204 && answer.header("x-auth-email") == crowd::signer(0) {
        Ok(())
    } else {
        Err(answer.unexpected("auth/verify"))
    }
}

/// Requests what an access token tells about its user.
pub fn user_info(connection: &mut Connection, host: &str, token: &str) -> Result<(), Fault> {
    let more = format!("Authorization: Bearer {token}\r\n");
    let request = blackbox::http::get_request("/oauth/userinfo", host, &Jar::default(), &more);
    let answer = connection.send(request.as_bytes())?;
    if answer.status == 200 && answer.says(&crowd::signer(0)) {
        Ok(())
    } else {
        Err(answer.unexpected("oauth/userinfo"))
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
