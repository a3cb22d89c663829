use crate::random;
use account::{Purpose, Secret};

/// Who asks, as far as the network tells. Made once a request by the server; nothing of it ends up in a mail but the
/// browser's short name.
#[derive(Debug, Clone, Default)]
pub struct Caller {
    /// Network address in its canonical form: IPv4 whole, IPv6 by /64. From the socket, or from a trusted proxy's header.
    pub client: String,
    /// Browser and system from a fixed list of names: `Firefox on Linux`, else `a browser`.
    pub browser: String,
    /// Language of screens and mails: `en`, `ar`.
    pub language: String,
    /// Whether somebody is signed in; only for what the frame around a page offers, never for what is allowed.
    pub signed_in: bool,
}

impl Caller {
    /// The widest network that one subscriber may have: an IPv4 address, or the /48 of an IPv6 address.
    ///
    /// Attack: a provider's customer with a /48 has 65,536 networks of /64, and each would have a share of its own.
    #[must_use]
    pub fn network(&self) -> String {
        wide_network(&self.client).unwrap_or_else(|| self.client.clone())
    }
}

/// The /48 of a client's /64; `None` for other clients.
pub(crate) fn wide_network(client: &str) -> Option<String> {
    let address: std::net::Ipv6Addr = client.strip_suffix("/64")?.parse().ok()?;
    let [a, b, c, ..] = address.segments();
    Some(format!("{}/48", std::net::Ipv6Addr::new(a, b, c, 0, 0, 0, 0, 0)))
}

/// Who visits a page.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Visitor {
    /// Of the account; it goes before what the browser says.
    pub language: Option<String>,
}

/// Which token.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TokenKind {
    /// Who is signed in.
    Session,
    /// This browser, over sessions.
    Device,
    /// The sign-in, reset or sign-up that this browser is in.
    Flow(Purpose),
}

/// The tokens that a browser holds. Opaque; the database knows their digests only.
#[derive(Debug, Clone, Default)]
pub struct BrowserTokens {
    /// Who is signed in.
    pub session: Option<Secret>,
    /// This browser.
    pub device: Option<Secret>,
    /// The sign-in it is in.
    pub sign_in: Option<Secret>,
    /// The reset it is in.
    pub reset: Option<Secret>,
    /// The sign-up it is in.
    pub sign_up: Option<Secret>,
    /// Its visit, from which the tokens of the flows that it begins are made.
    pub visit: Option<Secret>,
}

impl BrowserTokens {
    /// A token for a visit. No row knows it.
    #[must_use]
    pub fn new_visit() -> Secret {
        random::token()
    }

    /// The token of a flow.
    #[must_use]
    pub fn flow(&self, purpose: Purpose) -> Option<&Secret> {
        match purpose {
            Purpose::SignIn => self.sign_in.as_ref(),
            Purpose::Reset => self.reset.as_ref(),
            Purpose::SignUp => self.sign_up.as_ref(),
        }
    }

    /// Takes a change over, as a browser does with a cookie.
    pub fn apply(&mut self, change: &TokenChange) {
        let slot = match change.kind {
            TokenKind::Session => &mut self.session,
            TokenKind::Device => &mut self.device,
            TokenKind::Flow(Purpose::SignIn) => &mut self.sign_in,
            TokenKind::Flow(Purpose::Reset) => &mut self.reset,
            TokenKind::Flow(Purpose::SignUp) => &mut self.sign_up,
        };
        slot.clone_from(&change.token);
    }
}

/// A token to hold from now on, or to let go.
#[derive(Debug, Clone)]
pub struct TokenChange {
    /// Which.
    pub kind: TokenKind,
    /// The new one; `None` lets it go.
    pub token: Option<Secret>,
    /// For how long the browser keeps it, in seconds.
    pub keep_s: i64,
}

/// The step after something was done, and what the browser holds from then on.
#[derive(Debug, Clone)]
pub struct Transition<S> {
    /// Where the flow stands now.
    pub step: S,
    /// To be applied in order.
    pub tokens: Vec<TokenChange>,
}

impl<S> Transition<S> {
    /// A step without a change of tokens.
    pub(crate) const fn to(step: S) -> Self {
        Self {
            step,
            tokens: Vec::new(),
        }
    }
}
