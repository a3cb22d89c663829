use crate::{EmailAddress, MailedCode};
use serde::{Deserialize, Serialize};

/// The step of a sign-up as shown to the browser.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum SignUpStep {
    /// Enter the e-mail address.
    AskEmail {
        /// The address, carried over from an ended flow.
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
        /// The address to sign in with.
        email: EmailAddress,
    },
}
