//! Sign-in with OpenID providers, and the accounts there that are connected to an account here.

use crate::{EmailAddress, MailedCode, Timestamp};
use serde::{Deserialize, Serialize};

/// A provider with a button on the sign-in page.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ProviderButton {
    /// Its identifier in URLs: `google`.
    pub id: String,
    /// Its name for users: `Google`.
    pub name: String,
}

/// The purpose of a sign-in at a provider.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum ProviderIntent {
    /// Signing in or up.
    SignIn,
    /// Connecting the account there to the signed-in account.
    Connect,
    /// Proving again who the signed-in user is.
    Confirm,
}

/// The result of a provider's response.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ProviderStep {
    /// Signed in.
    SignedIn {
        /// The destination: a path of this origin.
        next: String,
    },
    /// There is an account with this address: sign in to it as usual, then connect.
    SignInToConnect {
        /// The provider's name.
        provider: String,
        /// The destination after it, or empty.
        next: String,
    },
    /// The provider has not verified the address, so a code is e-mailed to it.
    ProveEmail,
    /// Connected to the signed-in account.
    Connected,
    /// The user has proven again who they are.
    Confirmed {
        /// The destination: a path of this origin.
        next: String,
    },
}

/// The page that offers to connect an account at a provider, after its owner has signed in here.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum ConnectStep {
    /// Connect it?
    Ask {
        /// The provider's name.
        provider: String,
        /// The address there.
        email: String,
        /// The organization that will manage the account, if it is the organization's provider.
        organization: Option<String>,
    },
    /// Nothing to connect, or done.
    Nothing,
}

/// A connected account at a provider, on the security page.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ConnectionRow {
    /// The row's id in the form that disconnects it; grants no access.
    pub id: String,
    /// The provider's name.
    pub provider: String,
    /// The address there when it was last used.
    pub email: String,
    /// The time of the last sign-in with it.
    pub last_used_at: Option<Timestamp>,
}

/// How a signed-in user proves again who they are, before a sensitive action.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum ConfirmStep {
    /// The account's methods.
    Choose {
        /// The account's address.
        email: EmailAddress,
        /// Whether it has a password; otherwise a code is e-mailed.
        password: bool,
        /// The connected provider that can ask again, if any.
        provider: Option<ProviderButton>,
    },
    /// Check your e-mail.
    EnterCode(MailedCode),
    /// Proven less than ten minutes ago.
    Done {
        /// The destination: a path of this origin.
        next: String,
    },
}
