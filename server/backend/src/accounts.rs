//! Operator actions on accounts: creating, listing, deactivating, assigning to an organization.

use crate::deletions::REMINDER_DAYS;
use crate::store::events::Actor;
use crate::store::identities::Identity;
use crate::store::{WriteTx, accounts, deletions, devices, events, identities, organizations, outbox, sessions};
use crate::{Backend, Caller, Error, Fault, random};
use account::{Account, AccountId, ActivityKind, Email, EmailAddress, Name, Notice, Organization, Secret};

/// An account to create.
#[derive(Debug)]
pub struct NewAccount {
    /// The e-mail address, which counts as proven.
    pub email: EmailAddress,
    /// The owner's name.
    pub name: Name,
    /// The password. Not subject to the password policy.
    pub password: Option<Secret>,
    /// The issuer of a provider at which the owner has an account with the same address. Their first sign-in there connects it.
    pub issuer: Option<String>,
    /// The organization that manages the account; created if it is missing.
    pub managed_by: Option<Organization>,
    /// The language: `en` or `ar`.
    pub language: Option<String>,
}

/// Account management for operators.
#[derive(Clone, Copy)]
pub struct Accounts<'a>(pub(crate) &'a Backend);

impl Backend {
    /// Opens account management for operators.
    #[must_use]
    pub const fn accounts(&self) -> Accounts<'_> {
        Accounts(self)
    }
}

