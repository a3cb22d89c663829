//! The only permission to set a password.

use account::AccountId;

/// Proof that the user may set the password of an account.
#[derive(Debug)]
pub struct PasswordProof {
    account: AccountId,
    verified_against: Option<String>,
}

impl PasswordProof {
    /// Certifies that the user redeemed an e-mailed code. Called only by `store::flows::redeem`.
    pub(crate) const fn redeemed(account: AccountId) -> Self {
        Self {
            account,
            verified_against: None,
        }
    }

    /// Certifies that the current password was verified against this hash, which must still be in place when the new
    /// one is set. Attack: of two concurrent changes, the second is authorized by an outdated password.
    pub(crate) const fn verified(account: AccountId, stored: String) -> Self {
        Self {
            account,
            verified_against: Some(stored),
        }
    }

    /// Certifies that the user of a session has proven less than ten minutes ago who they are, and that the account has no
    /// password. Attack: two passwords are added concurrently.
    pub(crate) const fn fresh(account: AccountId) -> Self {
        Self {
            account,
            verified_against: Some(String::new()),
        }
    }

    /// Returns the account that the proof applies to.
    #[must_use]
    pub const fn account(&self) -> &AccountId {
        &self.account
    }

    pub(crate) fn verified_against(&self) -> Option<&str> {
        self.verified_against.as_deref()
    }
}
