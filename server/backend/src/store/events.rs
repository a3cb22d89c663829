//! The append-only activity log of accounts.

use super::conn::{execute, later, on};
use super::{ReadConn, WriteTx};
use crate::{Caller, Fault};
use account::{AccountId, Activity, ActivityKind, Attempts, Timestamp};
use sqlx::QueryBuilder;

/// The originator of an event.
#[derive(Debug, Clone, Copy)]
pub enum Actor<'a> {
    /// A browser user acting as the account's owner, authenticated or not.
    User,
    /// An operator.
    Operator,
    /// An administrator of the account's organization, with their account.
    Administrator(&'a AccountId),
}

impl<'a> Actor<'a> {
    const fn as_str(self) -> &'static str {
        match self {
            // The value in existing rows.
            Self::User => "person",
            Self::Operator => "operator",
            Self::Administrator(_) => "administrator",
        }
    }

    fn administrator(self) -> Option<&'a str> {
        match self {
            Self::Administrator(AccountId(id)) => Some(id),
            Self::User | Self::Operator => None,
        }
    }
}

#[derive(sqlx::FromRow)]
struct Row {
    id: String,
    kind: String,
    at: i64,
    browser: String,
    client: String,
}

/// Returns the account id for events without an account. Attack: enumeration by timing; the work must be equal.
pub fn unknown_account() -> AccountId {
    AccountId(String::new())
}

/// Appends an event. Events contain no secrets and no e-mail addresses. One of an account that was just deleted has no account.
pub async fn append(
    tx: &mut WriteTx,
    account: &AccountId,
    kind: ActivityKind,
    actor: Actor<'_>,
    caller: &Caller,
    now: Timestamp,
) -> Result<(), Fault> {
    later!(
        tx,
        "INSERT INTO events (id, account_id, kind, actor, at, browser, client, acted_by, organization_id)
             VALUES ($1, COALESCE((SELECT id FROM accounts WHERE id = $2), ''), $3, $4, $5, $6, $7, $8,
                     (SELECT managed_by FROM accounts WHERE id = $2))",
        crate::random::id_at(now),
        &account.0,
        kind.as_str(),
        actor.as_str(),
        now.0,
        &caller.browser,
        &caller.client,
        &actor.administrator(),
    );
    tx.happened(kind);
    Ok(())
}

/// Appends one event for each of up to 4,000 accounts.
pub async fn append_all(
    tx: &mut WriteTx,
    accounts: &[AccountId],
    kind: ActivityKind,
    actor: Actor<'_>,
    caller: &Caller,
    now: Timestamp,
) -> Result<(), Fault> {
    if accounts.is_empty() {
        return Ok(());
    }
    on!(tx, |conn| {
        QueryBuilder::new(
            "INSERT INTO events (id, account_id, kind, actor, at, browser, client, acted_by, organization_id) ",
        )
        .push_values(accounts, |mut row, account| {
            row.push_bind(crate::random::id_at(now))
                .push_bind(&account.0)
                .push_bind(kind.as_str())
                .push_bind(actor.as_str())
                .push_bind(now.0)
                .push_bind(&caller.browser)
                .push_bind(&caller.client)
                .push_bind(actor.administrator())
                .push("(SELECT managed_by FROM accounts WHERE id = ")
                .push_bind_unseparated(&account.0)
                .push_unseparated(")");
        })
        .build()
        .execute(conn)
        .await?
        .rows_affected()
    });
    Ok(())
}

/// A page of completed activities, newest first.
#[derive(Debug)]
pub struct Done {
    /// The events.
    pub events: Vec<Activity>,
    /// Cursor of the next page; `None` on the last page.
    pub older: Option<String>,
}

/// Lists up to `limit` completed activities older than the cursor `before` ([`Done::older`]; an invalid one starts at the
/// newest). Skips attempts by others, and kinds from later releases.
pub async fn done(conn: &mut ReadConn, account: &AccountId, before: &str, limit: usize) -> Result<Done, Fault> {
    let (at, id) = position(before).unwrap_or((i64::MAX, ""));
    let most = i64::try_from(limit).unwrap_or(i64::MAX).saturating_add(1);
    let mut rows: Vec<Row> = on!(conn, |conn| {
        sqlx::query_as(
            "SELECT id, kind, at, browser, client FROM events
              WHERE account_id = $1 AND kind NOT IN ('wrong_password', 'wrong_code', 'reset_asked') AND (at, id) < ($2, $3)
              ORDER BY at DESC, id DESC LIMIT $4",
        )
        .bind(&account.0)
        .bind(at)
        .bind(id)
        .bind(most)
        .fetch_all(conn)
        .await?
    });
    let more = rows.len() > limit;
    rows.truncate(limit);
    let last = rows.last().filter(|_| more);
    let older = last.map(|row| format!("{}.{}", row.at, row.id));
    let events = rows.into_iter().filter_map(|row| {
        Some(Activity {
            kind: ActivityKind::read(&row.kind)?,
            at: Timestamp(row.at),
            browser: row.browser,
            client: row.client,
        })
    });
    Ok(Done {
        events: events.collect(),
        older,
    })
}

