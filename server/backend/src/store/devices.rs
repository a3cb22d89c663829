//! Browsers that have signed in before; some are trusted and not asked for a code.

use super::{Tx, db::on, later::later};
use crate::Fault;
use account::{AccountId, Timestamp};

/// A device's row.
#[derive(Debug, Clone, sqlx::FromRow)]
pub struct Device {
    /// Names it to its owner.
    pub id: String,
    /// Whose.
    pub account_id: String,
    /// Browser and system at its first sign-in.
    pub browser: String,
    /// Until when it is not asked for a code.
    pub trusted_until: Option<i64>,
}

/// Keeps a new device.
pub async fn insert(tx: &mut Tx, token_digest: &str, device: &Device, now: Timestamp) -> Result<(), Fault> {
    later!(
        tx,
        "INSERT INTO devices (id, token_digest, account_id, browser, created_at, trusted_until)
             VALUES ($1, $2, $3, $4, $5, $6)",
        &device.id,
        token_digest,
        &device.account_id,
        &device.browser,
        now.0,
        device.trusted_until,
    );
    Ok(())
}

/// The device of a token's digest, if it is that account's.
pub async fn find(tx: &mut Tx, token_digest: &str, account: &AccountId) -> Result<Option<Device>, Fault> {
    Ok(on!(tx, |conn| {
        sqlx::query_as(
            "SELECT id, account_id, browser, trusted_until FROM devices WHERE token_digest = $1 AND account_id = $2",
        )
        .bind(token_digest)
        .bind(&account.0)
        .fetch_optional(conn)
        .await?
    }))
}

/// Trusts a device until then, or no longer (`None`); `false` when that changes nothing, or the account has none of that id.
pub async fn set_trust(tx: &mut Tx, account: &AccountId, id: &str, until: Option<Timestamp>) -> Result<bool, Fault> {
    let changed = on!(tx, |conn| {
        sqlx::query(
            "UPDATE devices SET trusted_until = $3 WHERE id = $1 AND account_id = $2 AND trusted_until IS DISTINCT FROM $3",
        )
        .bind(id)
        .bind(&account.0)
        .bind(until.map(|until| until.0))
        .execute(conn)
        .await?
        .rows_affected()
    });
    Ok(changed == 1)
}

/// The ids of an account's devices, the newest first.
pub async fn ids(tx: &mut Tx, account: &AccountId) -> Result<Vec<String>, Fault> {
    Ok(on!(tx, |conn| {
        sqlx::query_scalar("SELECT id FROM devices WHERE account_id = $1 ORDER BY created_at DESC, id LIMIT 100")
            .bind(&account.0)
            .fetch_all(conn)
            .await?
    }))
}

/// Trusts no device of the account any longer.
pub async fn untrust_all(tx: &mut Tx, account: &AccountId) -> Result<(), Fault> {
    later!(
        tx,
        "UPDATE devices SET trusted_until = NULL WHERE account_id = $1 AND trusted_until IS NOT NULL",
        &account.0,
    );
    Ok(())
}

/// Trusts nobody's device any longer.
pub async fn untrust_everyones(tx: &mut Tx) -> Result<(), Fault> {
    on!(tx, |conn| {
        sqlx::query("UPDATE devices SET trusted_until = NULL WHERE trusted_until IS NOT NULL")
            .execute(conn)
            .await?
            .rows_affected()
    });
    Ok(())
}

/// Trusted devices of an account.
pub async fn trusted(tx: &mut Tx, account: &AccountId, now: Timestamp) -> Result<Vec<Device>, Fault> {
    Ok(on!(tx, |conn| {
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
