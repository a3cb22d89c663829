//! Products that must be told that a session has ended. A row refers to its session; when the session is deleted, the database
//! clears the reference, which makes the row due.

use super::conn::{autocommit, execute, later, on};
use super::{Db, ReadConn, WriteTx};
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
    /// The time of the next attempt before this one was claimed.
    pub next_at: i64,
    /// The time of the first attempt.
    pub tried_at: Option<i64>,
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

/// Returns due notices to a client, the longest due first.
pub async fn due(conn: &mut ReadConn, client: &str, now: Timestamp, limit: i64) -> Result<Vec<LogoutNotice>, Fault> {
    Ok(on!(conn, |conn| {
        sqlx::query_as(
            "SELECT id, sid, account_id, next_at, tried_at FROM logout_notices
              WHERE client_id = $1 AND session_id IS NULL AND next_at <= $2 ORDER BY next_at LIMIT $3",
        )
        .bind(client)
        .bind(now.0)
        .bind(limit)
        .fetch_all(conn)
        .await?
    }))
}

/// Takes a due notice until `until`, so that no other server delivers it; `false` if another one was faster.
pub async fn claim(db: &Db, notice: &LogoutNotice, until: Timestamp, now: Timestamp) -> Result<bool, Fault> {
    let claimed = autocommit!(db, |writer| execute!(
        writer,
        "UPDATE logout_notices SET next_at = $3, tried_at = COALESCE(tried_at, $4) WHERE id = $1 AND next_at = $2",
        &notice.id,
        notice.next_at,
        until.0,
        now.0
    ));
    Ok(claimed == 1)
}

/// Sets the time of the next attempt.
pub async fn postpone(db: &Db, id: &str, next_at: Timestamp) -> Result<(), Fault> {
    autocommit!(db, |writer| execute!(
        writer,
        "UPDATE logout_notices SET next_at = $2 WHERE id = $1",
        id,
        next_at.0
    ));
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

/// Deletes a delivered notice, or one that is given up.
pub async fn delete(db: &Db, id: &str) -> Result<(), Fault> {
    autocommit!(db, |writer| execute!(
        writer,
        "DELETE FROM logout_notices WHERE id = $1",
        id
    ));
    Ok(())
}
