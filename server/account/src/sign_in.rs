use crate::{EmailAddress, MailedCode};
use serde::{Deserialize, Serialize};

/// Where a sign-in stands.
///
/// ```text
/// ask e-mail ──► AwaitingPassword ──right──► AwaitingCode ──right code──► Finished (a session begins)
///                    │        └──right, on a trusted device───────────────────▲
///                    └── "Use a different e-mail" ──► ask e-mail
/// ```
///
/// Once strangers have used up the password tries of an address, a browser that never signed in there proves the mailbox first:
///
/// ```text
/// ask e-mail ──► AwaitingMailbox ──right code──► AwaitingPassword ──right──► Finished
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SignIn {
    /// The code comes before the password.
    AwaitingMailbox,
    /// An address was typed; whether there is an account is told to nobody.
    AwaitingPassword,
    /// The password was right; a code was mailed.
    AwaitingCode,
    /// A session was begun; once.
    Finished,
}

/// The part of [`SignIn`] that a browser may see.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum SignInStep {
    /// Who are you?
    AskEmail {
        /// Carried over from an ended flow or a finished reset.
        email: Option<String>,
        /// A reset of this browser that waits for its code: "Continue: code sent 10:02 to …".
        resume: Option<MailedCode>,
    },
    /// The password; below it, *Forgot password?*.
    EnterPassword {
        /// Who is signing in.
        email: EmailAddress,
    },
    /// Check your e-mail, before the password is asked for.
    ProveMailbox(MailedCode),
    /// Check your e-mail, to confirm.
    EnterCode(MailedCode),
    /// Signed in.
    SignedIn {
        /// A path of this origin: where they were going.
        next: String,
    },
}

/// What came of a sign-out.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum SignOutStep {
    /// The session has ended, now or before.
    SignedOut,
    /// The browser has named no session, so none was ended; one may live on.
    SessionUnknown,
}
