use crate::{EmailAddress, MailedCode};
use serde::{Deserialize, Serialize};

/// The state of a password reset.
///
/// ```text
/// ask e-mail ──► AwaitingCode ──right code──► AwaitingPassword ──new password──► Finished
///                  │      ▲ resend                  │
///                  └──5 wrong codes, an hour, a change of the password elsewhere──► gone
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reset {
    /// An e-mail was queued; the flow waits for its code.
    AwaitingCode,
    /// The mailbox is proven; the flow waits for a new password.
    AwaitingPassword,
    /// The password was set; this happens once.
    Finished,
}

/// The step of a reset as shown to the browser.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum ResetStep {
    /// Enter the e-mail address.
    AskEmail {
        /// Carried over from an ended flow or from sign-in.
        email: Option<String>,
    },
    /// Check your e-mail.
    EnterCode(MailedCode),
    /// Enter the new password twice.
    ChoosePassword {
        /// The account's address.
        email: EmailAddress,
        /// Minimum number of characters.
        min: usize,
    },
    /// Continue to sign in.
    Done {
        /// With this address.
        email: EmailAddress,
    },
}
