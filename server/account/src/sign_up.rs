use crate::{EmailAddress, MailedCode};
use serde::{Deserialize, Serialize};

/// Where a sign-up stands. The address is proven before there is an account, so nobody can prepare one for somebody else.
///
/// ```text
/// ask e-mail ──► AwaitingCode ──right code──► AwaitingDetails ──name, password──► Finished (the account exists)
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SignUp {
    /// An e-mail was written: a code, or "you have an account already".
    AwaitingCode,
    /// The mailbox is proven.
    AwaitingDetails,
    /// The account was made; once.
    Finished,
}

/// The part of [`SignUp`] that a browser may see.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum SignUpStep {
    /// With which address?
    AskEmail {
        /// Carried over from an ended flow.
        email: Option<String>,
    },
    /// Check your e-mail.
    EnterCode(MailedCode),
    /// Name, and password twice.
    ChooseDetails {
        /// The proven address.
        email: EmailAddress,
        /// Fewest characters of the password.
        min: usize,
    },
    /// Continue to sign in.
    Done {
        /// With this address.
        email: EmailAddress,
    },
}
