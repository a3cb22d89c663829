//! A browser of the service: its cookies, and its journeys through the pages.

use crate::service::{PASSWORD, Service};
use blackbox::Fault;
use blackbox::http::{Answer, Connection, Jar, Wanted, another_client, form_of, form_request};
use blackbox::mailbox::Mailbox;
use std::net::Ipv4Addr;

/// See the module documentation. The service sees each browser as a different client.
pub struct Browser {
    port: u16,
    host: String,
    pub client: Ipv4Addr,
    pub jar: Jar,
    connection: Option<Connection>,
}

impl Browser {
    /// Creates a browser without cookies.
    pub fn new(port: u16, host: String) -> Self {
        Self {
            port,
            host,
            client: another_client(),
            jar: Jar::default(),
            connection: None,
        }
    }

    /// Creates another tab, or a thief with copied cookies: the same jar and address, with its own connection to a port.
    pub fn tab(&self, port: u16) -> Self {
        Self {
            port,
            host: self.host.clone(),
            client: self.client,
            jar: self.jar.clone(),
            connection: None,
        }
    }

    /// Sends a form as a page's script does; the answer is a step or a refusal.
    pub fn post(&mut self, path: &str, fields: &[(&str, &str)]) -> Result<Answer, Fault> {
        self.post_as(path, &form_of(fields), Wanted::Data)
    }

    /// Sends a form as a browser without scripts does; the answer is a redirect.
    pub fn submit(&mut self, path: &str, fields: &[(&str, &str)]) -> Result<Answer, Fault> {
        self.post_as(path, &form_of(fields), Wanted::Page)
    }

    /// Sends arbitrary text as a form.
    pub fn post_as(&mut self, path: &str, form: &str, wanted: Wanted) -> Result<Answer, Fault> {
        let request = form_request(path, &self.host, form, &self.jar, wanted);
        let answer = self.send(request.as_bytes())?;
        self.jar.keep(&answer);
        Ok(answer)
    }

    pub fn open(&mut self, path: &str) -> Result<Answer, Fault> {
        let request = blackbox::http::get_request(path, &self.host, &self.jar, "");
        let answer = self.send(request.as_bytes())?;
        self.jar.keep(&answer);
        Ok(answer)
    }

    /// Returns the bytes that [`Browser::post`] would send.
    pub fn request(&self, path: &str, fields: &[(&str, &str)]) -> Vec<u8> {
        form_request(path, &self.host, &form_of(fields), &self.jar, Wanted::Data).into_bytes()
    }

    /// Opens a new connection from its address.
    pub fn connect(&self) -> Result<Connection, Fault> {
        Ok(Connection::open_from(self.client, self.port)?.named(&self.host))
    }

    /// Sends bytes on the persistent connection, or on a new one if that one has been closed.
    pub fn send(&mut self, request: &[u8]) -> Result<Answer, Fault> {
        if let Some(mut kept) = self.connection.take()
            && let Ok(answer) = kept.send(request)
        {
            self.connection = Some(kept);
            return Ok(answer);
        }
        let mut fresh = self.connect()?;
        let answer = fresh.send(request)?;
        self.connection = Some(fresh);
        Ok(answer)
    }

    /// Sends a form and fails unless the answer is the expected step, such as `EnterCode`.
    pub fn step(&mut self, path: &str, fields: &[(&str, &str)], step: &str) -> Result<Answer, Fault> {
        let answer = self.post(path, fields)?;
        if answer.status == 200 && answer.outcome() == step {
            Ok(answer)
        } else {
            Err(answer.unexpected(&format!("{path} instead of {step}")))
        }
    }

    /// Requests a reset; its code is mailed.
    pub fn begin_reset(&mut self, email: &str) -> Result<Answer, Fault> {
        self.step("/api/reset/begin", &[("email", email)], "EnterCode")
    }

    /// Continues a reset to the new password, with the code of the latest e-mail.
    pub fn reset_to_password(&mut self, mail: &Mailbox, email: &str) -> Result<(), Fault> {
        let messages = mail.to(email).len();
        self.begin_reset(email)?;
        let code = mail.code_after(email, messages)?;
        self.step("/api/reset/answer", &[("code", &code)], "ChoosePassword")
            .map(drop)
    }

