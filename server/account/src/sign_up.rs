use crate::{EmailAddress, MailedCode};
use serde::{Deserialize, Serialize};

/// The state of a sign-up. The address is proven before the account exists, so that an account cannot be prepared for another
/// user's address.
///
/// ```text
/// ask e-mail ──► AwaitingCode ──right code──► AwaitingDetails ──name, password──► Finished (the account exists)
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SignUp {
    /// An e-mail was queued: a code, or "you have an account already".
    AwaitingCode,
    /// The mailbox is proven.
    AwaitingDetails,
    /// The account was created; this happens once.
    Finished,
}

/// The step of a sign-up as shown to the browser.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum SignUpStep {
    /// Enter the e-mail address.
    AskEmail {
        /// Carried over from an ended flow.
        email: Option<String>,
    },
    /// Check your e-mail.
    EnterCode(MailedCode),
    /// Enter a name, and a password twice.
    ChooseDetails {
        /// The proven address.
        email: EmailAddress,
        /// Minimum number of characters of the password.
        min: usize,
    },
    /// Continue to sign in.
    Done {
        /// With this address.
        email: EmailAddress,
    },
}
