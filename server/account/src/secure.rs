use crate::{EmailAddress, MailedCode};
use serde::{Deserialize, Serialize};

/// The step of securing an account as shown to the browser.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum SecureStep {
    /// Enter the e-mail address.
    AskEmail {
        /// The address, carried over from an ended flow or from the session.
        email: Option<String>,
        /// Whether it is of an ended flow.
        is_over: bool,
    },
    /// Check your e-mail.
    EnterCode(MailedCode),
    /// Confirm what will happen.
    Review {
        /// The proven address.
        email: EmailAddress,
        /// The account's address, masked, if a change from the proven address will be undone.
        moved_to: Option<String>,
    },
    /// The account is secured. Choose a new password next, unless it has none.
    Done {
        /// The address to sign in with.
        email: EmailAddress,
        /// Whether a password can be set here.
        sets_password: bool,
    },
}
