//! How often something was done in a window of time.

use super::{Tx, db::on};
use crate::Fault;
use account::Timestamp;

/// So many of one thing in so long.
#[derive(Debug, Clone)]
pub struct Rule {
    /// What and whose: `reset hour ada@example.com`. One canonical spelling (attack: another spelling, another count).
    pub key: String,
    /// How many.
    pub most: i64,
    /// In how long, in milliseconds, from the first one on.
    pub window_ms: i64,
}

/// Takes one of each. `Some(seconds)` to wait when one is used up, the longest where several are: whoever waits so long is let
/// through. The caller then rolls back, so that a refused request counts nowhere. Counting and judging are one statement:
/// racing requests cannot share a place.
pub async fn take(tx: &mut Tx, rules: &[Rule], now: Timestamp) -> Result<Option<i64>, Fault> {
    let mut wait_s = None;
    for rule in rules {
        let (count, ends_at): (i64, i64) = on!(tx, |conn| {
            sqlx::query_as(
                "INSERT INTO limits (key, count, ends_at) VALUES ($1, 1, $3)
                 ON CONFLICT (key) DO UPDATE SET
                    count = CASE WHEN limits.ends_at <= $2 THEN 1 ELSE limits.count + 1 END,
                    ends_at = CASE WHEN limits.ends_at <= $2 OR limits.ends_at > $3 THEN $3 ELSE limits.ends_at END
                 RETURNING count, ends_at",
            )
            .bind(&rule.key)
            .bind(now.0)
            .bind(now.plus_ms(rule.window_ms).0)
            .fetch_one(conn)
            .await?
        });
        if count > rule.most {
            wait_s = wait_s.max(Some(Timestamp(ends_at).seconds_after(now).max(1)));
        }
    }
    Ok(wait_s)
}

/// Gives one of each back: it was right after all.
pub async fn give_back(tx: &mut Tx, rules: &[Rule]) -> Result<(), Fault> {
    for rule in rules {
        on!(tx, |conn| {
            sqlx::query("UPDATE limits SET count = count - 1 WHERE key = $1 AND count > 0")
                .bind(&rule.key)
                .execute(conn)
                .await?
                .rows_affected()
        });
    }
    Ok(())
}

/// Takes away windows that ended before `before`, a batch at a time.
pub async fn prune(tx: &mut Tx, before: Timestamp, batch: i64) -> Result<u64, Fault> {
    Ok(on!(tx, |conn| {
        sqlx::query("DELETE FROM limits WHERE key IN (SELECT key FROM limits WHERE ends_at < $1 LIMIT $2)")
            .bind(before.0)
            .bind(batch)
            .execute(conn)
            .await?
            .rows_affected()
    }))
}
