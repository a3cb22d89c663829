//! What concerns all accounts at once: the sweep of expired rows, the end of all sessions, and which keys are in use.

use crate::accounts::operator;
use crate::flows::DEVICE_DAYS;
use crate::hashing::stored_under;
use crate::store::events::Actor;
use crate::store::{
    Db, accounts, codes, devices, email_turns, events, flows, key_checks, limits, outbox, sessions, throttles,
};
use crate::{Backend, Fault};
use account::{AccountId, ActivityKind, Timestamp};
use std::collections::BTreeSet;

/// What was ended in a database.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Ended {
    /// Sessions.
    pub sessions: usize,
    /// Unfinished sign-ins, resets and sign-ups.
    pub flows: usize,
    /// Waiting e-mails that will not be sent.
    pub emails: u64,
}

/// The stored data that still needs a key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct KeyUses {
    /// Passwords that only it verifies.
    pub passwords: i64,
    /// E-mailed codes that are still valid.
    pub codes: i64,
    /// Waiting e-mails.
    pub emails: i64,
}

impl KeyUses {
    /// Whether no data needs it.
    #[must_use]
    pub fn none(self) -> bool {
        (self.passwords, self.codes, self.emails) == (0, 0, 0)
    }
}

/// Ends all sessions, flows and codes and removes the trust of all devices: every sign-in needs password and code again. In a
/// database that was `restored` from a backup, waiting e-mails are dropped, too, because most were already sent. Otherwise they
/// are sent, because they contain security notices.
///
/// # Errors
/// A [`Fault`] of the database; nothing has ended then.
pub async fn end_sessions(db: &Db, now: Timestamp, restored: bool) -> Result<Ended, Fault> {
    let mut tx = db.begin().await?;
    let sessions = sessions::end_all(&mut tx).await?;
    devices::untrust_all(&mut tx).await?;
    // Lock flows before their codes, as everywhere, to avoid deadlocks.
    let flows = flows::end_all(&mut tx, now).await?.len();
    codes::supersede_all(&mut tx, now).await?;
    let emails = if restored {
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

/// Expired rows, and the use of the server keys.
#[derive(Clone, Copy)]
pub struct Upkeep<'a>(&'a Backend);

impl Backend {
    /// Expired rows, and the use of the server keys.
    #[must_use]
    pub const fn upkeep(&self) -> Upkeep<'_> {
        Upkeep(self)
    }
}

impl Upkeep<'_> {
    /// Deletes expired rows, at most one [`BATCH`](crate::store::BATCH) of each kind, and returns their number. A background task calls it.
    ///
    /// # Errors
    /// A database [`Fault`].
    pub async fn sweep(self) -> Result<u64, Fault> {
        let now = self.0.now();
        let yesterday = now.plus_days(-1);
        // What comes back with the power is taken away next time.
        let mut tx = self.0.parts.db.begin_unsynced().await?;
        // The turns of those who make codes before what these take next, so that no two wait for each other.
        let gone = codes::prune_wrong(&mut tx, yesterday).await?
            + flows::prune(&mut tx, yesterday).await?
            + sessions::prune(&mut tx, now).await?
            + devices::prune(&mut tx, now.plus_days(-DEVICE_DAYS)).await?
            + devices::prune_tokens(&mut tx, now.plus_days(-self.0.settings().trust_days)).await?
            + devices::date_unknown_use(&mut tx, now).await?
            + limits::prune(&mut tx, now).await?
            + email_turns::prune(&mut tx, yesterday).await?
            + outbox::prune(&mut tx, now.plus_days(-30)).await?
            + events::prune_without_account(&mut tx, yesterday).await?
            + throttles::prune(&mut tx, now.plus_days(-30)).await?;
        tx.commit().await?;
        Ok(gone)
    }

    /// What a key is still needed for.
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
        })
    }

    /// The name of a key whose value differs from the one the database was written with. Remembers keys that the database has not
    /// seen.
    ///
    /// Otherwise a regenerated key file, or that of another installation, would silently lock all users out.
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

    /// How many passwords are stored under a key, and how many without one, as hashes of other systems.
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
