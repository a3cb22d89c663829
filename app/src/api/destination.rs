//! Which page belongs to what: where a plain form leads, and where its refusal is shown.

use crate::site_map::PageId;
use account::{ProfileView, ResetStep, SecurityDone, SecurityView, SignInStep, SignOutStep, SignUpStep, safe_next};

/// The page whose form is sent to an endpoint, or whose state it tells; by its path below `/api/`.
pub(super) fn page_of_endpoint(path: &str) -> PageId {
    match path.strip_prefix("/api/").unwrap_or(path) {
        "security/change_password" => PageId::ChangePassword,
        path if path.starts_with("security/") => PageId::Security,
        path if path.starts_with("profile/") => PageId::Profile,
        path if path.starts_with("reset/") => PageId::Reset,
        path if path.starts_with("sign_up/") => PageId::SignUp,
        _ => PageId::SignIn,
    }
}

/// The page at a path; sign-in for a path that has none.
pub(super) fn page_at(path: &str) -> PageId {
    PageId::at(path).unwrap_or(PageId::SignIn)
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
            _ => PageId::SignIn.address(),
        }
    }
    fn leads_on(&self) -> bool {
        matches!(self, Self::SignedIn { .. })
    }
}

impl Destination for ResetStep {
    const BEGINS_FLOW: bool = true;
    fn path(&self) -> &str {
        PageId::Reset.address()
    }
}

impl Destination for SignUpStep {
    const BEGINS_FLOW: bool = true;
    fn path(&self) -> &str {
        PageId::SignUp.address()
    }
}

impl Destination for SecurityView {
    fn path(&self) -> &str {
        PageId::Security.address()
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
        PageId::Profile.address()
    }
}

impl Destination for SignOutStep {
    fn path(&self) -> &str {
        match self {
            Self::SignedOut => PageId::SignedOut.address(),
            Self::SessionUnknown => "/signed-out?session=unknown",
        }
    }
}
