//! Service-wide maintenance: sweeping expired rows, ending all sessions, and finding out which keys are in use.

use crate::accounts::operator;
use crate::deletions::REMINDER_DAYS;
use crate::flows::DEVICE_DAYS;
use crate::hashing::stored_under;
use crate::store::events::Actor;
use crate::store::{
    Db, accounts, authorization, client_assertions, codes, deletions, devices, email_changes, email_turns, events,
    flows, identities, invitations, key_checks, limits, logout_notices, outbox, sessions, signing_keys, throttles,
};
use crate::{Backend, Fault};
use account::{AccountId, ActivityKind, Timestamp};
use std::collections::BTreeSet;

/// Numbers of rows ended in a database.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Ended {
    /// Sessions.
    pub sessions: usize,
    /// Unfinished sign-ins, resets and sign-ups.
    pub flows: usize,
    /// Pending e-mails that will not be sent.
    pub emails: u64,
}

/// Stored data that still needs a key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct KeyUses {
    /// Passwords that no other key verifies.
    pub passwords: i64,
    /// Valid e-mailed codes.
    pub codes: i64,
    /// Pending e-mails.
    pub emails: i64,
    /// Refresh tokens of products.
    pub refresh_tokens: i64,
}

impl KeyUses {
    /// Whether no data needs the key.
    #[must_use]
    pub fn none(self) -> bool {
        (self.passwords, self.codes, self.emails, self.refresh_tokens) == (0, 0, 0, 0)
    }
}

/// Ends all sessions, flows and codes and revokes trust in all devices, so that every sign-in needs password and code. If the
/// database was `restored` from a backup, also drops pending e-mails, because most were already sent, and gives owners of accounts that
/// are due another week; otherwise e-mails are sent, because they include security notices.
///
/// # Errors
/// A database [`Fault`]; nothing is then ended.
pub async fn end_sessions(db: &Db, now: Timestamp, restored: bool) -> Result<Ended, Fault> {
    let mut tx = db.begin().await?;
    let sessions = sessions::end_all(&mut tx).await?;
    devices::untrust_all(&mut tx).await?;
    // Lock flows before their codes, as everywhere, to avoid deadlocks.
    let flows = flows::end_all(&mut tx, now).await?.len();
    codes::supersede_all(&mut tx, now).await?;
    let emails = if restored {
        // Attack: an owner has kept the account since the backup, and the first sweep deletes it.
        deletions::postpone_all(&mut tx, now.plus_days(REMINDER_DAYS), now).await?;
        outbox::drop_all(&mut tx, now).await?
    } else {
        0
    };
    for account in sessions.iter().collect::<BTreeSet<_>>() {
        let (account, kind) = (AccountId(account.clone()), ActivityKind::SessionsEnded);
        events::append(&mut tx, &account, kind, Actor::Operator, &operator(), now).await?;
    }
    tx.commit().await?;
    Ok(Ended {
        sessions: sessions.len(),
        flows,
        emails,
    })
}

/// Maintenance: expired rows, and the use of the server keys.
#[derive(Clone, Copy)]
pub struct Upkeep<'a>(&'a Backend);

impl Backend {
    /// Opens maintenance: expired rows, and the use of the server keys.
    #[must_use]
    pub const fn upkeep(&self) -> Upkeep<'_> {
        Upkeep(self)
    }
}

