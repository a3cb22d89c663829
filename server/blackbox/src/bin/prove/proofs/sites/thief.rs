//! The thief: signs users in here and at the sites, asks like a proxy, and counts what was accepted.

use crate::browser::Browser;
use crate::service::{Kind, Service};
use blackbox::Fault;
use blackbox::http::{Answer, Connection};
use blackbox::site::{SESSION, Visitor, authorized};

/// Everyone who is not the user at the site.
pub struct Thief<'a> {
    pub service: &'a Service,
    pub tries: usize,
    /// What was accepted.
    pub accepted: Vec<String>,
}

/// A user with a session of the service.
pub struct User {
    pub email: String,
    pub browser: Browser,
}

impl Thief<'_> {
    pub fn refused(&mut self, what: &str, accepted: bool) {
        self.tries += 1;
        if accepted {
            self.accepted.push(what.to_owned());
        }
    }

    /// Signs a user in: an account of their own, or an existing one.
    pub fn user(&self, email: Option<&str>) -> Result<User, Fault> {
        let email = match email {
            Some(email) => email.to_owned(),
            None => self.service.create_account(Kind::Local)?,
        };
        let mut browser = self.service.browser_at(0);
        browser.sign_in(&self.service.mail, &email)?;
        Ok(User { email, browser })
    }

    pub fn at(&self, server: usize) -> Result<Connection, Fault> {
        self.service.browser_at(server).connect()
    }

    /// Enters a site with the session of a user, at each server in turn.
    pub fn enter(&self, user: &User, host: &str) -> Result<Visitor, Fault> {
        let mut visitor = Visitor::new(host);
        let back = self.code(user, &mut visitor)?;
        let answer = visitor.open(&mut self.at(0)?, &back)?;
        if visitor.jar.get(SESSION).is_none() {
            return Err(answer.unexpected("entering a site"));
        }
        self.admits(&visitor, &user.email)?;
        Ok(visitor)
    }

    /// Returns the path and query with a code.
    pub fn code(&self, user: &User, visitor: &mut Visitor) -> Result<String, Fault> {
        let authorize = visitor.start(&mut self.at(0)?, "/page")?;
        authorized(&mut self.at(1)?, &self.service.host(), &authorize, &user.browser.jar)
    }

    /// Sends a proxy's question to a server.
    pub fn verify(&self, visitor: &Visitor, uri: &str, server: usize) -> Result<Answer, Fault> {
        let question = visitor.question(&self.service.host(), uri);
        self.at(server)?.send(question.as_bytes())
    }

    /// Returns whether a server admits a browser to a page that is for all users.
    pub fn is_admitted(&self, visitor: &Visitor) -> Result<bool, Fault> {
        let mut any = false;
        for server in 0..2 {
            let answer = self.verify(visitor, "/page", server)?;
            let tells = answer.headers.iter().any(|(name, _)| name.starts_with("x-auth-"));
            any |= match (answer.status, tells) {
                (204, true) => true,
                (401, false) => false,
                _ => return Err(answer.unexpected("/auth/verify")),
            };
        }
        Ok(any)
    }

    /// Fails unless the site admits a user, and learns who it is.
    pub fn admits(&self, visitor: &Visitor, email: &str) -> Result<(), Fault> {
        let answer = self.verify(visitor, "/page", 1)?;
        if answer.status == 204 && answer.header("x-auth-email") == email {
            Ok(())
        } else {
            Err(answer.unexpected("a user at a site"))
        }
    }
}
