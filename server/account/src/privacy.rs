use crate::{Activity, EmailAddress, Organization, SecurityDone, Timestamp};
use serde::{Deserialize, Serialize};

/// The data of the privacy page and of the form that deletes the account.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PrivacyView {
    /// The address of the signed-in account.
    pub email: EmailAddress,
    /// The organization that manages the account, and alone can have it deleted.
    pub managed_by: Option<Organization>,
    /// The number of days for which a deletion can be canceled.
    pub grace_days: i64,
    /// The action just completed, for a one-time confirmation.
    pub done: Option<SecurityDone>,
}

/// What a user chooses before anything else while their account waits for its deletion.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum DeletionStep {
    /// Whether to keep the account.
    Choose {
        /// The address of the signed-in account.
        email: EmailAddress,
        /// The time after which it is deleted.
        delete_after: Timestamp,
    },
    /// Nothing: the account stays.
    Nothing {
        /// The action just completed.
        done: Option<SecurityDone>,
    },
}

/// A page of the whole activity.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct HistoryView {
    /// The address of the signed-in account.
    pub email: EmailAddress,
    /// Up to fifty events, newest first, including attempts by others.
    pub events: Vec<Activity>,
    /// The position of older events, for the URL of their page.
    pub older: Option<String>,
    /// Whether another page has newer events.
    pub newer: bool,
}
