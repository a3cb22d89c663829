//! What allows a password to be set. Nothing else makes one of these.

use account::AccountId;

/// Proof that a person may set the password of an account.
#[derive(Debug)]
pub struct PasswordProof {
    account: AccountId,
    verified_against: Option<String>,
}

impl PasswordProof {
    /// A mailed code was redeemed; only `store::flows::redeem` calls this.
    pub(crate) const fn redeemed(account: AccountId) -> Self {
        Self {
            account,
            verified_against: None,
        }
    }

    /// The current password was verified against that stored hash; the hash must still be in place when the new one is set
    /// (attack: two changes race, and the loser's current password is no longer current).
    pub(crate) const fn verified(account: AccountId, stored: String) -> Self {
        Self {
            account,
            verified_against: Some(stored),
        }
    }

    /// Whose password.
    #[must_use]
    pub const fn account(&self) -> &AccountId {
        &self.account
    }

    pub(crate) fn verified_against(&self) -> Option<&str> {
        self.verified_against.as_deref()
    }
}
