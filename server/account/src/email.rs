use crate::{Organization, PasswordAccess, Purpose, Secret, Timestamp};
use serde::{Deserialize, Serialize};

/// What a mail says; the words are made when it is sent. Kept sealed until then, as it may hold a live code.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Email {
    /// A one-time passcode.
    Code(CodeEmail),
    /// Reset asked for an address without an account.
    NoAccount(Request),
    /// Reset asked for an account whose password Google keeps.
    UseGoogle(Request),
    /// Reset asked for an account whose password an organization keeps.
    AskAdministrator(Request, Organization),
    /// Reset asked for an account that an operator has switched off.
    Deactivated(Request),
    /// Sign-up asked for an address that has an account.
    AlreadyHere(Request, PasswordAccess),
    /// Sign-up asked for an address whose account is deactivated.
    AlreadyDeactivated(Request),
    /// Something happened to the account; always on.
    Notice(Notice),
}

/// The passcode and until when it works.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CodeEmail {
    /// What the code is for.
    pub purpose: Purpose,
    /// The digits.
    pub code: Secret,
    /// From this moment on it is late.
    pub works_until: Timestamp,
    /// What asked for it.
    pub request: Request,
}

/// The request that an e-mail answers.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Request {
    /// Told on the screen, in the subject and in the body: `K7`. The release before wrote `label` into queued e-mails.
    #[serde(alias = "label")]
    pub reference: String,
    /// When.
    pub asked_at: Timestamp,
    /// From which browser: `Firefox on Linux`.
    pub browser: String,
    /// Whether it is a sign-in that proves the mailbox before the password: nobody has given a password then.
    #[serde(default)]
    pub mailbox_first: bool,
}

/// Something that the owner must hear of.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[expect(missing_docs, reason = "the names say it")]
pub enum Notice {
    /// A forgotten password was replaced; all sessions ended.
    PasswordReset { at: Timestamp, browser: String },
    /// The password was changed on the security page.
    PasswordChanged { at: Timestamp, browser: String },
    /// A browser signed in for the first time.
    NewDevice { at: Timestamp, browser: String },
    /// A copy of a trusted device's token came; the device is no longer trusted.
    DeviceCopied { at: Timestamp, browser: String },
    /// An operator has given the account another address; to the address before.
    AddressLeft { at: Timestamp },
    /// The same; to the address that it has now.
    AddressTaken { at: Timestamp },
    /// Ten failures in a row.
    ManyFailures {
        at: Timestamp,
        #[serde(default)]
        cause: FailureCause,
    },
}

/// What was wrong ten times in a row. It decides what the owner must do.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum FailureCause {
    /// Passwords at sign-in. Also the cause in notices that an earlier version wrote.
    #[default]
    Passwords,
    /// Codes at sign-in, after the right password: whoever typed them knows it.
    SignInCodes,
    /// Codes of resets, which anybody can begin.
    ResetCodes,
    /// The current password, typed on the security page by whoever is signed in.
    CurrentPasswords,
}

impl Email {
    /// Whether it goes out from the sender of codes and answers; else from the sender of notices.
    #[must_use]
    pub const fn is_answer(&self) -> bool {
        !matches!(self, Self::Notice(_))
    }

    /// From this moment on it is not worth sending: the code is late.
    #[must_use]
    pub const fn stale_at(&self) -> Option<Timestamp> {
        match self {
            Self::Code(email) => Some(email.works_until),
            _ => None,
        }
    }
}

/// The letters and digits of labels: none that is read as another.
const REFERENCE_LETTERS: &[u8] = b"ABCDEFGHJKLMNPQRTUVWXYZ";
const REFERENCE_DIGITS: &[u8] = b"2346789";

impl Request {
    /// A new reference: a letter and a digit, 161 of them. It tells e-mails apart and protects nothing.
    pub fn reference(rng: &mut (impl rand::RngExt + ?Sized)) -> String {
        let email = REFERENCE_LETTERS[rng.random_range(0..REFERENCE_LETTERS.len())];
        let digit = REFERENCE_DIGITS[rng.random_range(0..REFERENCE_DIGITS.len())];
        format!("{}{}", char::from(email), char::from(digit))
    }
}
