use crate::{Organization, PasswordAccess, Provider, Purpose, Secret, Timestamp};
use serde::{Deserialize, Serialize};

/// The content of an e-mail, rendered when sent. Stored sealed until then, because it may contain a live code.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Email {
    /// A one-time passcode.
    Code(CodeEmail),
    /// Reset requested for an address without an account.
    NoAccount(Request),
    /// Reset requested for an account without a password, which signs in with the named provider.
    UseProvider(Request, Provider),
    /// Reset requested for an account with its password at an organization.
    AskAdministrator(Request, Organization),
    /// Reset requested for a deactivated account.
    Deactivated(Request),
    /// Sign-up requested for an address that has an account.
    AlreadyHere(Request, PasswordAccess),
    /// Sign-up requested for the address of a deactivated account.
    AlreadyDeactivated(Request),
    /// An account left the address in the last seven days, which its owner can undo.
    Moved(Request),
    /// A signed-in user wants an address that another account has, or left in the last seven days.
    AddressInUse(Request),
    /// An administrator invites the owner of the address to an organization.
    Invitation(InvitationEmail),
    /// A security notice about the account; cannot be turned off.
    Notice(Notice),
}

/// An invitation to an organization.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct InvitationEmail {
    /// The organization's name.
    pub organization: String,
    /// The name of the administrator who invites.
    pub inviter: String,
    /// The time when the invitation ends.
    pub works_until: Timestamp,
}

/// The passcode and its expiry.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CodeEmail {
    /// The purpose of the code.
    pub purpose: Purpose,
    /// The digits.
    pub code: Secret,
    /// The time when the code expires.
    pub works_until: Timestamp,
    /// The request that caused it.
    pub request: Request,
}

/// The request that an e-mail answers.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Request {
    /// The reference on screen, in the subject and in the body: `K7`. The previous release wrote it as `label` to queued e-mails.
    #[serde(alias = "label")]
    pub reference: String,
    /// The time of the request.
    pub asked_at: Timestamp,
    /// The browser that sent it: `Firefox on Linux`.
    pub browser: String,
    /// The flow that it begins. Queued e-mails of the previous release have none: resets, or sign-ins that are mailbox-first.
    #[serde(default = "reset")]
    pub purpose: Purpose,
    /// Whether this is a mailbox-first sign-in, so that no password has been entered yet.
    #[serde(default)]
    pub mailbox_first: bool,
}

const fn reset() -> Purpose {
    Purpose::Reset
}

/// A security notice to the owner.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[expect(missing_docs, reason = "the names say it")]
pub enum Notice {
    /// A forgotten password was replaced; all sessions ended.
    PasswordReset { at: Timestamp, browser: String },
    /// The password was changed on the security page.
    PasswordChanged { at: Timestamp, browser: String },
    /// A browser signed in for the first time.
    NewDevice { at: Timestamp, browser: String },
    /// A copy of a trusted device's token was used; the device is no longer trusted.
    DeviceCopied { at: Timestamp, browser: String },
    /// An operator has changed the account's address; sent to the previous address.
    AddressLeft { at: Timestamp },
    /// An operator has changed the account's address; sent to the new address.
    AddressTaken { at: Timestamp },
    /// The user has entered a new address, in masked form, which is not proven yet; sent to the current address.
    EmailChangeAsked {
        at: Timestamp,
        browser: String,
        new: String,
    },
    /// The user has proven the new address, in masked form; sent to the previous address, whose owner can undo it.
    EmailChanged {
        at: Timestamp,
        browser: String,
        new: String,
        undo_until: Timestamp,
    },
    /// The user has proven this address, which is the account's from now on.
    EmailTaken { at: Timestamp, browser: String },
    /// A change to this address was undone from the previous one.
    EmailLost { at: Timestamp },
    /// The owner secured the account; `restored` if that undid a change of its address.
    Secured {
        at: Timestamp,
        browser: String,
        restored: bool,
        sets_password: bool,
    },
    /// A password was added to an account that had none.
    PasswordAdded { at: Timestamp, browser: String },
    /// An account at a provider can sign in from now on.
    ProviderConnected {
        at: Timestamp,
        browser: String,
        provider: String,
    },
    /// An account at a provider can no longer sign in.
    ProviderDisconnected {
        at: Timestamp,
        browser: String,
        provider: String,
    },
    /// The account joined an organization, which manages it from now on.
    Joined {
        at: Timestamp,
        browser: String,
        organization: String,
    },
    /// An organization no longer manages the account.
    Left { at: Timestamp, organization: String },
    /// The account will be deleted after `until`. `browser` is `None` if an operator requested it.
    DeletionRequested {
        at: Timestamp,
        browser: Option<String>,
        until: Timestamp,
    },
    /// The account will be deleted in a few days.
    DeletionReminder { at: Timestamp, until: Timestamp },
    /// The owner kept the account after all.
    DeletionCanceled { at: Timestamp, browser: String },
    /// Everything that is stored about the account was downloaded.
    DataDownloaded { at: Timestamp, browser: String },
    /// Ten consecutive failures.
    ManyFailures {
        at: Timestamp,
        #[serde(default)]
        cause: FailureCause,
    },
}

/// The kind of ten consecutive failures, which decides what the owner must do.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum FailureCause {
    /// Passwords at sign-in; also the default for notices written by an earlier version.
    #[default]
    Passwords,
    /// Codes at sign-in, after the correct password: the client knows the password.
    SignInCodes,
    /// Codes of resets, which anyone can begin.
    ResetCodes,
    /// Codes of sign-ins that begin with a code, which anyone can begin.
    MailboxCodes,
    /// The current password, typed on the security page of a signed-in browser.
    CurrentPasswords,
}

impl Email {
    /// Returns whether it is sent from the address for codes and replies, not from the one for notices.
    #[must_use]
    pub const fn is_answer(&self) -> bool {
        !matches!(self, Self::Notice(_))
    }

    /// Returns the time when the e-mail becomes useless because its code expires.
    #[must_use]
    pub const fn stale_at(&self) -> Option<Timestamp> {
        match self {
            Self::Code(email) => Some(email.works_until),
            Self::Invitation(email) => Some(email.works_until),
            _ => None,
        }
    }
}

/// Letters for references, without similar-looking ones.
const REFERENCE_LETTERS: &[u8] = b"ABCDEFGHJKLMNPQRTUVWXYZ";
const REFERENCE_DIGITS: &[u8] = b"2346789";

impl Request {
    /// Generates a reference: a letter and a digit, 161 combinations. It distinguishes e-mails and protects nothing.
    pub fn reference(rng: &mut (impl rand::RngExt + ?Sized)) -> String {
        let letter = REFERENCE_LETTERS[rng.random_range(0..REFERENCE_LETTERS.len())];
        let digit = REFERENCE_DIGITS[rng.random_range(0..REFERENCE_DIGITS.len())];
        format!("{}{}", char::from(letter), char::from(digit))
    }
}
