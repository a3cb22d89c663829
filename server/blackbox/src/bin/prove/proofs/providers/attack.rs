//! Sign-ins with a lying provider, and their results.

use crate::browser::Browser;
use crate::ground::Ground;
use crate::service::Service;
use blackbox::Fault;
use blackbox::http::Answer;
use blackbox::provider::{LyingProvider, Person};

/// The cookie of a session.
const SESSION: &str = "__Host-session";
/// The cookie of an attempt to sign in with a provider.
pub const ATTEMPT: &str = "__Host-provider";

/// The page after a confirmed session.
pub const AFTER_CONFIRMATION: &str = "/security";

/// The service under attack, and the results.
pub struct Attack<'a> {
    pub ground: &'a Ground,
    pub service: &'a Service,
    pub provider: &'a LyingProvider,
    /// The number of the repetition. Sign-ins begin at this server (modulo their number) and finish at the next one.
    pub round: usize,
    /// The number of lies so far.
    pub lies: usize,
    /// The lies that the service accepted.
    pub accepted: Vec<String>,
}

impl Attack<'_> {
    /// Returns a person of this round with a verified address.
    pub fn person(&self, name: &str) -> Person {
        Person {
            subject: format!("{name}-{}", self.round),
            email: format!("{name}-{}@example.com", self.round),
            email_verified: true,
        }
    }

    /// Follows the link to a provider; returns the browser and the address of the provider.
    pub fn begin(&self, id: &str) -> Result<(Browser, String), Fault> {
        self.follow(&self.service.browser(), id)
    }

    /// Follows a link in a browser; returns the browser and the address of the provider.
    pub fn follow(&self, browser: &Browser, link: &str) -> Result<(Browser, String), Fault> {
        let mut browser = browser.tab(self.service.port(self.round));
        let answer = browser.open(&format!("/signin/provider/{link}"))?;
        let url = answer.header("location").to_owned();
        if answer.status == 303 && url.starts_with("http") {
            Ok((browser, url))
        } else {
            Err(answer.unexpected(&format!("the link to {link}, to {url}")))
        }
    }

    /// Returns from a provider, at the next server; returns the browser afterwards.
    pub fn finish(&self, browser: &Browser, id: &str, query: &str) -> Result<(Browser, Answer), Fault> {
        let mut browser = browser.tab(self.service.port(self.round + 1));
        let answer = browser.open(&format!("/signin/provider/{id}/callback?{query}"))?;
        Ok((browser, answer))
    }

    /// Signs in in a new browser with a provider that lies as configured, or with an identity that must open nothing.
    pub fn lie(&mut self, lie: &str, id: &str, person: &Person) -> Result<Browser, Fault> {
        let (browser, url) = self.begin(id)?;
        let redirect = self.provider.sign_in(&url, person)?;
        let (browser, answer) = self.finish(&browser, id, &redirect.to_string())?;
        let after = browser.tab(self.service.port(self.round + 1));
        self.refused(lie, browser, &answer)?;
        Ok(after)
    }

    /// Counts a lie. Its browser must be signed out, without a failure of the server.
    pub fn refused(&mut self, lie: &str, mut browser: Browser, answer: &Answer) -> Result<(), Fault> {
        self.lies += 1;
        if answer.status >= 500 {
            return Err(answer.unexpected(lie));
        }
        if browser.jar.get(SESSION).is_some() || browser.is_signed_in()? {
            self.accepted.push(lie.to_owned());
        }
        Ok(())
    }

    /// Counts a lie about a reauthentication. The browser's session must stay unconfirmed, with the same token.
    pub fn unconfirmed(&mut self, lie: &str, before: &Browser, after: &Browser, answer: &Answer) -> Result<(), Fault> {
        self.lies += 1;
        if answer.status >= 500 {
            return Err(answer.unexpected(lie));
        }
        // The page that asks again keeps its destination.
        let asks_again = answer.header("location").split('?').next() == Some("/security/confirm");
        if after.jar.get(SESSION) != before.jar.get(SESSION) || !asks_again {
            self.accepted.push(lie.to_owned());
        }
        Ok(())
    }

    /// Signs in in a new browser with a correct token: a control, without which a refusal of a lie would prove nothing.
    pub fn sign_in(&self, id: &str, person: &Person) -> Result<Browser, Fault> {
        let (browser, url) = self.begin(id)?;
        let redirect = self.provider.sign_in_honestly(&url, person)?;
        let (mut browser, _) = self.finish(&browser, id, &redirect.to_string())?;
        signed_in(&mut browser, id)?;
        Ok(browser)
    }

    /// Returns the number of identities linked with an address.
    pub fn links(&self, email: &str) -> Result<String, Fault> {
        let sql = format!("SELECT count(*) FROM identities WHERE email = '{email}'");
        Ok(self.service.sql(self.ground, &sql)?.trim().to_owned())
    }
}

/// Fails unless a browser is signed in.
pub fn signed_in(browser: &mut Browser, what: &str) -> Result<(), Fault> {
    if browser.jar.get(SESSION).is_some() && browser.is_signed_in()? {
        Ok(())
    } else {
        Err(format!("a correct sign-in failed: {what}"))
    }
}
