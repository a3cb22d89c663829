//! Deletion of accounts: marking them, reminding their owners, deleting what is due.

use crate::accounts::operator;
use crate::store::events::{self, Actor};
use crate::store::{WriteTx, accounts, deletions, email_changes, outbox};
use crate::{Accounts, Backend, Caller, Fault};
use account::{Account, AccountId, ActivityKind, Email, EmailAddress, Notice, Timestamp};

/// Days before the deletion when the owner is reminded.
pub(crate) const REMINDER_DAYS: i64 = 7;

/// The result of an operator's request to delete an account after some days.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum DeletionRequest {
    /// It will be deleted after this time, unless its owner keeps it.
    Until(Timestamp),
    /// It already waits for its deletion at this time.
    Already(Timestamp),
    /// The organization of this name manages it, so its owner could not keep it.
    Managed(String),
    /// It is deactivated, so its owner could not keep it.
    Deactivated,
    /// There is none.
    NoAccount,
}

impl Accounts<'_> {
    /// Begins the deletion of an account, which its owner can cancel. Its sessions and codes end at once.
    ///
    /// # Errors
    /// A database [`Fault`]; nothing is then changed.
    pub async fn request_deletion(self, email: &EmailAddress) -> Result<DeletionRequest, Fault> {
        let mut tx = self.0.parts.db.begin().await?;
        let Some(stored) = accounts::find_by_email(&mut tx, email).await? else {
            return Ok(DeletionRequest::NoAccount);
        };
        let account = stored.account;
        if let Some(of) = account.managed_by {
            return Ok(DeletionRequest::Managed(of.organization.name));
        }
        if let Some(at) = account.delete_after {
            return Ok(DeletionRequest::Already(at));
        }
        if account.disabled_at.is_some() {
            return Ok(DeletionRequest::Deactivated);
        }
        let by = (Actor::Operator, &operator());
        let Some(until) = self.0.mark_for_deletion(&mut tx, &account, by, self.0.now()).await? else {
            return Ok(DeletionRequest::NoAccount);
        };
        self.end_everything(tx, &account.id, email).await?;
        self.0.emails_written.notify_one();
        Ok(DeletionRequest::Until(until))
    }

    /// Deletes an account and all its data at once; `false` if there is none.
    ///
    /// # Errors
    /// A database [`Fault`]; nothing is then deleted.
    pub async fn delete(self, email: &EmailAddress) -> Result<bool, Fault> {
        let mut tx = self.0.parts.db.begin().await?;
        let Some(stored) = accounts::find_by_email(&mut tx, email).await? else {
            return Ok(false);
        };
        accounts::lock_for_update(&mut tx, &stored.account.id).await?;
        // Again, because its address may have changed before the lock.
        let current = accounts::find(&mut tx, &stored.account.id).await?;
        let Some(current) = current.filter(|current| current.account.email == *email) else {
            return Ok(false);
        };
        self.0.delete_account(tx, &current.account).await?;
        self.0.forget_deleted().await;
        Ok(true)
    }
}

