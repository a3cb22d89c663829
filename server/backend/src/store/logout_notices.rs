//! Products that must be told that a session has ended. A row refers to its session; when the session is deleted, the database
//! clears the reference, which makes the row due.

use super::conn::{autocommit, execute, later, on};
use super::{Db, Engine, ReadConn, WriteTx};
use crate::Fault;
use account::{AccountId, Timestamp};

/// A due notice.
#[derive(Debug, Clone, PartialEq, Eq, sqlx::FromRow)]
pub struct LogoutNotice {
    /// Its id.
    pub id: String,
    /// The session's id for the client.
    pub sid: String,
    /// The account's id.
    pub account_id: String,
    /// The time of the first attempt.
    pub tried_at: i64,
}

/// Remembers that a client must be told when a session ends. Without effect if it is remembered already.
pub async fn insert(tx: &mut WriteTx, id: &str, (session, account): (&str, &str), client: &str) -> Result<(), Fault> {
    later!(
        tx,
        "INSERT INTO logout_notices (id, session_id, sid, account_id, client_id) VALUES ($1, $2, $2, $3, $4)
             ON CONFLICT (session_id, client_id) DO NOTHING",
        id,
        session,
        account,
        client,
    );
    Ok(())
}

/// Makes the notices of an account to a client due, because the account was disconnected from it.
pub async fn disconnect(tx: &mut WriteTx, account: &AccountId, client: &str) -> Result<(), Fault> {
    execute!(
        tx,
        "UPDATE logout_notices SET session_id = NULL
          WHERE client_id = $2 AND session_id IN (SELECT id FROM sessions WHERE account_id = $1)",
        &account.0,
        client
    );
    Ok(())
}

/// Deletes the notices of an account's sessions to a client.
pub async fn forget(tx: &mut WriteTx, account: &AccountId, client: &str) -> Result<(), Fault> {
    execute!(
        tx,
        "DELETE FROM logout_notices
          WHERE client_id = $2 AND session_id IN (SELECT id FROM sessions WHERE account_id = $1)",
        &account.0,
        client
    );
    Ok(())
}

/// Whether any notice to a client is due. Takes no write lock.
pub async fn are_due(conn: &mut ReadConn, client: &str, now: Timestamp) -> Result<bool, Fault> {
    let due: Option<i64> = on!(conn, |conn| {
        sqlx::query_scalar(
            "SELECT next_at FROM logout_notices
              WHERE client_id = $1 AND session_id IS NULL AND next_at <= $2 ORDER BY next_at LIMIT 1",
        )
        .bind(client)
        .bind(now.0)
        .fetch_optional(conn)
        .await?
    });
    Ok(due.is_some())
}

/// The CTE selects rows once, as that of the outbox.
macro_rules! claim {
    ($lock:literal) => {
        concat!(
            "WITH due AS MATERIALIZED (
                SELECT id AS due_id FROM logout_notices WHERE client_id = $1 AND session_id IS NULL AND next_at <= $2
                 ORDER BY next_at LIMIT $4 ",
            $lock,
            ")
             UPDATE logout_notices SET next_at = $3, tried_at = COALESCE(tried_at, $2)
              WHERE id IN (SELECT due_id FROM due) AND next_at <= $2
              RETURNING id, sid, account_id, tried_at"
        )
    };
}

/// Takes due notices to a client until `until`, the longest due first, so that no other server delivers them.
pub async fn claim(
    db: &Db,
    client: &str,
    until: Timestamp,
    now: Timestamp,
    limit: i64,
) -> Result<Vec<LogoutNotice>, Fault> {
    let claim = match &db.engine {
        Engine::Sqlite(_) => claim!(""),
        Engine::Postgres(_) => claim!("FOR UPDATE SKIP LOCKED"),
    };
    Ok(autocommit!(db, |writer| on!(writer, |conn| {
        sqlx::query_as(claim)
            .bind(client)
            .bind(now.0)
            .bind(until.0)
            .bind(limit)
            .fetch_all(conn)
            .await?
    })))
}

/// Sets the time of the next attempts: after the time for which each notice has failed so far, but at least and at most `between_ms`.
pub async fn postpone(db: &Db, ids: &[String], between_ms: (i64, i64), now: Timestamp) -> Result<(), Fault> {
    autocommit!(db, |writer| on!(writer, |conn| {
        let mut postpone = sqlx::QueryBuilder::new("UPDATE logout_notices SET next_at = CASE WHEN tried_at > ");
        postpone.push_bind(now.plus_ms(-between_ms.0).0).push(" THEN ");
        postpone
            .push_bind(now.plus_ms(between_ms.0).0)
            .push(" WHEN tried_at < ");
        postpone.push_bind(now.plus_ms(-between_ms.1).0).push(" THEN ");
        postpone.push_bind(now.plus_ms(between_ms.1).0).push(" ELSE ");
        postpone.push_bind(now.plus_ms(now.0).0).push(" - tried_at END");
        push_ids(&mut postpone, ids);
        postpone.build().execute(conn).await?.rows_affected()
    }));
    Ok(())
}

/// Deletes notices of clients without an address for them, which no server delivers: those first seen before `day_before`. Marks
/// new ones as seen.
pub async fn prune(tx: &mut WriteTx, now: Timestamp, day_before: Timestamp) -> Result<u64, Fault> {
    execute!(
        tx,
        "UPDATE logout_notices SET tried_at = $1 WHERE id IN
            (SELECT id FROM logout_notices WHERE session_id IS NULL AND tried_at IS NULL LIMIT 200)",
        now.0
    );
    Ok(execute!(
        tx,
        "DELETE FROM logout_notices WHERE id IN
            (SELECT id FROM logout_notices WHERE session_id IS NULL AND tried_at < $1 LIMIT 200)",
        day_before.0
    ))
}

/// Deletes notices that are delivered or given up.
pub async fn delete(db: &Db, ids: &[String]) -> Result<(), Fault> {
    autocommit!(db, |writer| on!(writer, |conn| {
        let mut delete = sqlx::QueryBuilder::new("DELETE FROM logout_notices");
        push_ids(&mut delete, ids);
        delete.build().execute(conn).await?.rows_affected()
    }));
    Ok(())
}

fn push_ids<D: sqlx::Database>(statement: &mut sqlx::QueryBuilder<D>, ids: &[String])
where
    String: for<'a> sqlx::Encode<'a, D> + sqlx::Type<D>,
{
    statement.push(" WHERE id IN (");
    let mut listed = statement.separated(", ");
    for id in ids {
        listed.push_bind(id.clone());
    }
    statement.push(")");
}
