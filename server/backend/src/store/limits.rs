//! Rate limits: counts of actions per time window.

use super::conn::{execute, later, on};
use super::{ReadConn, WriteTx};
use crate::Fault;
use account::Timestamp;

/// A rate limit for one key.
#[derive(Debug, Clone)]
pub struct Rule {
    /// The action and its subject in one canonical spelling: `begin 192.0.2.1`. Attack: respelling resets the count.
    pub key: String,
    /// The limit and its period.
    pub window: Window,
    /// A second, shorter window in the same row: for example, five per hour and ten per day.
    pub short: Option<Window>,
}

/// A maximum count per period.
#[derive(Debug, Clone, Copy)]
pub struct Window {
    /// The maximum count.
    pub most: i64,
    /// The period in milliseconds, starting with the first action.
    pub ms: i64,
}

impl Rule {
    /// Creates a rule with a single window.
    #[must_use]
    pub const fn new(key: String, most: i64, window_ms: i64) -> Self {
        let window = Window { most, ms: window_ms };
        Self {
            key,
            window,
            short: None,
        }
    }

    /// Creates a rule with an hourly and a daily limit.
    #[must_use]
    pub const fn of_hour_and_day(key: String, an_hour: i64, a_day: i64) -> Self {
        let mut rule = Self::new(key, a_day, DAY_MS);
        rule.short = Some(Window {
            most: an_hour,
            ms: HOUR_MS,
        });
        rule
    }
}

/// An hour, in milliseconds.
pub const HOUR_MS: i64 = 3_600_000;
/// A day, in milliseconds.
pub const DAY_MS: i64 = 24 * HOUR_MS;

/// The result of [`count`] for one rule.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Count {
    /// The count in this window, including the new action.
    pub count: i64,
    /// If the limit is exceeded, the seconds until that window ends.
    pub wait_s: Option<i64>,
}

/// Counts one action per rule. `Some(seconds)` is the longest wait; then roll back, so that refused requests don't count.
pub async fn take(tx: &mut WriteTx, rules: &[Rule], now: Timestamp) -> Result<Option<i64>, Fault> {
    let counts = count(tx, rules, now).await?;
    Ok(counts.into_iter().filter_map(|count| count.wait_s).max())
}

#[derive(sqlx::FromRow)]
struct Row {
    key: String,
    count: i64,
    ends_at: i64,
    short_count: Option<i64>,
    short_ends_at: Option<i64>,
}

/// Counts one action per rule and returns the counts in the same order. A single statement, so that racing requests
/// count separately.
pub async fn count(tx: &mut WriteTx, rules: &[Rule], now: Timestamp) -> Result<Vec<Count>, Fault> {
    let counts: Vec<Row> = on!(tx, |conn| {
        let mut take = sqlx::QueryBuilder::new("INSERT INTO limits (key, count, ends_at, short_count, short_ends_at) ");
        take.push_values(rules, |mut row, rule| {
            row.push_bind(&rule.key)
                .push("1")
                .push_bind(now.plus_ms(rule.window.ms).0)
                .push_bind(rule.short.map(|_| 1_i64))
                .push_bind(rule.short.map(|short| now.plus_ms(short.ms).0));
        });
        take.push(" ON CONFLICT (key) DO UPDATE SET ");
        for (count, ends_at, then) in [("count", "ends_at", ", "), ("short_count", "short_ends_at", " ")] {
            take.push(format_args!("{count} = CASE WHEN limits.{ends_at} <= "));
            take.push_bind(now.0);
            take.push(format_args!(
                " THEN 1 ELSE limits.{count} + 1 END, {ends_at} = CASE WHEN limits.{ends_at} <= "
            ));
            take.push_bind(now.0);
            take.push(format_args!(
                " OR limits.{ends_at} > excluded.{ends_at} THEN excluded.{ends_at} ELSE limits.{ends_at} END{then}"
            ));
        }
        take.push("RETURNING key, count, ends_at, short_count, short_ends_at");
        take.build_query_as().fetch_all(conn).await?
    });
    let wait_s = |window: Window, count: i64, ends_at: i64| {
        (count > window.most).then(|| Timestamp(ends_at).seconds_after(now).max(1))
    };
    let of_rule = |rule: &Rule| {
        let row = counts.iter().find(|row| row.key == rule.key)?;
        let short = rule.short.zip(row.short_count).zip(row.short_ends_at);
        let short = short.and_then(|((window, count), ends_at)| wait_s(window, count, ends_at));
        Some(Count {
            count: row.count,
            wait_s: wait_s(rule.window, row.count, row.ends_at).max(short),
        })
    };
    Ok(rules.iter().filter_map(of_rule).collect())
}

/// Returns the count in the current window.
pub async fn taken(conn: &mut ReadConn, key: &str, now: Timestamp) -> Result<i64, Fault> {
    let count: Option<i64> = on!(conn, |conn| {
        sqlx::query_scalar("SELECT count FROM limits WHERE key = $1 AND ends_at > $2")
            .bind(key)
            .bind(now.0)
            .fetch_optional(conn)
            .await?
    });
    Ok(count.unwrap_or(0))
}

/// Takes back one action per rule, after a success or an unchecked try. Deletes an empty window, to leave no trace.
pub async fn give_back(tx: &mut WriteTx, rules: &[Rule]) -> Result<(), Fault> {
    for rule in rules {
        later!(
            tx,
            "UPDATE limits SET count = count - 1, ends_at = CASE WHEN count = 1 THEN 0 ELSE ends_at END,
                short_count = CASE WHEN short_count > 0 THEN short_count - 1 ELSE short_count END,
                short_ends_at = CASE WHEN short_count = 1 THEN 0 ELSE short_ends_at END
              WHERE key = $1 AND count > 0",
            &rule.key,
        );
    }
    Ok(())
}

/// Resets a window.
pub async fn clear(tx: &mut WriteTx, key: &str) -> Result<(), Fault> {
    later!(tx, "DELETE FROM limits WHERE key = $1", key,);
    Ok(())
}

/// Deletes windows that ended before `before`, at most [`BATCH`](super::BATCH) per call.
pub async fn prune(tx: &mut WriteTx, before: Timestamp) -> Result<u64, Fault> {
    Ok(execute!(
        tx,
        "DELETE FROM limits WHERE key IN (SELECT key FROM limits WHERE ends_at < $1 LIMIT 200)",
        before.0
    ))
}
