use crate::{EmailAddress, MailedCode};
use serde::{Deserialize, Serialize};

/// The state of a sign-in.
///
/// ```text
/// ask e-mail ──► AwaitingPassword ──right──► AwaitingCode ──right code──► Finished (a session begins)
///                    │        └──right, on a trusted device───────────────────▲
///                    └── "Use a different e-mail" ──► ask e-mail
/// ```
///
/// When strangers have used up the password tries of an address, a browser that never signed in to the account proves the mailbox
/// first:
///
/// ```text
/// ask e-mail ──► AwaitingMailbox ──right code──► AwaitingPassword ──right──► Finished
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SignIn {
    /// The code comes before the password.
    AwaitingMailbox,
    /// An address was entered; whether it has an account is not revealed.
    AwaitingPassword,
    /// The password was right; a code was e-mailed.
    AwaitingCode,
    /// A session was begun; this happens once.
    Finished,
}

/// The step of a sign-in as shown to the browser.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum SignInStep {
    /// Enter the e-mail address.
    AskEmail {
        /// Carried over from an ended flow or a finished reset.
        email: Option<String>,
        /// A reset of this browser that waits for its code: "Continue: code sent 10:02 to …".
        resume: Option<MailedCode>,
    },
    /// Enter the password; *Forgot password?* is below.
    EnterPassword {
        /// The address that signs in.
        email: EmailAddress,
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
}
