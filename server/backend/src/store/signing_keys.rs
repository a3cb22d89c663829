//! Keys that sign ID tokens.

use super::conn::{execute, on};
use super::{ReadConn, WriteTx};
use crate::Fault;
use account::Timestamp;

/// A key's row.
#[derive(Debug, Clone, PartialEq, Eq, sqlx::FromRow)]
pub struct StoredKey {
    /// Its number; the highest one is the newest.
    pub number: i64,
    /// The public key as JSON (RFC 7517).
    pub jwk: String,
    /// The private key, sealed.
    pub sealed: String,
    /// The time when it was made.
    pub created_at: i64,
    /// The time until which the public key is published.
    pub ends_at: i64,
}

/// Lists the keys, newest first. There are few: they are made at most once an hour, and expired ones are deleted.
pub async fn all(conn: &mut ReadConn) -> Result<Vec<StoredKey>, Fault> {
    Ok(on!(conn, |conn| {
        sqlx::query_as(
            "SELECT number, jwk, sealed, created_at, ends_at FROM signing_keys
              WHERE number > 0 ORDER BY number DESC",
        )
        .fetch_all(conn)
        .await?
    }))
}

/// Stores a key; `false` if another server has stored one with this number.
pub async fn insert(tx: &mut WriteTx, key: &StoredKey) -> Result<bool, Fault> {
    let inserted = execute!(
        tx,
        "INSERT INTO signing_keys (number, jwk, sealed, created_at, ends_at) VALUES ($1, $2, $3, $4, $5)
             ON CONFLICT (number) DO NOTHING",
        key.number,
        &key.jwk,
        &key.sealed,
        key.created_at,
        key.ends_at
    );
    Ok(inserted == 1)
}

/// Sets the time until which a replaced key is published.
pub async fn retire(tx: &mut WriteTx, number: i64, ends_at: Timestamp) -> Result<(), Fault> {
    execute!(
        tx,
        "UPDATE signing_keys SET ends_at = $2 WHERE number = $1",
        number,
        ends_at.0
    );
    Ok(())
}

/// Deletes all keys up to a number.
pub async fn delete(tx: &mut WriteTx, number: i64) -> Result<(), Fault> {
    execute!(tx, "DELETE FROM signing_keys WHERE number <= $1", number);
    Ok(())
}

/// Deletes keys that are no longer published, at most [`BATCH`](super::BATCH) per call.
pub async fn prune(tx: &mut WriteTx, before: Timestamp) -> Result<u64, Fault> {
    Ok(execute!(
        tx,
        "DELETE FROM signing_keys WHERE number IN (SELECT number FROM signing_keys WHERE ends_at < $1 LIMIT 200)",
        before.0
    ))
}
