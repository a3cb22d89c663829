//! What an operator does with accounts: add, list, switch off; and what time does with dead rows.

use crate::flows::DEVICE_DAYS;
use crate::store::events::Actor;
use crate::store::{accounts, codes, devices, email_turns, events, flows, limits, outbox, sessions, throttles};
use crate::{Backend, Caller, Error, Fault, random};
use account::{Account, AccountId, AccountKind, ActivityKind, EmailAddress, Name, Organization, Secret};

/// An account to make.
#[derive(Debug)]
pub struct NewAccount {
    /// The address, taken as proven by the operator.
    pub email: EmailAddress,
    /// As the person writes it.
    pub name: Name,
    /// Who keeps the password.
    pub kind: AccountKind,
    /// For [`AccountKind::Local`] only. The operator's word: no policy but the hash.
    pub password: Option<Secret>,
    /// `en`, `ar`.
    pub language: Option<String>,
}

/// An account in the operator's list.
pub type Person = Account;

impl Backend {
    /// Makes an account. `false` when the address has one already, which stays as it is.
    ///
    /// # Errors
    /// A [`Fault`] of the database or the hashing.
    pub async fn create_account(&self, person: NewAccount) -> Result<bool, Error> {
        let now = self.now();
        let mut tx = self.parts.db.read().await?;
        if accounts::find_by_email(&mut tx, &person.email).await?.is_some() {
            return Ok(false);
        }
        drop(tx);
        let hash = match &person.password {
            Some(password) if person.kind == AccountKind::Local => {
                Some(self.parts.hashing.hash("operator", password).await?)
            }
            _ => None,
        };
        let account = Account {
            id: AccountId(random::id()),
            email: person.email,
            name: person.name.as_str().to_owned(),
            kind: person.kind,
            language: person.language,
            password_changed_at: hash.as_ref().map(|_| now),
            disabled_at: None,
        };
        let mut tx = self.parts.db.begin().await?;
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

    /// Accounts by address, `limit` of them after `after`.
    ///
    /// # Errors
    /// A [`Fault`] of the database.
    pub async fn list_people(&self, after: Option<&EmailAddress>, limit: i64) -> Result<Vec<Person>, Fault> {
        let mut tx = self.parts.db.read().await?;
        accounts::list(&mut tx, after.map_or("", EmailAddress::as_str), limit).await
    }

    /// Switches an account off or on again: sessions end and codes die at once. `false` when there is none.
    ///
    /// # Errors
    /// A [`Fault`] of the database.
    pub async fn disable_person(&self, email: &EmailAddress, off: bool) -> Result<bool, Fault> {
        let now = self.now();
        let mut tx = self.parts.db.begin().await?;
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

    /// Hands an account over to an organization: its local password, sessions and codes are gone at once. `false` when there
    /// is none.
    ///
    /// # Errors
    /// A [`Fault`] of the database.
    pub async fn assign_to_organization(
        &self,
        email: &EmailAddress,
        organization: &Organization,
    ) -> Result<bool, Fault> {
        let now = self.now();
        let mut tx = self.parts.db.begin().await?;
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
        mut tx: crate::store::Tx,
        id: &AccountId,
        email: &EmailAddress,
    ) -> Result<(), Fault> {
        sessions::end_all_but(&mut tx, id, "").await?;
        devices::forget_all_but(&mut tx, id, "").await?;
        let transition = self.end_flows(&mut tx, email, self.now()).await?;
        tx.commit().await?;
        transition.iter().for_each(|flow| self.flow_moved(flow));
        Ok(())
    }

    /// Takes dead rows away, a [`BATCH`](crate::store::BATCH) of each kind; gives how many went. For a background task.
    ///
    /// # Errors
    /// A [`Fault`] of the database.
    pub async fn prune(&self) -> Result<u64, Fault> {
        let now = self.now();
        let yesterday = now.plus_days(-1);
        // What comes back with the power is taken away next time.
        let mut tx = self.parts.db.begin_unsynced().await?;
        // The turns of those who make codes before what these take next, so that no two wait for each other.
        let gone = codes::prune_wrong(&mut tx, yesterday).await?
            + flows::prune(&mut tx, yesterday).await?
            + sessions::prune(&mut tx, now).await?
            + devices::prune(&mut tx, now.plus_days(-DEVICE_DAYS)).await?
            + devices::prune_tokens(&mut tx, now.plus_days(-self.settings().trust_days)).await?
            + devices::date_unknown_use(&mut tx, now).await?
            + limits::prune(&mut tx, now).await?
            + email_turns::prune(&mut tx, yesterday).await?
            + outbox::prune(&mut tx, now.plus_days(-30)).await?
            + events::prune_nobodys(&mut tx, yesterday).await?
            + throttles::prune(&mut tx, now.plus_days(-30)).await?;
        tx.commit().await?;
        Ok(gone)
    }
}

/// Who does what a command asks for.
pub(crate) fn operator() -> Caller {
    Caller {
        client: String::new(),
        browser: "rekey".to_owned(),
        language: "en".to_owned(),
        signed_in: false,
    }
}
