use crate::{Activity, Attempts, EmailAddress, PasswordAccess, Timestamp};
use serde::{Deserialize, Serialize};

/// "Check your e-mail", as a browser may see it: the same whether or not there is an account.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct MailedCode {
    /// To whom, in full: it was typed in this flow.
    pub email: EmailAddress,
    /// Two characters that subject and body repeat, so that one of several mails can be told apart: `K7`.
    pub reference: String,
    /// How many digits the code has.
    pub digits: usize,
    /// When the newest e-mail was written.
    pub sent_at: Timestamp,
    /// From this moment on the newest code is late.
    pub works_until: Timestamp,
    /// Seconds until a new code may be asked for; counted when this was made.
    pub resend_in_s: i64,
    /// How many more times this flow may send a code.
    pub sends_left: i64,
}

/// The short name of a browser that is on no list of ours.
pub const UNKNOWN_BROWSER: &str = "a browser";

/// A signed-in browser in the list on the security page.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SessionRow {
    /// Names the session in the form that ends it; opens nothing.
    pub id: String,
    /// Browser and system: `Firefox on Linux`.
    pub browser: String,
    /// Network address, as it was at sign-in.
    pub client: String,
    /// When it began.
    pub signed_in_at: Timestamp,
    /// When it was last used, to five minutes.
    pub last_seen_at: Timestamp,
    /// Whether it is the browser that asks.
    pub here: bool,
}

/// A browser that is not asked for a code.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DeviceRow {
    /// Names the device in the form that forgets it.
    pub id: String,
    /// Browser and system.
    pub browser: String,
    /// Until when it is trusted.
    pub trusted_until: Timestamp,
    /// Whether it is the browser that asks.
    pub here: bool,
}

/// The password's line on the security page.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PasswordRow {
    /// Who keeps it.
    pub own: PasswordAccess,
    /// When it was last set here.
    pub changed_at: Option<Timestamp>,
    /// Whether it was found in a leak.
    pub leaked: bool,
}

/// Everything that the security page shows.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SecurityView {
    /// Who is signed in.
    pub email: EmailAddress,
    /// The password's line.
    pub password: PasswordRow,
    /// Signed-in browsers, this one first.
    pub sessions: Vec<SessionRow>,
    /// Browsers that are not asked for a code.
    pub devices: Vec<DeviceRow>,
    /// Twenty security events, the newest first.
    pub activity: Vec<Activity>,
    /// Where older ones begin, for the address of their page.
    pub older: Option<String>,
    /// Whether there are newer ones on another page.
    pub newer: bool,
    /// What was attempted lately; on the page of the newest only.
    pub attempts: Option<Attempts>,
    /// What was just done there, to say so once.
    pub done: Option<SecurityDone>,
}

/// What a person can do on the security page.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum SecurityDone {
    /// The password is a new one.
    PasswordChanged,
    /// One browser is signed out.
    SessionEnded,
    /// Every other browser is signed out.
    OthersEnded,
    /// A device is asked for codes again.
    DeviceForgotten,
}

/// The profile: a plain start.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ProfileView {
    /// As the person writes it.
    pub name: String,
    /// Proven.
    pub email: EmailAddress,
    /// Who keeps the password.
    pub own: PasswordAccess,
}
