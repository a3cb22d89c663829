use crate::{EmailAddress, MailedCode};
use serde::{Deserialize, Serialize};

/// The step of a reset as shown to the browser.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum ResetStep {
    /// Enter the e-mail address.
    AskEmail {
        /// The address, carried over from an ended flow or from sign-in.
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
        /// The address to sign in with.
        email: EmailAddress,
    },
}
