//! What a person does who signs in, looks round, signs out, forgets the password and gets back in: a request each.

use crate::crowd;
use blackbox::Fault;
use blackbox::http::{Answer, Connection, Jar};
use blackbox::mailbox::Mailbox;

/// The passwords of a person, the one or the other.
const PASSWORDS: [&str; 2] = [crowd::PASSWORD, "plum tractor violet harbour lamp"];

/// A request. In this order each can be done after those before it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Step {
    /// Opens the page.
    Page,
    /// Types the address.
    Begin,
    /// Types a password that is not the right one.
    WrongPassword,
    /// Types the right one; a code is mailed.
    Password,
    /// Types the code; signed in.
    Code,
    /// Opens the security page.
    Security,
    /// A product asks whose the session is.
    Session,
    /// Signs out.
    SignOut,
    /// Forgot the password; a code is mailed.
    Forgot,
    /// Types that code.
    ResetCode,
    /// Chooses another password.
    NewPassword,
}

/// Somebody with a browser. The address is nobody else's.
pub struct Person {
    email: String,
    password: usize,
    code: String,
    jar: Jar,
}

impl Person {
    /// Somebody who has an account with [`crowd::PASSWORD`].
    pub fn new(email: String) -> Self {
        Self {
            email,
            password: 0,
            code: String::new(),
            jar: Jar::default(),
        }
    }

    /// Reads the newest code that came, where this step types one, and throws away mails from before where it is to bring one.
    pub fn look_at_mails(&mut self, mail: &Mailbox, step: Step) -> Result<(), Fault> {
        match step {
            Step::Password | Step::Forgot => mail.forget(&self.email),
            Step::Code | Step::ResetCode => self.code = mail.code_after(&self.email, 0)?,
            _ => {}
        }
        Ok(())
    }

    /// Takes another browser.
    pub fn take_another_browser(&mut self) {
        self.jar = Jar::default();
    }
}

impl Step {
    /// All of them in their order.
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

    /// What is asked for.
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

    /// Sends it.
    pub fn send(self, person: &mut Person, connection: &mut Connection) -> Result<Answer, Fault> {
        let password = PASSWORDS[person.password];
        let other = PASSWORDS[1 - person.password];
        let jar = &mut person.jar;
        let (path, fields): (_, &[(&str, &str)]) = match self {
            Self::Page => return connection.get("/signin", jar),
            Self::Security => return connection.get("/security", jar),
            Self::Session => return connection.get("/api/profile/view", jar),
            Self::Begin => ("/api/sign_in/begin", &[("email", &person.email)]),
            Self::WrongPassword => ("/api/sign_in/password", &[("password", "an entirely wrong password")]),
            Self::Password => ("/api/sign_in/password", &[("password", password)]),
            Self::Code => ("/api/sign_in/answer", &[("code", &person.code)]),
            Self::SignOut => ("/api/sign_in/sign_out", &[]),
            Self::Forgot => ("/api/reset/begin", &[("email", &person.email)]),
            Self::ResetCode => ("/api/reset/answer", &[("code", &person.code)]),
            Self::NewPassword => ("/api/reset/choose", &[("password", other), ("again", other)]),
        };
        let answer = connection.form(path, fields, jar)?;
        if self == Self::NewPassword && self.is_done(&person.email, &answer) {
            person.password = 1 - person.password;
        }
        Ok(answer)
    }

    /// Fails on another answer than the one that the person should get.
    pub fn demand(self, person: &Person, answer: &Answer) -> Result<(), Fault> {
        if self.is_done(&person.email, answer) {
            Ok(())
        } else {
            Err(answer.unexpected(self.name()))
        }
    }

    fn is_done(self, email: &str, answer: &Answer) -> bool {
        let (status, told) = match self {
            Self::Page | Self::Security => return answer.status == 200 && answer.says("</html>"),
            Self::Session => return answer.status == 200 && answer.says(email),
            Self::SignOut => return answer.status == 200,
            Self::Begin => (200, "EnterPassword"),
            Self::WrongPassword => (422, "SignInWrong"),
            Self::Password | Self::Forgot => (200, "EnterCode"),
            Self::Code => (200, "SignedIn"),
            Self::ResetCode => (200, "ChoosePassword"),
            Self::NewPassword => (200, "Done"),
        };
        answer.status == status && answer.told() == told
    }
}