impl Accounts<'_> {
    /// Creates an account; `false`, without changes, if the address already has one.
    ///
    /// # Errors
    /// A [`Fault`] of the database or of hashing.
    pub async fn create(self, new: NewAccount) -> Result<bool, Error> {
        let now = self.0.now();
        let mut conn = self.0.parts.db.read().await?;
        if accounts::find_by_email(&mut conn, &new.email).await?.is_some() {
            return Ok(false);
        }
        drop(conn);
        let hash = match &new.password {
            Some(password) => Some(self.0.parts.hashing.hash("operator", password).await?),
            None => None,
        };
        let mut tx = self.0.parts.db.begin().await?;
        let managed_by = match new.managed_by {
            Some(organization) => Some(organizations::ensure(&mut tx, &organization, now).await?),
            None => None,
        };
        let account = Account {
            id: AccountId(random::id()),
            email: new.email,
            name: new.name.as_str().to_owned(),
            preferred_name: String::new(),
            managed_by,
            has_password: hash.is_some(),
            issuer: new.issuer,
            language: new.language,
            password_changed_at: hash.as_ref().map(|_| now),
            disabled_at: None,
            delete_after: None,
        };
        let added = accounts::insert(&mut tx, &account, hash.as_deref(), now).await?;
        if added {
            if let Some(issuer) = &account.issuer {
                let identity = Identity {
                    id: random::id(),
                    account_id: account.id.0.clone(),
                    issuer: issuer.clone(),
                    subject: None,
                    email: account.email.to_string(),
                    linked_at: now.0,
                    last_used_at: None,
                };
                identities::insert(&mut tx, &identity).await?;
            }
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

    /// Lists up to `limit` accounts in order of address, starting after `after`.
    ///
    /// # Errors
    /// A database [`Fault`].
    pub async fn list(self, after: Option<&EmailAddress>, limit: i64) -> Result<Vec<Account>, Fault> {
        let mut conn = self.0.parts.db.read().await?;
        accounts::list(&mut conn, after.map_or("", EmailAddress::as_str), limit).await
    }

    /// Deactivates or reactivates an account, ending its sessions and codes at once; `false` if it doesn't exist.
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
        accounts::set_disabled(&mut tx, &id, off.then_some(now), None).await?;
        if !off {
            // Its owner could not keep it while it was deactivated.
            deletions::postpone(&mut tx, &id, now.plus_days(REMINDER_DAYS)).await?;
        }
        let kind = if off {
            ActivityKind::Disabled
        } else {
            ActivityKind::Enabled
        };
        events::append(&mut tx, &id, kind, Actor::Operator, &operator(), now).await?;
        self.end_everything(tx, &id, email).await?;
        Ok(true)
    }

    /// Assigns an account to an organization, and ends its sessions and codes. Its password is kept, hidden and refused.
    /// `false` if the account doesn't exist.
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
        if accounts::find_by_email(&mut tx, email).await?.is_none() {
            return Ok(false);
        }
        let organization = organizations::ensure(&mut tx, organization, now).await?;
        tx.commit().await?;
        self.assign_to(email, &organization.id).await
    }

    /// As [`assign_to_organization`](Self::assign_to_organization), by the organization's id.
    pub(crate) async fn assign_to(&self, email: &EmailAddress, organization: &str) -> Result<bool, Fault> {
        let now = self.0.now();
        let mut tx = self.0.parts.db.begin().await?;
        let Some(stored) = accounts::find_by_email(&mut tx, email).await? else {
            return Ok(false);
        };
        let id = stored.account.id;
        accounts::set_managed(&mut tx, &id, Some(organization), now).await?;
        let kind = ActivityKind::HandedOver;
        events::append(&mut tx, &id, kind, Actor::Operator, &operator(), now).await?;
        self.end_everything(tx, &id, email).await?;
        Ok(true)
    }

    /// Takes an account back from its organization, and ends its sessions and codes. Its owner signs in with the password from
    /// before, or sets one with a mailed code. `false` if the account doesn't exist.
    ///
    /// # Errors
    /// A database [`Fault`].
    pub async fn take_back(&self, email: &EmailAddress) -> Result<bool, Fault> {
        let now = self.0.now();
        let mut tx = self.0.parts.db.begin().await?;
        let Some(stored) = accounts::find_by_email(&mut tx, email).await? else {
            return Ok(false);
        };
        let id = &stored.account.id;
        self.release(&mut tx, &stored.account).await?;
        let kind = ActivityKind::TakenBack;
        events::append(&mut tx, id, kind, Actor::Operator, &operator(), now).await?;
        self.end_everything(tx, id, email).await?;
        Ok(true)
    }

    /// Ends an organization's management of an account, and tells its owner. Its sessions are the caller's concern.
    pub(crate) async fn release(&self, tx: &mut WriteTx, account: &Account) -> Result<(), Fault> {
        let Some(of) = &account.managed_by else { return Ok(()) };
        // Attack: the former organization goes on signing in through its provider.
        let provider = of.provider.as_deref().and_then(|id| self.0.providers().find(id));
        if let Some(provider) = provider {
            identities::delete_of_issuer(tx, &account.id, provider.issuer()).await?;
        }
        // After this, no administrator can reactivate the account.
        accounts::enable_by_organization(tx, &account.id, &of.id).await?;
        let now = self.0.now();
        accounts::set_managed(tx, &account.id, None, now).await?;
        let notice = Email::Notice(Notice::Left {
            at: now,
            organization: of.organization.name.clone(),
        });
        let language = account.language.as_deref().unwrap_or("en");
        outbox::write(tx, &self.0.parts.keys, None, &account.email, language, &notice, now).await
    }

    /// Ends the sessions, trusted devices, codes and proven flows of an account, and commits.
    pub(crate) async fn end_everything(
        &self,
        mut tx: WriteTx,
        id: &AccountId,
        email: &EmailAddress,
    ) -> Result<(), Fault> {
        // First the flows. Attack: a sign-in that finishes meanwhile begins a session that this transaction does not see.
        let ended = self.0.end_flows(&mut tx, email, self.0.now()).await?;
        sessions::end_all_but(&mut tx, id, "").await?;
        devices::forget_all_but(&mut tx, id, "").await?;
        tx.commit().await?;
        ended.iter().for_each(|flow| self.0.flow_moved(flow));
        Ok(())
    }
}

/// Returns the caller for operator commands.
pub(crate) fn operator() -> Caller {
    Caller {
        client: String::new(),
        browser: "rekey".to_owned(),
        language: "en".to_owned(),
        signed_in: false,
        administers: false,
        preferences: account::Preferences::default(),
    }
}
