//! One request each for signing in, viewing pages, signing out and resetting the password.

use crate::crowd;
use blackbox::Fault;
use blackbox::http::{Answer, Connection, Jar};
use blackbox::mailbox::Mailbox;

/// The two passwords between which an account alternates.
const PASSWORDS: [&str; 2] = [crowd::PASSWORD, "plum tractor violet harbour lamp"];

/// A request. Each one requires those before it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Step {
    Page,
    /// Submits the address.
    Begin,
    WrongPassword,
    /// Submits the correct password; a code is mailed.
    Password,
    /// Submits the code, which signs in.
    Code,
    Security,
    /// Requests the session's account, as a product does.
    Session,
    SignOut,
    /// Requests a reset; a code is mailed.
    Forgot,
    ResetCode,
    NewPassword,
}

/// An account and its browser. Its address is unique.
pub struct User {
    email: String,
    password: usize,
    code: String,
    jar: Jar,
}

impl User {
    /// Creates an account with [`crowd::PASSWORD`].
    pub fn new(email: String) -> Self {
        Self {
            email,
            password: 0,
            code: String::new(),
            jar: Jar::default(),
        }
    }

    /// Reads the latest code if this step submits one, and deletes earlier e-mails if this step causes one.
    pub fn read_emails(&mut self, mail: &Mailbox, step: Step) -> Result<(), Fault> {
        match step {
            Step::Password | Step::Forgot => mail.forget(&self.email),
            Step::Code | Step::ResetCode => self.code = mail.code_after(&self.email, 0)?,
            _ => {}
        }
        Ok(())
    }
}

impl Step {
    pub const ALL: [Self; 11] = [
        Self::Page,
        Self::Begin,
        Self::WrongPassword,
        Self::Password,
        Self::Code,
        Self::Security,
        Self::Session,
        Self::SignOut,
        Self::Forgot,
        Self::ResetCode,
        Self::NewPassword,
    ];

    pub const fn name(self) -> &'static str {
        match self {
            Self::Page => "`GET /signin`",
            Self::Begin => "`sign_in/begin`",
            Self::WrongPassword => "`sign_in/password`, wrong",
            Self::Password => "`sign_in/password`, right",
            Self::Code => "`sign_in/answer`",
            Self::Security => "`GET /security`",
            Self::Session => "`profile/view`, a session check",
            Self::SignOut => "`sign_in/sign_out`",
            Self::Forgot => "`reset/begin`",
            Self::ResetCode => "`reset/answer`",
            Self::NewPassword => "`reset/choose`",
        }
    }

    pub fn send(self, user: &mut User, connection: &mut Connection) -> Result<Answer, Fault> {
        let password = PASSWORDS[user.password];
        let other = PASSWORDS[1 - user.password];
        let jar = &mut user.jar;
        let (path, fields): (_, &[(&str, &str)]) = match self {
            Self::Page => return connection.get("/signin", jar),
            Self::Security => return connection.get("/security", jar),
            Self::Session => return connection.get("/api/profile/view", jar),
            Self::Begin => ("/api/sign_in/begin", &[("email", &user.email)]),
            Self::WrongPassword => ("/api/sign_in/password", &[("password", "an entirely wrong password")]),
            Self::Password => ("/api/sign_in/password", &[("password", password)]),
            Self::Code => ("/api/sign_in/answer", &[("code", &user.code)]),
            Self::SignOut => ("/api/sign_in/sign_out", &[]),
            Self::Forgot => ("/api/reset/begin", &[("email", &user.email)]),
            Self::ResetCode => ("/api/reset/answer", &[("code", &user.code)]),
            Self::NewPassword => ("/api/reset/choose", &[("password", other), ("again", other)]),
        };
        let answer = connection.form(path, fields, jar)?;
        if self == Self::NewPassword && self.is_done(&user.email, &answer) {
            user.password = 1 - user.password;
        }
        Ok(answer)
    }

    /// Fails unless the answer is the expected one.
    pub fn demand(self, user: &User, answer: &Answer) -> Result<(), Fault> {
        if self.is_done(&user.email, answer) {
            Ok(())
        } else {
            Err(answer.unexpected(self.name()))
        }
    }

    fn is_done(self, email: &str, answer: &Answer) -> bool {
        let (status, outcome) = match self {
            Self::Page | Self::Security => return answer.status == 200 && answer.says("</html>"),
            Self::Session => return answer.status == 200 && answer.says(email),
            Self::SignOut => return answer.status == 200,
            Self::Begin => (200, "EnterPassword"),
            Self::WrongPassword => (422, "sign_in_wrong"),
            Self::Password | Self::Forgot => (200, "EnterCode"),
            Self::Code => (200, "SignedIn"),
            Self::ResetCode => (200, "ChoosePassword"),
            Self::NewPassword => (200, "Done"),
        };
        answer.status == status && answer.outcome() == outcome
    }
}
