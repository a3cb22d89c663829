//! The only permission to set a password.

use account::AccountId;

/// Proof that the user may set the password of an account.
#[derive(Debug)]
pub struct PasswordProof {
    account: AccountId,
    verified_against: Option<String>,
}

impl PasswordProof {
    /// Created by redeeming an e-mailed code, only in `store::flows::redeem`.
    pub(crate) const fn redeemed(account: AccountId) -> Self {
        Self {
            account,
            verified_against: None,
        }
    }

    /// Created by verifying the current password against that stored hash, which must still be in place when the new one is set.
    /// Attack: of two concurrent changes, the second is authorized by an outdated password.
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
