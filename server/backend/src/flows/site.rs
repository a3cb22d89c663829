//! Sites behind a reverse proxy: the hand-over of a session to the site's own host, and the decision about each request there.

use crate::flows::request::BrowserRequest;
use crate::oauth::{Site, connect, is_verified};
use crate::store::{authorization, sessions, site_sessions};
use crate::{Backend, Error, Fault, random};
use account::Secret;
use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};
use sha2::{Digest, Sha256};

/// What a site learns about its users.
const SCOPE: &str = "openid email profile organization";

/// The longest address on a site to which the browser returns.
const TO_LEN: usize = 1_000;

/// The beginning of a sign-in at a site.
#[derive(Debug, Clone)]
pub struct SiteStart {
    /// The secret that the browser keeps at the site's host.
    pub attempt: Secret,
    /// The address of this service where the sign-in goes on.
    pub url: String,
}

/// The decision about a request at a site.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SiteAnswer {
    /// The user may see it.
    Admitted {
        /// The account's id.
        subject: String,
        /// The account's address.
        email: String,
        /// The user's name.
        name: String,
        /// The name of the organization that manages the account.
        organization: Option<String>,
    },
    /// The user may not see it.
    Forbidden {
        /// The account's address.
        email: String,
    },
    /// The browser has no session at the site, or it has ended.
    SignIn,
}

impl Backend {
    /// Finds the site at a host and port.
    #[must_use]
    pub fn site(&self, authority: &str) -> Option<&Site> {
        self.clients().sites().iter().find(|site| site.is_at(authority))
    }

    /// Begins a sign-in at a site, or another one in a second tab, which shares the browser's `attempt`. `to` is the path and query on
    /// the site to which the user returns.
    #[must_use]
    pub fn start_at_site(&self, site: &Site, attempt: Option<Secret>, to: &str) -> SiteStart {
        let attempt = attempt.filter(is_attempt).unwrap_or_else(random::token);
        let challenge = BASE64_URL_SAFE_NO_PAD.encode(Sha256::digest(attempt.expose()));
        let mut query = form_urlencoded::Serializer::new(String::new());
        query.extend_pairs([
            ("response_type", "code"),
            ("client_id", &site.client_id),
            ("redirect_uri", &site.return_uri()),
            ("scope", SCOPE),
            ("state", local_to_site(to)),
            ("code_challenge", &challenge),
            ("code_challenge_method", "S256"),
        ]);
        let url = [&self.settings().origin, "/oauth/authorize?", &query.finish()].concat();
        SiteStart { attempt, url }
    }

    /// Returns the address of this service that signs out, and leads back to the site.
    #[must_use]
    pub fn sign_out_url(&self, site: &Site) -> String {
        let mut query = form_urlencoded::Serializer::new(String::new());
        let home = [&site.origin, "/"].concat();
        query.extend_pairs([("client_id", &site.client_id), ("post_logout_redirect_uri", &home)]);
        [&self.settings().origin, "/oauth/logout?", &query.finish()].concat()
    }

    /// Decides about a request at a site: the token from its cookie, and the requested path and query.
    ///
    /// # Errors
    /// A database [`Fault`].
    pub async fn verify_at_site(&self, site: &Site, token: Option<&Secret>, uri: &str) -> Result<SiteAnswer, Fault> {
        let Some(token) = token else {
            return Ok(SiteAnswer::SignIn);
        };
        let now = self.now();
        let mut conn = self.parts.db.read().await?;
        let user = site_sessions::find(&mut conn, &random::digest(token), self.idle_ms(), now).await?;
        drop(conn);
        // Attack: the operator of one site uses its visitors' cookies at another site.
        let Some(user) = user.filter(|user| user.client_id == site.client_id) else {
            return Ok(SiteAnswer::SignIn);
        };
        self.touch_later(&user.session_id, user.last_seen_at, now);
        Ok(if site.admits(&user, uri) {
            SiteAnswer::Admitted {
                subject: user.account_id,
                email: user.email,
                name: user.name,
                organization: user.organization,
            }
        } else {
            SiteAnswer::Forbidden { email: user.email }
        })
    }
}

impl BrowserRequest<'_> {
    /// Ends the hand-over: redeems a code, and returns the token of a new session at the site; `None` if the code is invalid, expired,
    /// used, or was issued to another browser.
    ///
    /// # Errors
    /// A database fault.
    pub async fn enter_site(self, site: &Site, attempt: &Secret, code: &Secret) -> Result<Option<Secret>, Error> {
        let (now, digest) = (self.now(), random::digest(code));
        let mut conn = self.read().await?;
        // Before the transaction. Attack: invalid codes keep the only writer of SQLite busy.
        let found = authorization::find_code(&mut conn, &digest).await?;
        drop(conn);
        // Attack: a link signs its visitor in to the account of an attacker, whose code belongs to the attacker's browser.
        let is_valid = |code: &authorization::AuthorizationCode| {
            code.client_id == site.client_id && code.expires_at > now.0 && is_verified(code, attempt.expose())
        };
        let Some(code) = found.filter(is_valid) else {
            return Ok(None);
        };
        let mut tx = self.begin().await?;
        // Attack: the session is ended at the same time, and the site's would outlive it.
        if !sessions::lock_for_update(&mut tx, &code.session_id).await?
            || !authorization::use_code(&mut tx, &digest, now).await?
        {
            return Ok(None);
        }
        let subject = authorization::find_subject(&mut tx, &code.session_id, self.backend.idle_ms(), now).await?;
        let Some(subject) = subject else {
            return Ok(None);
        };
        let token = random::token();
        let at = (subject.session_id.as_str(), site.client_id.as_str());
        site_sessions::insert(&mut tx, &random::digest(&token), at, now).await?;
        connect(
            &mut tx,
            &subject.account_id,
            &site.client_id,
            &code.scope,
            self.caller,
            now,
        )
        .await?;
        tx.commit().await?;
        self.backend.metrics().client_event(&site.client_id, "site_session");
        Ok(Some(token))
    }
}

/// Returns whether a text can be an attempt that this service issued.
fn is_attempt(attempt: &Secret) -> bool {
    attempt.expose().len() == random::token().expose().len() && attempt.expose().bytes().all(|b| b.is_ascii_graphic())
}

/// Returns a path and query on the site, or its home page. Attack: an address of another site.
#[must_use]
pub fn local_to_site(to: &str) -> &str {
    let is_local = to.starts_with('/')
        && !to.starts_with("//")
        && !to.starts_with("/.rekey/")
        && to.len() <= TO_LEN
        && to.bytes().all(|b| b.is_ascii_graphic() && b != b'\\');
    if is_local { to } else { "/" }
}

#[cfg(test)]
mod tests {
    use super::local_to_site;

    #[test]
    fn only_addresses_on_the_site_are_returned_to() {
        for to in ["/", "/a?b=c&d=%20", "/a//b"] {
            assert_eq!(local_to_site(to), to);
        }
        let long = ["/", &"a".repeat(1_000)].concat();
        for to in [
            "",
            "a",
            "//evil.example",
            "/\\evil.example",
            "https://evil.example",
            "/a b",
            "/ü",
            "/.rekey/start?to=/",
            &long,
        ] {
            assert_eq!(local_to_site(to), "/");
        }
    }
}
