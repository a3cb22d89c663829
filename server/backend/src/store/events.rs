//! What happened to an account: appended, never changed.

use super::{Tx, db::on, later::later};
use crate::{Caller, Fault};
use account::{AccountId, Activity, ActivityKind, Timestamp};
use sqlx::QueryBuilder;

/// Who did it.
#[derive(Debug, Clone, Copy)]
pub enum Actor {
    /// Somebody at a browser who has proven to be the person, or tries to.
    Person,
    /// An operator.
    Operator,
}

impl Actor {
    const fn as_str(self) -> &'static str {
        match self {
            Self::Person => "person",
            Self::Operator => "operator",
        }
    }
}

#[derive(sqlx::FromRow)]
struct Row {
    kind: String,
    at: i64,
    browser: String,
    client: String,
}

/// Whose events those of an address without an account are: written all the same, so that the work is the same (attack:
/// enumeration by the clock).
pub fn nobody() -> AccountId {
    AccountId(String::new())
}

/// Appends an event. Holds no secrets and no e-mail address.
pub async fn append(
    tx: &mut Tx,
    account: &AccountId,
    kind: ActivityKind,
    actor: Actor,
    caller: &Caller,
    now: Timestamp,
) -> Result<(), Fault> {
    later!(
        tx,
        "INSERT INTO events (id, account_id, kind, actor, at, browser, client) VALUES ($1, $2, $3, $4, $5, $6, $7)",
        crate::random::id_at(now),
        &account.0,
        kind.as_str(),
        actor.as_str(),
        now.0,
        &caller.browser,
        &caller.client,
    );
    tx.happened(kind);
    Ok(())
}

/// Appends the same event for each of these accounts, at most 4,000 at a time.
pub async fn append_all(
    tx: &mut Tx,
    accounts: &[AccountId],
    kind: ActivityKind,
    actor: Actor,
    caller: &Caller,
    now: Timestamp,
) -> Result<(), Fault> {
    if accounts.is_empty() {
        return Ok(());
    }
    on!(tx, |conn| {
        QueryBuilder::new("INSERT INTO events (id, account_id, kind, actor, at, browser, client) ")
            .push_values(accounts, |mut row, account| {
                row.push_bind(crate::random::id_at(now))
                    .push_bind(&account.0)
                    .push_bind(kind.as_str())
                    .push_bind(actor.as_str())
                    .push_bind(now.0)
                    .push_bind(&caller.browser)
                    .push_bind(&caller.client);
            })
            .build()
            .execute(conn)
            .await?
            .rows_affected()
    });
    Ok(())
}

/// The newest events of an account; kinds that a newer version has written are left out.
pub async fn newest(tx: &mut Tx, account: &AccountId, limit: i64) -> Result<Vec<Activity>, Fault> {
    let rows: Vec<Row> = on!(tx, |conn| {
        sqlx::query_as(
            "SELECT kind, at, browser, client FROM events WHERE account_id = $1 ORDER BY at DESC, id LIMIT $2",
        )
        .bind(&account.0)
        .bind(limit)
        .fetch_all(conn)
        .await?
    });
    Ok(rows
        .into_iter()
        .filter_map(|row| {
            Some(Activity {
                kind: ActivityKind::read(&row.kind)?,
                at: Timestamp(row.at),
                browser: row.browser,
                client: row.client,
            })
        })
        .collect())
}

/// Takes away what was written for nobody before `before`, a [`BATCH`](super::BATCH) at a time. What happened to an account stays.
pub async fn prune_nobodys(tx: &mut Tx, before: Timestamp) -> Result<u64, Fault> {
    Ok(on!(tx, |conn| {
        sqlx::query(
            "DELETE FROM events WHERE id IN (SELECT id FROM events WHERE account_id = '' AND at < $1 LIMIT 200)",
        )
        .bind(before.0)
        .execute(conn)
        .await?
        .rows_affected()
    }))
}