/// An event with its originator.
#[derive(Debug, Clone)]
pub struct Recorded {
    /// The stored kind, also one from a later release.
    pub kind: String,
    /// The time of the event.
    pub at: Timestamp,
    /// The originator: `person`, `operator` or `administrator`.
    pub actor: String,
    /// The browser and operating system.
    pub browser: String,
    /// The network address.
    pub client: String,
    /// The event; `None` if its kind is from a later release.
    pub activity: Option<Activity>,
}

/// A page of all events, newest first.
#[derive(Debug)]
pub struct History {
    /// The events.
    pub events: Vec<Recorded>,
    /// Cursor of the next page; `None` on the last page.
    pub older: Option<String>,
}

/// Lists up to `limit` events, including attempts by others, older than the cursor `before` ([`History::older`]; an invalid one starts
/// at the newest).
pub async fn history(conn: &mut ReadConn, account: &AccountId, before: &str, limit: usize) -> Result<History, Fault> {
    let (at, id) = position(before).unwrap_or((i64::MAX, ""));
    let most = i64::try_from(limit).unwrap_or(i64::MAX).saturating_add(1);
    let mut rows: Vec<(String, String, i64, String, String, String)> = on!(conn, |conn| {
        sqlx::query_as(
            "SELECT id, kind, at, actor, browser, client FROM events
              WHERE account_id = $1 AND (at, id) < ($2, $3) ORDER BY at DESC, id DESC LIMIT $4",
        )
        .bind(&account.0)
        .bind(at)
        .bind(id)
        .bind(most)
        .fetch_all(conn)
        .await?
    });
    let more = rows.len() > limit;
    rows.truncate(limit);
    let last = rows.last().filter(|_| more);
    let older = last.map(|row| format!("{}.{}", row.2, row.0));
    let events = rows.into_iter().map(|(_, kind, at, actor, browser, client)| Recorded {
        activity: ActivityKind::read(&kind).map(|kind| Activity {
            kind,
            at: Timestamp(at),
            browser: browser.clone(),
            client: client.clone(),
        }),
        kind,
        at: Timestamp(at),
        actor,
        browser,
        client,
    });
    Ok(History {
        events: events.collect(),
        older,
    })
}

/// Parses a `TIMESTAMP.ID` cursor from the URL (untrusted input).
fn position(text: &str) -> Option<(i64, &str)> {
    let (at, id) = text.split_once('.')?;
    let fits = id.len() == 32 && id.bytes().all(|byte| byte.is_ascii_hexdigit());
    Some((at.parse().ok()?, id)).filter(|_| fits)
}

/// Returns number and start of the attempts after `since`, among the newest 1,000, to bound the cost.
pub async fn attempts(conn: &mut ReadConn, account: &AccountId, since: Timestamp) -> Result<Option<Attempts>, Fault> {
    let (count, first): (i64, Option<i64>) = on!(conn, |conn| {
        sqlx::query_as(
            "SELECT count(*), min(at) FROM (
                SELECT at FROM events
                 WHERE account_id = $1 AND kind IN ('wrong_password', 'wrong_code', 'reset_asked') AND at > $2
                 ORDER BY at DESC LIMIT 1000) AS recent",
        )
        .bind(&account.0)
        .bind(since.0)
        .fetch_one(conn)
        .await?
    });
    Ok(first.map(|first| Attempts {
        count,
        since: Timestamp(first),
    }))
}

/// Whether an event of this kind occurred at or after `since`.
pub async fn was_done(
    conn: &mut ReadConn,
    account: &AccountId,
    kind: ActivityKind,
    since: Timestamp,
) -> Result<bool, Fault> {
    let found: Option<i64> = on!(conn, |conn| {
        sqlx::query_scalar(
            "SELECT at FROM events
              WHERE account_id = $1 AND kind NOT IN ('wrong_password', 'wrong_code', 'reset_asked') AND kind = $2 AND at >= $3
              LIMIT 1",
        )
        .bind(&account.0)
        .bind(kind.as_str())
        .bind(since.0)
        .fetch_optional(conn)
        .await?
    });
    Ok(found.is_some())
}

/// Deletes events without an account from before `before`, at most [`BATCH`](super::BATCH) per call. Events of accounts stay.
pub async fn prune_without_account(tx: &mut WriteTx, before: Timestamp) -> Result<u64, Fault> {
    Ok(execute!(
        tx,
        "DELETE FROM events WHERE id IN
                (SELECT id FROM events
                  WHERE account_id = '' AND kind IN ('wrong_password', 'wrong_code', 'reset_asked') AND at < $1 LIMIT 200)",
        before.0
    ))
}
