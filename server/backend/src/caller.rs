use crate::random;
use account::{Preferences, Purpose, Secret};
use std::collections::HashMap;

/// The client of a request, as seen from the network. E-mails contain only the browser's short name.
#[derive(Debug, Clone, Default)]
pub struct Caller {
    /// Network address in canonical form: IPv4 in full, IPv6 by /64. From the socket or a trusted proxy's header.
    pub client: String,
    /// Browser and system from a fixed list of names: `Firefox on Linux`, or `a browser`.
    pub browser: String,
    /// Language of screens and e-mails: `en`, `ar`.
    pub language: String,
    /// Whether the browser is signed in. Used only for the frame around a page, never for authorization.
    pub signed_in: bool,
    /// Whether the signed-in user administers an organization. Used only for the frame, too.
    pub administers: bool,
    /// How the signed-in user wants pages.
    pub preferences: Preferences,
}

impl Caller {
    /// Returns the widest network that one subscriber may have: an IPv4 address, or the /48 of an IPv6 address.
    ///
    /// Attack: a subscriber with a /48 has 65,536 networks of /64, each with its own share.
    #[must_use]
    pub fn network(&self) -> String {
        wide_network(&self.client).unwrap_or_else(|| self.client.clone())
    }
}

/// Returns the /48 of a client's /64; `None` for other clients.
pub(crate) fn wide_network(client: &str) -> Option<String> {
    let address: std::net::Ipv6Addr = client.strip_suffix("/64")?.parse().ok()?;
    let [a, b, c, ..] = address.segments();
    Some(format!("{}/48", std::net::Ipv6Addr::new(a, b, c, 0, 0, 0, 0, 0)))
}

/// The signed-in visitor of a page.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Visitor {
    /// The account's language, which takes precedence over the browser's.
    pub language: Option<String>,
    /// Whether they administer an organization.
    pub administers: bool,
    /// Whether their account waits for its deletion, so that they can only keep it or sign out.
    pub leaves: bool,
    /// How they want pages.
    pub preferences: Preferences,
}

/// The kinds of browser tokens.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TokenKind {
    /// Identifies a session.
    Session,
    /// Identifies the browser across sessions.
    Device,
    /// Identifies a sign-in, reset, sign-up or confirmation.
    Flow(Purpose),
    /// An attempt to sign in with a provider, sealed.
    Provider,
    /// An account at a provider that waits to be connected, sealed.
    Connection,
}

/// The tokens of a browser. Opaque; the database contains only their digests.
#[derive(Debug, Clone, Default)]
pub struct BrowserTokens {
    /// The session token.
    pub session: Option<Secret>,
    /// The device token.
    pub device: Option<Secret>,
    /// The tokens of the browser's flows.
    pub flows: HashMap<Purpose, Secret>,
    /// The sealed attempt to sign in with a provider.
    pub provider: Option<Secret>,
    /// The sealed account at a provider that waits to be connected.
    pub connection: Option<Secret>,
    /// The token of the browser's visit, from which flow tokens are derived.
    pub visit: Option<Secret>,
}

impl BrowserTokens {
    /// Creates a visit token, which is not stored in the database.
    #[must_use]
    pub fn new_visit() -> Secret {
        random::token()
    }

    /// Returns the token of the flow with this purpose.
    #[must_use]
    pub fn flow(&self, purpose: Purpose) -> Option<&Secret> {
        self.flows.get(&purpose)
    }

    /// Applies a change, like a browser that receives a cookie.
    pub fn apply(&mut self, change: &TokenChange) {
        match (change.kind, &change.token) {
            (TokenKind::Session, token) => self.session.clone_from(token),
            (TokenKind::Device, token) => self.device.clone_from(token),
            (TokenKind::Provider, token) => self.provider.clone_from(token),
            (TokenKind::Connection, token) => self.connection.clone_from(token),
            (TokenKind::Flow(purpose), Some(token)) => drop(self.flows.insert(purpose, token.clone())),
            (TokenKind::Flow(purpose), None) => drop(self.flows.remove(&purpose)),
        }
    }
}

/// A token for the browser to store or to remove.
#[derive(Debug, Clone)]
pub struct TokenChange {
    /// The kind of token.
    pub kind: TokenKind,
    /// The new token; `None` removes it.
    pub token: Option<Secret>,
    /// Lifetime in the browser, in seconds.
    pub keep_s: i64,
}

impl TokenChange {
    /// Removes a token from the browser.
    pub(crate) const fn remove(kind: TokenKind) -> Self {
        Self {
            kind,
            token: None,
            keep_s: 0,
        }
    }
}

/// The current step of the browser's flow.
#[derive(Debug, Clone)]
pub struct CurrentStep<S> {
    /// The step.
    pub step: S,
    /// Where the flow leads after sign-in. Empty without a flow.
    pub next: String,
}

impl<S> CurrentStep<S> {
    /// Creates the first step, of a browser without a flow.
    pub(crate) const fn first(step: S) -> Self {
        Self {
            step,
            next: String::new(),
        }
    }
}

/// The step after an action, with changes to the browser's tokens.
#[derive(Debug, Clone)]
pub struct Transition<S> {
    /// The current step.
    pub step: S,
    /// The changes, in order.
    pub tokens: Vec<TokenChange>,
}

impl<S> Transition<S> {
    /// Creates a step without token changes.
    pub(crate) const fn to(step: S) -> Self {
        Self::new(step, Vec::new())
    }

    pub(crate) const fn new(step: S, tokens: Vec<TokenChange>) -> Self {
        Self { step, tokens }
    }

    pub(crate) fn map<T>(self, step: impl FnOnce(S) -> T) -> Transition<T> {
        Transition::new(step(self.step), self.tokens)
    }
}
