//! What an operator does with an account: create, list, deactivate, assign to an organization.

use crate::store::events::Actor;
use crate::store::{accounts, devices, events, sessions};
use crate::{Backend, Caller, Error, Fault, random};
use account::{Account, AccountId, AccountKind, ActivityKind, EmailAddress, Name, Organization, Secret};

/// An account to create.
#[derive(Debug)]
pub struct NewAccount {
    /// The address; counts as proven.
    pub email: EmailAddress,
    /// The owner's name as they write it.
    pub name: Name,
    /// Where the password is managed.
    pub kind: AccountKind,
    /// For [`AccountKind::Local`] only. Set by the operator, without the password policy.
    pub password: Option<Secret>,
    /// `en`, `ar`.
    pub language: Option<String>,
}

/// The accounts, as an operator manages them.
#[derive(Clone, Copy)]
pub struct Accounts<'a>(pub(crate) &'a Backend);

impl Backend {
    /// The accounts, as an operator manages them.
    #[must_use]
    pub const fn accounts(&self) -> Accounts<'_> {
        Accounts(self)
    }
}

impl Accounts<'_> {
    /// Creates an account. `false` if the address already has one, which stays unchanged.
    ///
    /// # Errors
    /// A [`Fault`] of the database or the hashing.
    pub async fn create(self, new: NewAccount) -> Result<bool, Error> {
        let now = self.0.now();
        let mut conn = self.0.parts.db.read().await?;
        if accounts::find_by_email(&mut conn, &new.email).await?.is_some() {
            return Ok(false);
        }
        drop(conn);
        let hash = match &new.password {
            Some(password) if new.kind == AccountKind::Local => {
                Some(self.0.parts.hashing.hash("operator", password).await?)
            }
            _ => None,
        };
        let account = Account {
            id: AccountId(random::id()),
            email: new.email,
            name: new.name.as_str().to_owned(),
            kind: new.kind,
            language: new.language,
            password_changed_at: hash.as_ref().map(|_| now),
            disabled_at: None,
        };
        let mut tx = self.0.parts.db.begin().await?;
        let added = accounts::insert(&mut tx, &account, hash.as_deref(), now).await?;
        if added {
            events::append(
                &mut tx,
                &account.id,
                ActivityKind::Added,
                Actor::Operator,
                &operator(),
                now,
            )
            .await?;
        }
        tx.commit().await?;
        Ok(added)
    }

    /// Accounts ordered by address, `limit` of them after `after`.
    ///
    /// # Errors
    /// A database [`Fault`].
    pub async fn list(self, after: Option<&EmailAddress>, limit: i64) -> Result<Vec<Account>, Fault> {
        let mut conn = self.0.parts.db.read().await?;
        accounts::list(&mut conn, after.map_or("", EmailAddress::as_str), limit).await
    }

    /// Deactivates or reactivates an account: sessions end and codes become invalid at once. `false` if there is no such account.
    ///
    /// # Errors
    /// A database [`Fault`].
    pub async fn disable(self, email: &EmailAddress, off: bool) -> Result<bool, Fault> {
        let now = self.0.now();
        let mut tx = self.0.parts.db.begin().await?;
        let Some(stored) = accounts::find_by_email(&mut tx, email).await? else {
            return Ok(false);
        };
        let id = stored.account.id;
        accounts::set_disabled(&mut tx, &id, off.then_some(now)).await?;
        let kind = if off {
            ActivityKind::Disabled
        } else {
            ActivityKind::Enabled
        };
        events::append(&mut tx, &id, kind, Actor::Operator, &operator(), now).await?;
        self.end_everything(tx, &id, email).await?;
        Ok(true)
    }

    /// Assigns an account to an organization: its local password, sessions and codes are removed at once. `false` if there is no
    /// such account.
    ///
    /// # Errors
    /// A database [`Fault`].
    pub async fn assign_to_organization(
        &self,
        email: &EmailAddress,
        organization: &Organization,
    ) -> Result<bool, Fault> {
        let now = self.0.now();
        let mut tx = self.0.parts.db.begin().await?;
        let Some(stored) = accounts::find_by_email(&mut tx, email).await? else {
            return Ok(false);
        };
        let id = stored.account.id;
        accounts::set_managed(&mut tx, &id, organization, now).await?;
        events::append(
            &mut tx,
            &id,
            ActivityKind::HandedOver,
            Actor::Operator,
            &operator(),
            now,
        )
        .await?;
        self.end_everything(tx, &id, email).await?;
        Ok(true)
    }

    async fn end_everything(
        &self,
        mut tx: crate::store::WriteTx,
        id: &AccountId,
        email: &EmailAddress,
    ) -> Result<(), Fault> {
        sessions::end_all_but(&mut tx, id, "").await?;
        devices::forget_all_but(&mut tx, id, "").await?;
        let transition = self.0.end_flows(&mut tx, email, self.0.now()).await?;
        tx.commit().await?;
        transition.iter().for_each(|flow| self.0.flow_moved(flow));
        Ok(())
    }
}

/// The caller that operator commands act as.
pub(crate) fn operator() -> Caller {
    Caller {
        client: String::new(),
        browser: "rekey".to_owned(),
        language: "en".to_owned(),
        signed_in: false,
    }
}