impl Backend {
    /// Sets the time after which an account is deleted, and tells its owner. `None`, without changes, if it waits already, is gone, or
    /// an organization manages it. Its sessions are the caller's concern.
    pub(crate) async fn mark_for_deletion(
        &self,
        tx: &mut WriteTx,
        account: &Account,
        (actor, caller): (Actor<'_>, &Caller),
        now: Timestamp,
    ) -> Result<Option<Timestamp>, Fault> {
        let days = self.settings().deletion_grace_days;
        let mut until = now.plus_days(days);
        // Attack: an intruder changes the address and has the account deleted before its owner can undo that.
        if let Some(undoable) = email_changes::undoable_until(tx, &account.id, now).await? {
            until = until.max(undoable.plus_days(1));
        }
        // A reminder soon after the notice says nothing new.
        let remind_after = (days > REMINDER_DAYS).then(|| until.plus_days(-REMINDER_DAYS));
        if !deletions::request(tx, &account.id, until, remind_after).await? {
            return Ok(None);
        }
        events::append(tx, &account.id, ActivityKind::DeletionRequested, actor, caller, now).await?;
        let browser = matches!(actor, Actor::User).then(|| caller.browser.clone());
        let notice = Notice::DeletionRequested {
            at: now,
            browser,
            until,
        };
        self.notify_of_deletion(tx, account, notice.clone(), now).await?;
        for old in email_changes::left_by(tx, &account.id).await? {
            let Ok(email) = EmailAddress::parse(&old) else { continue };
            let former = Account {
                email,
                ..account.clone()
            };
            self.notify_of_deletion(tx, &former, notice.clone(), now).await?;
        }
        Ok(Some(until))
    }

    /// Reminds the owners of accounts that will be deleted in a few days, and deletes those that are due: a few of both, each in a
    /// transaction of its own. Returns the number of deleted accounts.
    pub(crate) async fn delete_due(&self, now: Timestamp) -> Result<u64, Fault> {
        let mut deleted = 0;
        let mut conn = self.parts.db.read().await?;
        let unreminded = deletions::unreminded(&mut conn, now).await?;
        let due = deletions::due(&mut conn, now).await?;
        drop(conn);
        for id in unreminded.iter().filter(|id| !due.contains(id)) {
            if let Err(fault) = self.remind(id, now).await {
                tracing::warn!(%fault, "the owner of an account that is due was not reminded");
            }
        }
        for id in due {
            match self.delete_if_due(&id, now).await {
                Ok(done) => deleted += u64::from(done),
                // Later, and without delaying the others.
                Err(fault) => tracing::warn!(%fault, "an account that is due was not deleted"),
            }
        }
        if deleted > 0 {
            // For the operator, without the account. Attack: a reader of the log learns who had one.
            tracing::info!(deleted, "accounts were deleted at the end of their waiting time");
            self.forget_deleted().await;
        }
        Ok(deleted)
    }

    /// Removes deleted bytes from the database's log. The deletion has happened, also if this fails.
    async fn forget_deleted(&self) {
        if let Err(fault) = self.parts.db.forget_deleted().await {
            tracing::warn!(%fault, "deleted bytes stay in the database's log until the next deletion");
        }
    }

    async fn remind(&self, id: &AccountId, now: Timestamp) -> Result<(), Fault> {
        let mut tx = self.parts.db.begin().await?;
        if !deletions::remind(&mut tx, id, now).await? {
            return Ok(());
        }
        if let Some(account) = accounts::find(&mut tx, id).await?.map(|stored| stored.account)
            && let Some(until) = account.delete_after
        {
            let notice = Notice::DeletionReminder { at: now, until };
            self.notify_of_deletion(&mut tx, &account, notice, now).await?;
        }
        tx.commit().await?;
        self.emails_written.notify_one();
        Ok(())
    }

    async fn delete_if_due(&self, id: &AccountId, now: Timestamp) -> Result<bool, Fault> {
        let mut tx = self.parts.db.begin().await?;
        if !deletions::lock_due(&mut tx, id, now).await? {
            return Ok(false);
        }
        let Some(stored) = accounts::find(&mut tx, id).await? else {
            return Ok(false);
        };
        self.delete_account(tx, &stored.account).await?;
        Ok(true)
    }

    /// Deletes a locked account, and commits.
    async fn delete_account(&self, mut tx: WriteTx, account: &Account) -> Result<(), Fault> {
        let ended = self.end_flows(&mut tx, &account.email, self.now()).await?;
        self.clear_failures(&mut tx, &account.email).await?;
        deletions::delete(&mut tx, &account.id, &account.email).await?;
        tx.commit().await?;
        self.metrics().account_deleted();
        ended.iter().for_each(|flow| self.flow_moved(flow));
        Ok(())
    }

    async fn notify_of_deletion(
        &self,
        tx: &mut WriteTx,
        account: &Account,
        notice: Notice,
        now: Timestamp,
    ) -> Result<(), Fault> {
        let language = account.language.as_deref().unwrap_or("en");
        let (keys, email) = (&self.parts.keys, Email::Notice(notice));
        outbox::write(tx, keys, None, &account.email, language, &email, now).await
    }
}
