//! Bulk import of accounts from another system, with their password hashes.

use crate::accounts::operator;
use crate::oidc::GOOGLE;
use crate::store::accounts::Stored;
use crate::store::events::Actor;
use crate::store::identities::Identity;
use crate::store::{accounts, events, identities};
use crate::{Accounts, Error, Fault, ForeignHash, random};
use account::{Account, AccountId, ActivityKind, EmailAddress, Name, Timestamp};
use std::collections::HashSet;

/// An account from another system, managed by no organization.
#[derive(Debug)]
pub struct ImportedAccount {
    /// The e-mail address. Counts as proven if there is a password, because the operator vouches for it.
    pub email: EmailAddress,
    /// The owner's name; `None` if the other system has none.
    pub name: Option<Name>,
    /// The password hash. Without one, the owner sets a password through "Forgot password?", which verifies the address.
    pub password: Option<ForeignHash>,
    /// The identifier at Google, with which the owner signs in.
    pub google_subject: Option<String>,
    /// The language: `en` or `ar`.
    pub language: Option<String>,
    /// Creation time in the other system; `None` means now.
    pub created_at: Option<Timestamp>,
    /// Whether the account starts deactivated.
    pub disabled: bool,
}

/// Returns the identity of an account at Google.
fn google(account: &Account, subject: String, now: Timestamp) -> Identity {
    Identity {
        id: random::id(),
        account_id: account.id.0.clone(),
        issuer: GOOGLE.to_owned(),
        subject: Some(subject),
        email: account.email.to_string(),
        linked_at: now.0,
        last_used_at: None,
    }
}

impl Accounts<'_> {
    /// Creates accounts in one transaction and returns their number. Skips existing and duplicate addresses, so that an
    /// import can be repeated.
    ///
    /// # Errors
    /// A database [`Fault`]; no account is then created.
    pub async fn import(self, imported: &[ImportedAccount]) -> Result<usize, Error> {
        // SQLite allows 32,766 values per statement; an account has eight.
        const AT_ONCE: usize = 1_000;
        let now = self.0.now();
        let mut added = 0;
        let mut tx = self.0.parts.db.begin().await?;
        for some in imported.chunks(AT_ONCE) {
            let rows: Vec<_> = some
                .iter()
                .map(|account| self.row(account, now))
                .collect::<Result<_, _>>()?;
            let accounts = accounts::insert_all(&mut tx, &rows, now).await?;
            let subjects = some.iter().map(|account| account.google_subject.clone());
            let is_new: HashSet<_> = accounts.iter().collect();
            let identities: Vec<_> = rows
                .iter()
                .zip(subjects)
                .filter(|((stored, _), _)| is_new.contains(&stored.account.id))
                .filter_map(|((stored, _), subject)| Some(google(&stored.account, subject?, now)))
                .collect();
            identities::insert_all(&mut tx, &identities).await?;
            let (caller, operator) = (operator(), Actor::Operator);
            events::append_all(&mut tx, &accounts, ActivityKind::Added, operator, &caller, now).await?;
            let disabled = rows.iter().map(|(stored, _)| &stored.account);
            let disabled: Vec<_> = disabled
                .filter(|account| account.disabled_at.is_some() && is_new.contains(&account.id))
                .map(|account| account.id.clone())
                .collect();
            events::append_all(&mut tx, &disabled, ActivityKind::Disabled, operator, &caller, now).await?;
            added += accounts.len();
        }
        tx.commit().await?;
        Ok(added)
    }

    fn row(self, imported: &ImportedAccount, now: Timestamp) -> Result<(Stored, Option<Timestamp>), Fault> {
        let account = Account {
            id: AccountId(random::id()),
            email: imported.email.clone(),
            name: imported.name.as_ref().map_or("", Name::as_str).to_owned(),
            preferred_name: String::new(),
            managed_by: None,
            has_password: imported.password.is_some(),
            issuer: None,
            language: imported.language.clone(),
            // The date is unknown.
            password_changed_at: None,
            disabled_at: imported.disabled.then_some(now),
            delete_after: None,
        };
        let keep = |hash| self.0.parts.hashing.keep(hash);
        let stored = Stored {
            account,
            password: imported.password.as_ref().map(keep).transpose()?,
            // The other system may have accepted leaked passwords, so they are checked at the first sign-in.
            unchecked: imported.password.is_some(),
            administers: false,
        };
        Ok((stored, imported.created_at))
    }
}
