use crate::{
    Activity, Attempts, ConnectionRow, EmailAddress, InvitationOffer, PasswordAccess, ProviderButton, Timestamp,
};
use serde::{Deserialize, Serialize};

/// The data of "Check your e-mail" for the browser, identical whether or not the account exists.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct MailedCode {
    /// The full recipient, because it was entered in this flow.
    pub email: EmailAddress,
    /// Two characters in subject and body that distinguish several e-mails: `K7`.
    pub reference: String,
    /// The number of digits of the code.
    pub digits: usize,
    /// When the newest e-mail was queued.
    pub sent_at: Timestamp,
    /// The time when the newest code expires.
    pub works_until: Timestamp,
    /// Seconds until a new code may be requested, computed when this was created.
    pub resend_in_s: i64,
    /// How many more codes this flow may send.
    pub sends_left: i64,
}

/// The short name of an unrecognized browser.
pub const UNKNOWN_BROWSER: &str = "a browser";

/// A signed-in browser in the list on the security page.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SessionRow {
    /// The session's id in the form that ends it; grants no access.
    pub id: String,
    /// Browser and system: `Firefox on Linux`.
    pub browser: String,
    /// Network address at sign-in.
    pub client: String,
    /// The time of the sign-in.
    pub signed_in_at: Timestamp,
    /// The time of its last use, accurate to five minutes.
    pub last_seen_at: Timestamp,
    /// Whether it is the current browser.
    pub here: bool,
}

/// A browser that skips the code.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DeviceRow {
    /// The device's id in the form that forgets it.
    pub id: String,
    /// Browser and system.
    pub browser: String,
    /// The time when its trust ends.
    pub trusted_until: Timestamp,
    /// Whether it is the current browser.
    pub here: bool,
}

/// The password row of the security page.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PasswordRow {
    /// Where the password is managed.
    pub own: PasswordAccess,
    /// The time when the password was last set here.
    pub changed_at: Option<Timestamp>,
    /// Whether the password was found in a leak.
    pub leaked: bool,
}

/// The data of the security page.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SecurityView {
    /// The address of the signed-in account.
    pub email: EmailAddress,
    /// The password row.
    pub password: PasswordRow,
    /// Open invitations to organizations, oldest first.
    pub invitations: Vec<InvitationOffer>,
    /// Connected accounts at providers, oldest first.
    pub connections: Vec<ConnectionRow>,
    /// The providers that can be connected.
    pub providers: Vec<ProviderButton>,
    /// Products that the user has signed in to, most recently used first.
    pub products: Vec<ProductRow>,
    /// Signed-in browsers, this one first.
    pub sessions: Vec<SessionRow>,
    /// Browsers that skip the code.
    pub devices: Vec<DeviceRow>,
    /// Up to twenty security events, newest first.
    pub activity: Vec<Activity>,
    /// The position of older events, for the URL of their page.
    pub older: Option<String>,
    /// Whether another page has newer events.
    pub newer: bool,
    /// Recent attempts; only on the page with the newest events.
    pub attempts: Option<Attempts>,
    /// The action just completed, for a one-time confirmation.
    pub done: Option<SecurityDone>,
}

/// A product that the user has signed in to, on the security page.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ProductRow {
    /// The row's id in the form that disconnects it; grants no access.
    pub id: String,
    /// The product's name.
    pub name: String,
    /// Whether it may see the address.
    pub sees_email: bool,
    /// Whether it may see the name.
    pub sees_name: bool,
    /// Whether it may see the organization that manages the account.
    pub sees_organization: bool,
    /// Whether it may get refresh tokens, which work until the session ends.
    pub stays_signed_in: bool,
    /// The time when it last got tokens.
    pub last_used_at: Timestamp,
}

/// The completed actions of the account pages.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum SecurityDone {
    /// The password was changed.
    PasswordChanged,
    /// One browser was signed out.
    SessionEnded,
    /// All other browsers were signed out.
    OthersEnded,
    /// A device must enter codes again.
    DeviceForgotten,
    /// A password was added.
    PasswordAdded,
    /// An account at a provider was connected.
    ProviderConnected,
    /// An account at a provider was disconnected.
    ProviderDisconnected,
    /// A product was disconnected.
    ProductDisconnected,
    /// On the organization page: an invitation was sent.
    Invited,
    /// An invitation was withdrawn.
    InvitationWithdrawn,
    /// A member was deactivated.
    MemberDisabled,
    /// A member was reactivated.
    MemberEnabled,
    /// A member was signed out everywhere.
    MemberSessionsEnded,
    /// A member was removed.
    MemberRemoved,
    /// A domain was added, to be verified.
    DomainAdded,
    /// A domain was verified.
    DomainVerified,
    /// A domain was removed.
    DomainRemoved,
    /// On the profile page: the name was saved.
    NameSaved,
    /// The preferred name was saved.
    PreferredNameSaved,
    /// The job title was saved.
    JobTitleSaved,
    /// The organization that the user works for was saved.
    CompanySaved,
    /// The e-mail address was changed.
    EmailChanged,
    /// On the privacy page: the account will not be deleted.
    AccountKept,
    /// On the preferences page: a setting was saved.
    PreferencesSaved,
}

/// The data of the profile page.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ProfileView {
    /// The owner's name.
    pub name: String,
    /// The name by which the owner wants to be called; empty if that is the name.
    pub preferred_name: String,
    /// The owner's job title; empty if unknown.
    pub job_title: String,
    /// The organization that the owner works for, as they say; empty if unknown.
    pub company: String,
    /// The proven e-mail address.
    pub email: EmailAddress,
    /// Where the password is managed.
    pub own: PasswordAccess,
    /// The products that the user has signed in to and can open from here, most recently used first.
    pub products: Vec<ProductLink>,
    /// The action just completed, for a one-time confirmation.
    pub done: Option<SecurityDone>,
}

/// A link to a product.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ProductLink {
    /// The product's name.
    pub name: String,
    /// The address where it begins.
    pub url: String,
    /// Its mark: a `data:` URL of an image.
    pub logo: Option<String>,
}
