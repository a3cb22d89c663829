use crate::{EmailAddress, MailedCode};
use serde::{Deserialize, Serialize};

/// The step of a change of the e-mail address as shown to the browser.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum EmailChangeStep {
    /// Enter the new address.
    Ask {
        /// The account's address.
        email: EmailAddress,
    },
    /// Check your e-mail, at the new address.
    EnterCode(MailedCode),
    /// The new address is the account's.
    Done {
        /// That address.
        email: EmailAddress,
    },
}
