//! Browsers that have signed in before; trusted ones sign in without a passcode.

use super::conn::{execute, later, on};
use super::{ReadConn, WriteTx};
use crate::Fault;
use account::{AccountId, Timestamp};

/// A device's row.
#[derive(Debug, Clone, sqlx::FromRow)]
pub struct Device {
    /// Public id, shown to the account's owner.
    pub id: String,
    /// The account's id.
    pub account_id: String,
    /// Browser and operating system at the first sign-in.
    pub browser: String,
    /// End of the trust, during which the device needs no passcode.
    pub trusted_until: Option<i64>,
    /// Time at which the looked-up token was replaced; `None` for the current token.
    #[sqlx(default)]
    pub replaced_at: Option<i64>,
}

/// Stores a new device.
pub async fn insert(tx: &mut WriteTx, token_digest: &str, device: &Device, now: Timestamp) -> Result<(), Fault> {
    later!(
        tx,
        "INSERT INTO devices (id, token_digest, account_id, browser, created_at, used_at, trusted_until)
             VALUES ($1, $2, $3, $4, $5, $5, $6)",
        &device.id,
        token_digest,
        &device.account_id,
        &device.browser,
        now.0,
        device.trusted_until,
    );
    Ok(())
}

/// Finds an account's device by the digest of its current or a replaced token.
pub async fn find(conn: &mut ReadConn, token_digest: &str, account: &AccountId) -> Result<Option<Device>, Fault> {
    Ok(on!(conn, |conn| {
        sqlx::query_as(
            "SELECT id, account_id, browser, trusted_until,
                    CASE WHEN token_digest = $1 THEN NULL WHEN replaced_digest = $1 THEN replaced_at
                         ELSE (SELECT replaced_at FROM earlier_device_tokens WHERE digest = $1) END AS replaced_at
               FROM devices
              WHERE (token_digest = $1 OR replaced_digest = $1
                     OR id = (SELECT device_id FROM earlier_device_tokens WHERE digest = $1)) AND account_id = $2",
        )
        .bind(token_digest)
        .bind(&account.0)
        .fetch_optional(conn)
        .await?
    }))
}

/// Replaces the token of a device after use.
pub async fn replace_token(
    tx: &mut WriteTx,
    id: &str,
    token_digest: &str,
    replaced_digest: &str,
    now: Timestamp,
) -> Result<(), Fault> {
    later!(
        tx,
        "INSERT INTO earlier_device_tokens (digest, device_id, replaced_at)
         SELECT replaced_digest, id, replaced_at FROM devices
          WHERE id = $1 AND token_digest <> $2 AND COALESCE(replaced_digest, $3) <> $3
             ON CONFLICT (digest) DO NOTHING",
        id,
        token_digest,
        replaced_digest,
    );
    later!(
        tx,
        "UPDATE devices SET token_digest = $2, replaced_digest = $3, replaced_at = $4, used_at = $4
              WHERE id = $1 AND token_digest <> $2",
        id,
        token_digest,
        replaced_digest,
        now.0,
    );
    Ok(())
}

/// Revokes trust in a device because a replaced token was reused, and deletes that token; `false` if nothing changes.
pub async fn distrust(tx: &mut WriteTx, id: &str, replaced_digest: &str) -> Result<bool, Fault> {
    let changed = execute!(
        tx,
        "UPDATE devices SET trusted_until = NULL,
                    replaced_digest = CASE WHEN replaced_digest = $2 THEN NULL ELSE replaced_digest END
              WHERE id = $1 AND trusted_until IS NOT NULL
                AND (replaced_digest = $2 OR EXISTS (SELECT 1 FROM earlier_device_tokens WHERE digest = $2 AND device_id = $1))",
        id,
        replaced_digest
    );
    later!(
        tx,
        "DELETE FROM earlier_device_tokens WHERE digest = $1 AND device_id = $2",
        replaced_digest,
        id,
    );
    Ok(changed == 1)
}

/// Trusts a device until the given time; `false` if nothing changes or the account has no such device.
pub async fn set_trust(tx: &mut WriteTx, account: &AccountId, id: &str, until: Timestamp) -> Result<bool, Fault> {
    let changed = execute!(
        tx,
        "UPDATE devices SET trusted_until = $3 WHERE id = $1 AND account_id = $2 AND trusted_until IS DISTINCT FROM $3",
        id,
        &account.0,
        until.0
    );
    Ok(changed == 1)
}

/// Deletes a device; `false` if the account has no such device.
pub async fn forget(tx: &mut WriteTx, account: &AccountId, id: &str) -> Result<bool, Fault> {
    let forgotten = execute!(
        tx,
        "DELETE FROM devices WHERE id = $1 AND account_id = $2",
        id,
        &account.0
    );
    Ok(forgotten == 1)
}

/// Deletes all devices of an account except one (`""`: all).
pub async fn forget_all_but(tx: &mut WriteTx, account: &AccountId, kept: &str) -> Result<(), Fault> {
    later!(
        tx,
        "DELETE FROM devices WHERE account_id = $1 AND id <> $2",
        &account.0,
        kept,
    );
    Ok(())
}

/// Revokes trust in all devices of all accounts.
pub async fn untrust_all(tx: &mut WriteTx) -> Result<(), Fault> {
    execute!(
        tx,
        "UPDATE devices SET trusted_until = NULL WHERE trusted_until IS NOT NULL"
    );
    Ok(())
}

/// Lists trusted devices of an account.
pub async fn trusted(conn: &mut ReadConn, account: &AccountId, now: Timestamp) -> Result<Vec<Device>, Fault> {
    Ok(on!(conn, |conn| {
        sqlx::query_as(
            "SELECT id, account_id, browser, trusted_until FROM devices
              WHERE account_id = $1 AND trusted_until > $2 ORDER BY trusted_until DESC, id LIMIT 100",
        )
        .bind(&account.0)
        .bind(now.0)
        .fetch_all(conn)
        .await?
    }))
}

/// Deletes devices last used before `before`, at most [`BATCH`](super::BATCH) per call.
pub async fn prune(tx: &mut WriteTx, before: Timestamp) -> Result<u64, Fault> {
    Ok(execute!(
        tx,
        "DELETE FROM devices WHERE id IN (SELECT id FROM devices WHERE used_at < $1 LIMIT 200)",
        before.0
    ))
}

/// Deletes tokens replaced before `before`, at most [`BATCH`](super::BATCH) per call. Trust in a copy has expired by then.
pub async fn prune_tokens(tx: &mut WriteTx, before: Timestamp) -> Result<u64, Fault> {
    Ok(execute!(
        tx,
        "DELETE FROM earlier_device_tokens
              WHERE digest IN (SELECT digest FROM earlier_device_tokens WHERE replaced_at < $1 LIMIT 200)",
        before.0
    ))
}

/// Sets the last use to now where an earlier release left it empty, at most [`BATCH`](super::BATCH) per call.
pub async fn date_unknown_use(tx: &mut WriteTx, now: Timestamp) -> Result<u64, Fault> {
    Ok(execute!(
        tx,
        "UPDATE devices SET used_at = $1 WHERE id IN (SELECT id FROM devices WHERE used_at IS NULL LIMIT 200)",
        now.0
    ))
}
