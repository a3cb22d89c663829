//! Consecutive failures and the resulting waits.

use super::WriteTx;
use super::conn::{execute, later, on};
use crate::Fault;
use account::Timestamp;

/// Counts a failure before the try is checked; a success clears it. `Err(until)`, without counting, during a wait. Restarts
/// at zero after a day without failures.
pub async fn spend(tx: &mut WriteTx, key: &str, now: Timestamp) -> Result<Result<i64, Timestamp>, Fault> {
    let failures: Option<i64> = on!(tx, |conn| {
        sqlx::query_scalar(
            "INSERT INTO throttles (key, failures, next_allowed_at, updated_at) VALUES ($1, 1, 0, $2)
             ON CONFLICT (key) DO UPDATE SET
                failures = CASE WHEN throttles.updated_at < $3 THEN 1 ELSE throttles.failures + 1 END,
                updated_at = $2
              WHERE throttles.next_allowed_at <= $2
             RETURNING failures",
        )
        .bind(key)
        .bind(now.0)
        .bind(now.plus_days(-1).0)
        .fetch_optional(conn)
        .await?
    });
    if let Some(failures) = failures {
        return Ok(Ok(failures));
    }
    let until: i64 = on!(tx, |conn| {
        sqlx::query_scalar("SELECT next_allowed_at FROM throttles WHERE key = $1")
            .bind(key)
            .fetch_one(conn)
            .await?
    });
    Ok(Err(Timestamp(until)))
}

/// Takes back the count of an unchecked try.
pub async fn give_back(tx: &mut WriteTx, key: &str) -> Result<(), Fault> {
    execute!(
        tx,
        "UPDATE throttles SET failures = failures - 1, next_allowed_at = 0 WHERE key = $1 AND failures > 0",
        key
    );
    Ok(())
}

/// Blocks the key until the given time.
pub async fn wait_until(tx: &mut WriteTx, key: &str, until: Timestamp) -> Result<(), Fault> {
    later!(
        tx,
        "UPDATE throttles SET next_allowed_at = $2 WHERE key = $1",
        key,
        until.0,
    );
    Ok(())
}

/// Counts a failure that doesn't expire, and returns the number of consecutive failures.
pub async fn count(tx: &mut WriteTx, key: &str, now: Timestamp) -> Result<i64, Fault> {
    Ok(on!(tx, |conn| {
        sqlx::query_scalar(
            "INSERT INTO throttles (key, failures, next_allowed_at, updated_at) VALUES ($1, 1, 0, $2)
             ON CONFLICT (key) DO UPDATE SET failures = throttles.failures + 1, updated_at = $2
             RETURNING failures",
        )
        .bind(key)
        .bind(now.0)
        .fetch_one(conn)
        .await?
    }))
}

/// Clears the failures after a success.
pub async fn clear(tx: &mut WriteTx, key: &str) -> Result<(), Fault> {
    later!(tx, "DELETE FROM throttles WHERE key = $1", key,);
    Ok(())
}

/// Deletes rows unchanged since `before`, at most [`BATCH`](super::BATCH) per call.
pub async fn prune(tx: &mut WriteTx, before: Timestamp) -> Result<u64, Fault> {
    Ok(execute!(
        tx,
        "DELETE FROM throttles WHERE key IN (SELECT key FROM throttles WHERE updated_at < $1 LIMIT 200)",
        before.0
    ))
}
