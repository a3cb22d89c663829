use crate::{EmailAddress, MailedCode, Organization};
use serde::{Deserialize, Serialize};

/// The step of a change of the e-mail address as shown to the browser.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum EmailChangeStep {
    /// Enter the new address.
    Ask {
        /// The account's address.
        email: EmailAddress,
    },
    /// An organization manages the account, and its address.
    Managed(Organization),
    /// Check your e-mail, at the new address.
    EnterCode(MailedCode),
    /// The new address is the account's.
    Done {
        /// That address.
        email: EmailAddress,
    },
}
