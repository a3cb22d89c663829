use crate::{EmailAddress, MailedCode};
use serde::{Deserialize, Serialize};

/// The step of a sign-in as shown to the browser.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum SignInStep {
    /// Enter the e-mail address.
    AskEmail {
        /// The address, carried over from an ended flow or a finished reset.
        email: Option<String>,
        /// This browser's reset that is waiting for its code: "Continue: code sent 10:02 to …".
        resume: Option<MailedCode>,
    },
    /// Enter the password; *Forgot password?* is below.
    EnterPassword {
        /// The address to sign in with.
        email: EmailAddress,
    },
    /// Sign in through the organization of the address's domain.
    Through {
        /// The organization's name.
        organization: String,
        /// The page that leads to its provider: a path of this origin.
        page: String,
    },
    /// Check your e-mail, before the password.
    ProveMailbox(MailedCode),
    /// Check your e-mail, to confirm.
    EnterCode(MailedCode),
    /// Signed in.
    SignedIn {
        /// The destination: a path of this origin.
        next: String,
    },
}

/// The result of a sign-out.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum SignOutStep {
    /// The session has ended, now or earlier.
    SignedOut,
    /// The browser sent no session token, so no session was ended; one may still be live.
    SessionUnknown,
    /// All sessions have ended, because the owner deletes the account.
    DeletionRequested,
}
