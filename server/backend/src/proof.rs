//! The only proof that allows a password to be set.

use account::AccountId;

/// Proof that the user may set the password of an account.
#[derive(Debug)]
pub struct PasswordProof {
    account: AccountId,
    verified_against: Option<String>,
}

impl PasswordProof {
    /// An e-mailed code was redeemed; only `store::flows::redeem` calls this.
    pub(crate) const fn redeemed(account: AccountId) -> Self {
        Self {
            account,
            verified_against: None,
        }
    }

    /// The current password was verified against that stored hash, which must still be in place when the new one is set (attack:
    /// of two concurrent changes, the second was authorized by a password that is no longer current).
    pub(crate) const fn verified(account: AccountId, stored: String) -> Self {
        Self {
            account,
            verified_against: Some(stored),
        }
    }

    /// The account whose password may be set.
    #[must_use]
    pub const fn account(&self) -> &AccountId {
        &self.account
    }

    pub(crate) fn verified_against(&self) -> Option<&str> {
        self.verified_against.as_deref()
    }
}
