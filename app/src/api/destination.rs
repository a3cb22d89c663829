//! Maps endpoints and steps to pages: where a plain form redirects, and which page shows its refusal.

use crate::site_map::PageId;
use account::{
    ConfirmStep, ConnectStep, DeletionStep, EmailChangeStep, HistoryView, JoinStep, OrganizationView, PreferencesView,
    PrivacyView, ProfileView, ResetStep, SecureStep, SecurityDone, SecurityView, Setting, SignInStep, SignOutStep,
    SignUpStep, safe_next, with_next,
};

/// Returns the page for an endpoint below `/api/`: the page that submits to it or reads its state.
pub(super) fn page_of_endpoint(path: &str) -> PageId {
    match path.strip_prefix("/api/").unwrap_or(path) {
        "security/change_password" | "security/add_password" => PageId::ChangePassword,
        path if path.starts_with("confirm/") => PageId::Confirm,
        path if path.starts_with("connect/") => PageId::Connect,
        path if path.starts_with("organization/") => PageId::Organization,
        path if path.starts_with("join/") => PageId::Join,
        path if path.starts_with("security/") => PageId::Security,
        "preferences/language" => PageId::EditLanguage,
        "preferences/time_zone" => PageId::EditTimeZone,
        "preferences/dates" => PageId::EditDates,
        "preferences/appearance" => PageId::EditAppearance,
        path if path.starts_with("preferences/") => PageId::Preferences,
        "profile/name" => PageId::EditName,
        "profile/preferred_name" => PageId::EditPreferredName,
        "profile/job_title" => PageId::EditJobTitle,
        "profile/company" => PageId::EditCompany,
        path if path.starts_with("profile/") => PageId::Profile,
        path if path.starts_with("email/") => PageId::ChangeEmail,
        path if path.starts_with("secure/") => PageId::Secure,
        "privacy/delete" => PageId::DeleteAccount,
        "privacy/activity" | "privacy/history" => PageId::Activity,
        path if path.starts_with("privacy/") => PageId::YourData,
        path if path.starts_with("deletion/") => PageId::Deletion,
        path if path.starts_with("reset/") => PageId::Reset,
        path if path.starts_with("sign_up/") => PageId::SignUp,
        _ => PageId::SignIn,
    }
}

/// Returns the page at a path, or the sign-in page if the path is unknown.
pub(super) fn page_at(path: &str) -> PageId {
    PageId::at(path).unwrap_or(PageId::SignIn)
}

/// The browser's destination after a completed request.
pub(super) trait Destination {
    /// Whether the page has a form that begins a flow.
    const BEGINS_FLOW: bool = false;
    /// Returns the URL path of this step.
    fn path(&self) -> &str;
    /// Returns the URL of this step after a form of a page that leads on to `next`, which may be empty.
    fn address(&self, next: &str) -> String {
        with_next(self.path(), next)
    }
    /// Returns whether the flow is finished and its page has nothing more to show.
    fn leads_on(&self) -> bool {
        false
    }
    /// Returns the completed action, for a one-time confirmation.
    fn done(&self) -> Option<SecurityDone> {
        None
    }
    /// Adds the confirmation to the step.
    fn say(&mut self, _: SecurityDone) {}
}

/// Returns where a finished page leads: on to `next`, or to its own end.
fn on_to(next: &str, end: &str) -> String {
    if next.is_empty() { end } else { safe_next(next) }.to_owned()
}

