//! A site behind a reverse proxy: a user's browser at its host, and the questions of its proxy.

use crate::Fault;
use crate::http::{Answer, Connection, Jar, get_request};

/// The cookie with a session at a site.
pub const SESSION: &str = "__Host-rekey-site";
/// The cookie with a sign-in at a site.
pub const ATTEMPT: &str = "__Host-rekey-attempt";

/// A user's browser at the host of a site.
#[derive(Clone)]
pub struct Visitor {
    /// The host of the site.
    pub host: String,
    /// The cookies of that host.
    pub jar: Jar,
}

impl Visitor {
    /// Creates a browser without cookies.
    #[must_use]
    pub fn new(host: &str) -> Self {
        Self {
            host: host.to_owned(),
            jar: Jar::default(),
        }
    }

    /// Opens a path at the site's host that the proxy passes on to the service.
    ///
    /// # Errors
    /// Fails if there is no response.
    pub fn open(&mut self, connection: &mut Connection, path: &str) -> Result<Answer, Fault> {
        let answer = connection.send(get_request(path, &self.host, &self.jar, "").as_bytes())?;
        self.jar.keep(&answer);
        Ok(answer)
    }

    /// Begins a sign-in; returns the path and query at the service where it goes on.
    ///
    /// # Errors
    /// Fails if the answer is another one.
    pub fn start(&mut self, connection: &mut Connection, to: &str) -> Result<String, Fault> {
        let answer = self.open(connection, &format!("/.rekey/start?to={to}"))?;
        let at = answer.header("location").find("/oauth/authorize?");
        match at {
            Some(at) if answer.status == 303 => Ok(answer.header("location")[at..].to_owned()),
            _ => Err(answer.unexpected("/.rekey/start")),
        }
    }

    /// Signs in at the site with a live session of the service at `host`.
    ///
    /// # Errors
    /// Fails if a step has another answer.
    pub fn enter(&mut self, connection: &mut Connection, host: &str, session: &Jar) -> Result<(), Fault> {
        let authorize = self.start(connection, "/")?;
        let back = authorized(connection, host, &authorize, session)?;
        let answer = self.open(connection, &back)?;
        if self.jar.get(SESSION).is_some() {
            Ok(())
        } else {
            Err(answer.unexpected("/.rekey/return"))
        }
    }

    /// Returns the question of the site's proxy about a request for a path and query.
    #[must_use]
    pub fn question(&self, service: &str, uri: &str) -> String {
        let site = &self.host;
        let more = format!(
            "X-Forwarded-For: 192.0.2.7\r\nX-Forwarded-Host: {site}\r\nX-Forwarded-Method: GET\r\nX-Forwarded-Uri: {uri}\r\n"
        );
        get_request("/auth/verify", service, &self.jar, &more)
    }
}

/// Continues a sign-in at a site with a live session; returns the path and query at the site to which it leads, with a code.
///
/// # Errors
/// Fails if it leads elsewhere.
pub fn authorized(connection: &mut Connection, service: &str, authorize: &str, session: &Jar) -> Result<String, Fault> {
    let answer = connection.send(get_request(authorize, service, session, "").as_bytes())?;
    let location = answer.header("location");
    match location.find("/.rekey/return?") {
        Some(at) if location.contains("code=") => Ok(location[at..].to_owned()),
        _ => Err(answer.unexpected("/oauth/authorize")),
    }
}