    /// Completes a reset.
    pub fn reset(&mut self, mail: &Mailbox, email: &str, password: &str) -> Result<(), Fault> {
        self.reset_to_password(mail, email)?;
        let fields = [("password", password), ("again", password)];
        self.step("/api/reset/choose", &fields, "Done").map(drop)
    }

    /// Begins a sign-in with [`PASSWORD`] and stops at the code.
    pub fn sign_in_to_code(&mut self, email: &str) -> Result<(), Fault> {
        self.sign_in_to_code_with(email, PASSWORD)
    }

    /// Begins a sign-in with another password and stops at the code.
    pub fn sign_in_to_code_with(&mut self, email: &str, password: &str) -> Result<(), Fault> {
        self.reference_at_code(email, password).map(drop)
    }

    /// Begins a sign-in and stops at the code; returns the reference of the request.
    fn reference_at_code(&mut self, email: &str, password: &str) -> Result<String, Fault> {
        self.step("/api/sign_in/begin", &[("email", email)], "EnterPassword")?;
        let answer = self.step("/api/sign_in/password", &[("password", password)], "EnterCode")?;
        let reference = answer.json()["EnterCode"]["reference"].as_str().map(str::to_owned);
        reference.ok_or_else(|| answer.unexpected("a step without a reference"))
    }

    /// Completes a sign-in with [`PASSWORD`].
    pub fn sign_in(&mut self, mail: &Mailbox, email: &str) -> Result<(), Fault> {
        self.sign_in_with(mail, email, PASSWORD)
    }

    /// Completes a sign-in with another password.
    pub fn sign_in_with(&mut self, mail: &Mailbox, email: &str, password: &str) -> Result<(), Fault> {
        let messages = mail.to(email).len();
        let reference = self.reference_at_code(email, password)?;
        let code = mail.code_of_request_after(email, messages, &reference)?;
        let answer = self.post("/api/sign_in/answer", &[("code", &code)])?;
        if answer.status == 200 && self.is_signed_in()? {
            Ok(())
        } else {
            Err(answer.unexpected("signing in"))
        }
    }

    /// Creates an account without signing in; returns its address.
    pub fn sign_up(&mut self, service: &Service, password: &str) -> Result<String, Fault> {
        let email = service.stranger();
        self.step("/api/sign_up/begin", &[("email", &email)], "EnterCode")?;
        let code = service.mail.code_after(&email, 0)?;
        self.step("/api/sign_up/answer", &[("code", &code)], "ChooseDetails")?;
        let details = [("name", "Robin"), ("password", password), ("again", password)];
        self.step("/api/sign_up/finish", &details, "Done")?;
        Ok(email)
    }

    /// Changes the password of the signed-in account.
    pub fn change_password(&mut self, from: &str, to: &str) -> Result<(), Fault> {
        let answer = self.post(CHANGE, &change_of(from, to))?;
        if answer.status == 200 {
            Ok(())
        } else {
            Err(answer.unexpected("a change of the password"))
        }
    }

    /// Returns whether the security page opens.
    pub fn is_signed_in(&mut self) -> Result<bool, Fault> {
        let answer = self.open("/security")?;
        match answer.status {
            200 => Ok(true),
            303 => Ok(false),
            _ => Err(answer.unexpected("GET /security")),
        }
    }

    /// Checks in a new browser whether a password is correct.
    pub fn password_is(&mut self, email: &str, password: &str) -> Result<bool, Fault> {
        self.step("/api/sign_in/begin", &[("email", email)], "EnterPassword")?;
        let answer = self.post("/api/sign_in/password", &[("password", password)])?;
        match (answer.status, answer.outcome().as_str()) {
            (200, _) => Ok(true),
            (422, "sign_in_wrong") => Ok(false),
            _ => Err(answer.unexpected("a password")),
        }
    }
}

/// Returns a different code.
pub fn other_than(code: &str, by: u64) -> String {
    let digits = code.len();
    let number: u64 = code.parse().unwrap_or_default();
    let bound = 10_u64.pow(u32::try_from(digits).unwrap_or(6));
    format!("{:0digits$}", (number + by) % bound)
}

pub const CHANGE: &str = "/api/security/change_password";

/// Returns the fields of a change.
pub const fn change_of<'a>(from: &'a str, to: &'a str) -> [(&'a str, &'a str); 3] {
    [("current", from), ("password", to), ("again", to)]
}