impl Destination for SignInStep {
    const BEGINS_FLOW: bool = true;
    fn path(&self) -> &str {
        match self {
            Self::SignedIn { next } => safe_next(next),
            Self::Through { page, .. } => page,
            _ => PageId::SignIn.address(),
        }
    }
    fn address(&self, next: &str) -> String {
        match self {
            Self::SignedIn { .. } | Self::Through { .. } => self.path().to_owned(),
            _ => with_next(self.path(), next),
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
    fn address(&self, next: &str) -> String {
        on_to(next, self.path())
    }
    fn done(&self) -> Option<SecurityDone> {
        self.done
    }
    fn say(&mut self, done: SecurityDone) {
        self.done = Some(done);
    }
}

impl Destination for ConfirmStep {
    const BEGINS_FLOW: bool = true;
    fn path(&self) -> &str {
        match self {
            Self::Done { next } => safe_next(next),
            _ => PageId::Confirm.address(),
        }
    }
    fn address(&self, next: &str) -> String {
        match self {
            Self::Done { .. } => self.path().to_owned(),
            _ => with_next(self.path(), next),
        }
    }
    fn leads_on(&self) -> bool {
        matches!(self, Self::Done { .. })
    }
}

impl Destination for ConnectStep {
    fn path(&self) -> &str {
        match self {
            Self::Ask { .. } => PageId::Connect.address(),
            Self::Nothing => PageId::Security.address(),
        }
    }
    fn address(&self, next: &str) -> String {
        match self {
            Self::Ask { .. } => with_next(self.path(), next),
            Self::Nothing => on_to(next, self.path()),
        }
    }
    fn leads_on(&self) -> bool {
        *self == Self::Nothing
    }
}

impl Destination for OrganizationView {
    fn path(&self) -> &str {
        PageId::Organization.address()
    }
    fn done(&self) -> Option<SecurityDone> {
        self.done
    }
    fn say(&mut self, done: SecurityDone) {
        self.done = Some(done);
    }
}

impl Destination for JoinStep {
    fn path(&self) -> &str {
        match self {
            Self::Ask(_) => PageId::Join.address(),
            Self::Nothing => PageId::Security.address(),
        }
    }
}

impl Destination for ProfileView {
    fn path(&self) -> &str {
        PageId::Profile.address()
    }
    /// With the row's edit link, which the browser focuses.
    fn address(&self, _: &str) -> String {
        let row = match self.done {
            Some(SecurityDone::NameSaved) => "#edit-name",
            Some(SecurityDone::PreferredNameSaved) => "#edit-preferred-name",
            Some(SecurityDone::JobTitleSaved) => "#edit-job-title",
            Some(SecurityDone::CompanySaved) => "#edit-company",
            _ => "",
        };
        [self.path(), row].concat()
    }
    fn done(&self) -> Option<SecurityDone> {
        self.done
    }
    fn say(&mut self, done: SecurityDone) {
        self.done = Some(done);
    }
}

impl Destination for EmailChangeStep {
    const BEGINS_FLOW: bool = true;
    fn path(&self) -> &str {
        match self {
            Self::Done { .. } => PageId::Profile.address(),
            _ => PageId::ChangeEmail.address(),
        }
    }
    /// With the row's edit link, which the browser focuses.
    fn address(&self, next: &str) -> String {
        match self {
            Self::Done { .. } => [self.path(), "#edit-email"].concat(),
            _ => with_next(self.path(), next),
        }
    }
    fn done(&self) -> Option<SecurityDone> {
        matches!(self, Self::Done { .. }).then_some(SecurityDone::EmailChanged)
    }
}

impl Destination for SecureStep {
    const BEGINS_FLOW: bool = true;
    fn path(&self) -> &str {
        PageId::Secure.address()
    }
}

impl Destination for PreferencesView {
    fn path(&self) -> &str {
        PageId::Preferences.address()
    }
    /// With the row's edit link, which the browser focuses.
    fn address(&self, _: &str) -> String {
        let row = match self.saved {
            Some(Setting::Language) => "#edit-language",
            Some(Setting::TimeZone) => "#edit-time-zone",
            Some(Setting::Dates) => "#edit-dates",
            Some(Setting::Appearance) => "#edit-appearance",
            Some(Setting::Mail) => "#mail",
            None => "",
        };
        [self.path(), row].concat()
    }
    fn done(&self) -> Option<SecurityDone> {
        self.done
    }
    fn say(&mut self, done: SecurityDone) {
        self.done = Some(done);
    }
}

impl Destination for SignOutStep {
    fn path(&self) -> &str {
        match self {
            Self::SignedOut => PageId::SignedOut.address(),
            Self::SessionUnknown => "/signed-out?session=unknown",
            Self::DeletionRequested => "/signed-out?account=leaving",
        }
    }
}

impl Destination for PrivacyView {
    fn path(&self) -> &str {
        PageId::YourData.address()
    }
    fn done(&self) -> Option<SecurityDone> {
        self.done
    }
    fn say(&mut self, done: SecurityDone) {
        self.done = Some(done);
    }
}

impl Destination for DeletionStep {
    fn path(&self) -> &str {
        match self {
            Self::Choose { .. } => PageId::Deletion.address(),
            Self::Nothing { .. } => PageId::YourData.address(),
        }
    }
    fn address(&self, next: &str) -> String {
        match self {
            Self::Choose { .. } => with_next(self.path(), next),
            Self::Nothing { .. } => on_to(next, self.path()),
        }
    }
    fn leads_on(&self) -> bool {
        matches!(self, Self::Nothing { .. })
    }
    fn done(&self) -> Option<SecurityDone> {
        match self {
            Self::Choose { .. } => None,
            Self::Nothing { done } => *done,
        }
    }
}

impl Destination for HistoryView {
    fn path(&self) -> &str {
        PageId::Activity.address()
    }
}