impl Upkeep<'_> {
    /// Deletes up to one [`BATCH`](crate::store::BATCH) of each kind of expired rows, and a few accounts that are due. Returns their
    /// number.
    ///
    /// # Errors
    /// A database [`Fault`].
    pub async fn sweep(self) -> Result<u64, Fault> {
        let now = self.0.now();
        let yesterday = now.plus_days(-1);
        let deleted = self.0.delete_due(now).await?;
        // Unsynced, because rows that a power failure restores are deleted by the next sweep.
        let mut tx = self.0.parts.db.begin_unsynced().await?;
        // Locks in the same order as code creation, to avoid deadlocks.
        let gone = codes::prune_wrong(&mut tx, yesterday).await?
            + flows::prune(&mut tx, yesterday).await?
            + sessions::prune(&mut tx, now).await?
            + sessions::prune_idle(&mut tx, now.plus_ms(-self.0.idle_ms())).await?
            + authorization::prune(&mut tx, now).await?
            + client_assertions::prune(&mut tx, now).await?
            + signing_keys::prune(&mut tx, now.plus_days(-self.0.settings().session_days)).await?
            // Later than the delivery itself gives up.
            + logout_notices::prune(&mut tx, now, now.plus_days(-2)).await?
            + identities::prune(&mut tx, now).await?
            + invitations::prune(&mut tx, now).await?
            // As long as e-mails to the old address are listed, so that a deletion finds them.
            + email_changes::prune(&mut tx, now.plus_days(-30)).await?
            + devices::prune(&mut tx, now.plus_days(-DEVICE_DAYS)).await?
            + devices::prune_tokens(&mut tx, now.plus_days(-self.0.settings().trust_days)).await?
            + devices::date_unknown_use(&mut tx, now).await?
            + limits::prune(&mut tx, now).await?
            + email_turns::prune(&mut tx, yesterday).await?
            + outbox::prune(&mut tx, now.plus_days(-30)).await?
            + events::prune_without_account(&mut tx, yesterday).await?
            + throttles::prune(&mut tx, now.plus_days(-30)).await?;
        tx.commit().await?;
        Ok(gone + deleted)
    }

    /// Counts the data that still needs a key.
    ///
    /// # Errors
    /// A database [`Fault`].
    pub async fn key_uses(self, key_id: &str) -> Result<KeyUses, Fault> {
        let mut conn = self.0.parts.db.read().await?;
        let mut passwords = 0;
        for beginning in stored_under(key_id) {
            passwords += accounts::count_hashes(&mut conn, &beginning).await?;
        }
        Ok(KeyUses {
            passwords,
            codes: codes::count_live(&mut conn, key_id, self.0.now()).await?,
            emails: outbox::count_waiting(&mut conn, &format!("{key_id}.")).await?,
            refresh_tokens: authorization::count_refresh_tokens(&mut conn, key_id).await?,
        })
    }

    /// Returns the name of a key that differs from the one the database was written with, and remembers new keys. Otherwise, a
    /// regenerated key file, or one of another installation, would silently lock out all users.
    ///
    /// # Errors
    /// A database [`Fault`].
    pub async fn find_other_key(self) -> Result<Option<String>, Fault> {
        let ring = self.0.parts.keys.with(std::iter::empty());
        let mut tx = self.0.parts.db.begin().await?;
        for key in ring.all() {
            let value = hex::encode(key.check_value());
            key_checks::keep(&mut tx, key.id(), &value).await?;
            if key_checks::find(&mut tx, key.id())
                .await?
                .is_some_and(|kept| kept != value)
            {
                return Ok(Some(key.id().to_owned()));
            }
        }
        tx.commit().await?;
        Ok(None)
    }

    /// Forgets a key, so that its name can be reused.
    ///
    /// # Errors
    /// A database [`Fault`].
    pub async fn forget_key(self, key_id: &str) -> Result<(), Fault> {
        let mut tx = self.0.parts.db.begin().await?;
        key_checks::forget(&mut tx, key_id).await?;
        tx.commit().await
    }

    /// Counts the passwords stored under a key, and those without one, as hashes of other systems.
    ///
    /// # Errors
    /// A database [`Fault`].
    pub async fn count_hashes(self) -> Result<(i64, i64), Fault> {
        let mut conn = self.0.parts.db.read().await?;
        let all = accounts::count_hashes(&mut conn, "").await?;
        let without_key = accounts::count_hashes(&mut conn, "$").await?;
        Ok((all - without_key, without_key))
    }
}
