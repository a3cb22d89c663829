//! The life of an account, for proofs that search for leaked secrets.

use crate::browser::Browser;
use crate::service::{Kind, NEW_PASSWORD, PASSWORD, Service};
use blackbox::Fault;
use blackbox::http::Answer;

/// The life of an account: every input, and every answer.
pub struct Life {
    pub email: String,
    /// Passwords, codes and tokens.
    pub secrets: Vec<String>,
    /// Every answer with the requested path.
    pub answers: Vec<(String, Answer)>,
    /// The browser, signed in at the end.
    pub browser: Browser,
}

/// Runs ten incorrect passwords, a sign-in, a change, a reset, a sign-in, a sign-out, and pages in between.
pub fn live(service: &Service) -> Result<Life, Fault> {
    let mut life = Life {
        email: service.create_account(Kind::Local)?,
        secrets: vec![PASSWORD.into(), NEW_PASSWORD.into()],
        answers: Vec::new(),
        browser: service.browser(),
    };
    let email = life.email.clone();
    let wrong = "an entirely wrong password";
    life.secrets.push(wrong.into());
    life.post("/api/sign_in/begin", &[("email", &email)])?;
    for _ in 0..10 {
        life.post("/api/sign_in/password", &[("password", wrong)])?;
    }
    life.sign_in(service, PASSWORD)?;
    let change = [
        ("current", PASSWORD),
        ("password", NEW_PASSWORD),
        ("again", NEW_PASSWORD),
    ];
    life.post("/api/security/change_password", &change)?;
    life.open("/security")?;
    life.post("/api/sign_in/sign_out", &[])?;
    let seen = service.mail.to(&email).len();
    life.post("/api/reset/begin", &[("email", &email)])?;
    let code = service.mail.code_after(&email, seen)?;
    life.secrets.push(code.clone());
    life.post("/api/reset/answer", &[("code", "00000000")])?;
    life.open("/reset")?;
    life.post("/api/reset/answer", &[("code", &code)])?;
    life.post("/api/reset/choose", &[("password", PASSWORD), ("again", "another one")])?;
    life.post("/api/reset/choose", &[("password", PASSWORD), ("again", PASSWORD)])?;
    life.browser = service.browser();
    life.sign_in(service, PASSWORD)?;
    life.open("/security")?;
    service.be_quiet()?;
    Ok(life)
}

impl Life {
    pub fn sign_in(&mut self, service: &Service, password: &str) -> Result<(), Fault> {
        let email = self.email.clone();
        let seen = service.mail.to(&email).len();
        self.post("/api/sign_in/begin", &[("email", &email)])?;
        self.post("/api/sign_in/password", &[("password", password)])?;
        let code = service.mail.code_after(&email, seen)?;
        self.post("/api/sign_in/answer", &[("code", &code)])?;
        self.secrets.push(code);
        if self.browser.is_signed_in()? {
            Ok(())
        } else {
            Err("the life does not go on".into())
        }
    }

    /// Creates another account in another browser.
    pub fn sign_up(&mut self, service: &Service) -> Result<(), Fault> {
        let email = service.stranger();
        self.browser = service.browser();
        self.post("/api/sign_up/begin", &[("email", &email)])?;
        let code = service.mail.code_after(&email, 0)?;
        self.post("/api/sign_up/answer", &[("code", &code)])?;
        let fields = [("name", "Robin"), ("password", NEW_PASSWORD), ("again", NEW_PASSWORD)];
        self.post("/api/sign_up/finish", &fields)?;
        self.secrets.push(code);
        Ok(())
    }

    /// Sends a form and stores the answer.
    pub fn post(&mut self, path: &str, fields: &[(&str, &str)]) -> Result<(), Fault> {
        let answer = self.browser.post(path, fields)?;
        self.keep(path, answer)
    }

    /// Opens a page and stores it.
    pub fn open(&mut self, path: &str) -> Result<(), Fault> {
        let answer = self.browser.open(path)?;
        self.keep(path, answer)
    }

    fn keep(&mut self, path: &str, answer: Answer) -> Result<(), Fault> {
        if answer.status >= 500 {
            return Err(answer.unexpected(path));
        }
        let tokens = answer.cookies().filter(|(_, value)| value.len() >= 32);
        self.secrets.extend(tokens.map(|(_, value)| value.to_owned()));
        self.answers.push((path.to_owned(), answer));
        Ok(())
    }
}
