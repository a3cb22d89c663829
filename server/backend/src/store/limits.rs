//! How often something was done in a window of time.

use super::{Tx, db::on, later::later};
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

/// What [`count`] found of a rule.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Count {
    /// How many in this window, the new one included.
    pub count: i64,
    /// Where it is used up: the seconds until the window ends.
    pub wait_s: Option<i64>,
}

/// Takes one of each. `Some(seconds)` to wait when one is used up, the longest where several are: whoever waits so long is let
/// through. The caller then rolls back, so that a refused request counts nowhere.
pub async fn take(tx: &mut Tx, rules: &[Rule], now: Timestamp) -> Result<Option<i64>, Fault> {
    let counts = count(tx, rules, now).await?;
    Ok(counts.into_iter().filter_map(|count| count.wait_s).max())
}

/// Counts one of each, and gives the counts in the order of the rules. Counting and judging are one statement: racing requests
/// cannot share a place.
pub async fn count(tx: &mut Tx, rules: &[Rule], now: Timestamp) -> Result<Vec<Count>, Fault> {
    let counts: Vec<(String, i64, i64)> = on!(tx, |conn| {
        let mut take = sqlx::QueryBuilder::new("INSERT INTO limits (key, count, ends_at) ");
        take.push_values(rules, |mut row, rule| {
            row.push_bind(&rule.key)
                .push("1")
                .push_bind(now.plus_ms(rule.window_ms).0);
        });
        take.push(" ON CONFLICT (key) DO UPDATE SET count = CASE WHEN limits.ends_at <= ");
        take.push_bind(now.0);
        take.push(" THEN 1 ELSE limits.count + 1 END, ends_at = CASE WHEN limits.ends_at <= ");
        take.push_bind(now.0);
        take.push(
            " OR limits.ends_at > excluded.ends_at THEN excluded.ends_at ELSE limits.ends_at END
             RETURNING key, count, ends_at",
        );
        take.build_query_as().fetch_all(conn).await?
    });
    let of_rule = |rule: &Rule| {
        let (_, count, ends_at) = counts.iter().find(|(key, _, _)| *key == rule.key)?;
        let used_up = *count > rule.most;
        Some(Count {
            count: *count,
            wait_s: used_up.then(|| Timestamp(*ends_at).seconds_after(now).max(1)),
        })
    };
    Ok(rules.iter().filter_map(of_rule).collect())
}

/// How many were taken in the window that is open; counts none.
pub async fn taken(tx: &mut Tx, key: &str, now: Timestamp) -> Result<i64, Fault> {
    let count: Option<i64> = on!(tx, |conn| {
        sqlx::query_scalar("SELECT count FROM limits WHERE key = $1 AND ends_at > $2")
            .bind(key)
            .bind(now.0)
            .fetch_optional(conn)
            .await?
    });
    Ok(count.unwrap_or(0))
}

/// Gives one of each back: it was right after all, or nothing was looked at. The last one takes its window along, so that nothing
/// tells that it was there.
pub async fn give_back(tx: &mut Tx, rules: &[Rule]) -> Result<(), Fault> {
    for rule in rules {
        later!(
            tx,
            "UPDATE limits SET count = count - 1, ends_at = CASE WHEN count = 1 THEN 0 ELSE ends_at END
              WHERE key = $1 AND count > 0",
            &rule.key,
        );
    }
    Ok(())
}

/// Starts a window anew.
pub async fn clear(tx: &mut Tx, key: &str) -> Result<(), Fault> {
    later!(tx, "DELETE FROM limits WHERE key = $1", key,);
    Ok(())
}

/// Takes away windows that ended before `before`, a [`BATCH`](super::BATCH) at a time.
pub async fn prune(tx: &mut Tx, before: Timestamp) -> Result<u64, Fault> {
    Ok(on!(tx, |conn| {
        sqlx::query("DELETE FROM limits WHERE key IN (SELECT key FROM limits WHERE ends_at < $1 LIMIT 200)")
            .bind(before.0)
            .execute(conn)
            .await?
            .rows_affected()
    }))
}
