//! Which page belongs to what: where a plain form leads, and where its refusal is shown.

use account::{ProfileView, ResetStep, SecurityDone, SecurityView, SignInStep, SignOutStep, SignUpStep, safe_next};
use serde::{Deserialize, Serialize};

/// A page with forms.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(super) enum Page {
    SignIn,
    Reset,
    SignUp,
    Security,
    ChangePassword,
    Profile,
}

impl Page {
    /// The page whose form is sent to an endpoint, or whose state it tells; by its path below `/api/`.
    pub fn of_endpoint(path: &str) -> Self {
        match path.strip_prefix("/api/").unwrap_or(path) {
            "security/change_password" => Self::ChangePassword,
            path if path.starts_with("security/") => Self::Security,
            path if path.starts_with("profile/") => Self::Profile,
            path if path.starts_with("reset/") => Self::Reset,
            path if path.starts_with("sign_up/") => Self::SignUp,
            _ => Self::SignIn,
        }
    }

    /// The page at an address.
    pub fn at(path: &str) -> Self {
        match path {
            "/reset" => Self::Reset,
            "/signup" => Self::SignUp,
            "/security" => Self::Security,
            "/security/password" => Self::ChangePassword,
            "/profile" => Self::Profile,
            _ => Self::SignIn,
        }
    }

    /// Its address.
    pub const fn path(self) -> &'static str {
        match self {
            Self::SignIn => "/signin",
            Self::Reset => "/reset",
            Self::SignUp => "/signup",
            Self::Security => "/security",
            Self::ChangePassword => "/security/password",
            Self::Profile => "/profile",
        }
    }
}

/// Where a browser goes on after something was done.
pub(super) trait Destination {
    /// Whether its page has a form that begins a flow.
    const BEGINS_FLOW: bool = false;
    /// The address that shows it.
    fn path(&self) -> &str;
    /// Whether the flow is over and its page has nothing more to show.
    fn leads_on(&self) -> bool {
        false
    }
    /// What is to be said there once.
    fn done(&self) -> Option<SecurityDone> {
        None
    }
    /// Says it.
    fn say(&mut self, _: SecurityDone) {}
}

impl Destination for SignInStep {
    const BEGINS_FLOW: bool = true;
    fn path(&self) -> &str {
        match self {
            Self::SignedIn { next } => safe_next(next),
            _ => "/signin",
        }
    }
    fn leads_on(&self) -> bool {
        matches!(self, Self::SignedIn { .. })
    }
}

impl Destination for ResetStep {
    const BEGINS_FLOW: bool = true;
    fn path(&self) -> &str {
        "/reset"
    }
}

impl Destination for SignUpStep {
    const BEGINS_FLOW: bool = true;
    fn path(&self) -> &str {
        "/signup"
    }
}

impl Destination for SecurityView {
    fn path(&self) -> &str {
        "/security"
    }
    fn done(&self) -> Option<SecurityDone> {
        self.done
    }
    fn say(&mut self, done: SecurityDone) {
        self.done = Some(done);
    }
}

impl Destination for ProfileView {
    fn path(&self) -> &str {
        "/profile"
    }
}

impl Destination for SignOutStep {
    fn path(&self) -> &str {
        match self {
            Self::SignedOut => "/signed-out",
            Self::SessionUnknown => "/signed-out?session=unknown",
        }
    }
}
