use crate::{EmailAddress, MailedCode};
use serde::{Deserialize, Serialize};

/// Where a forgotten-password flow stands.
///
/// ```text
/// ask e-mail ──► AwaitingCode ──right code──► AwaitingPassword ──new password──► Finished
///                  │      ▲ resend                  │
///                  └──5 wrong codes, an hour, a change of the password elsewhere──► gone
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reset {
    /// An e-mail was written; its code is waited for.
    AwaitingCode,
    /// The mailbox is proven; a new password is waited for.
    AwaitingPassword,
    /// The password was set; once.
    Finished,
}

/// The part of [`Reset`] that a browser may see.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum ResetStep {
    /// Which account?
    AskEmail {
        /// Carried over from an ended flow or from sign-in.
        email: Option<String>,
    },
    /// Check your e-mail.
    EnterCode(MailedCode),
    /// New password, twice.
    ChoosePassword {
        /// Whose password.
        email: EmailAddress,
        /// Fewest characters.
        min: usize,
    },
    /// Continue to sign in.
    Done {
        /// With this address.
        email: EmailAddress,
    },
}
