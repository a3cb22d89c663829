//! Signed-in browser sessions.

use super::conn::{autocommit, execute, later, on};
use super::{Db, ReadConn, WriteTx};
use crate::Fault;
use account::{AccountId, Timestamp};

/// A session's row.
#[derive(Debug, Clone, PartialEq, Eq, sqlx::FromRow)]
pub struct Session {
    /// Public id, shown to the account's owner.
    pub id: String,
    /// The account's id.
    pub account_id: String,
    /// Browser and operating system at sign-in.
    pub browser: String,
    /// Network address at sign-in.
    pub client: String,
    /// Start time.
    pub signed_in_at: i64,
    /// Time of the last use, accurate to five minutes.
    pub last_seen_at: i64,
    /// Expiry time.
    pub ends_at: i64,
    /// The time when its user last proved who they are.
    pub authenticated_at: i64,
    /// How they did: names of [`Method`](account::Method), separated by spaces.
    pub methods: String,
}

/// Stores a new session.
pub async fn insert(tx: &mut WriteTx, token_digest: &str, session: &Session) -> Result<(), Fault> {
    later!(
        tx,
        "INSERT INTO sessions (id, token_digest, account_id, browser, client, signed_in_at, last_seen_at, ends_at,
                                   authenticated_at, methods)
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)",
        &session.id,
        token_digest,
        &session.account_id,
        &session.browser,
        &session.client,
        session.signed_in_at,
        session.last_seen_at,
        session.ends_at,
        session.authenticated_at,
        &session.methods,
    );
    Ok(())
}

/// Finds a live session of an active account by the token's digest.
pub async fn find(
    conn: &mut ReadConn,
    token_digest: &str,
    idle_ms: i64,
    now: Timestamp,
) -> Result<Option<Session>, Fault> {
    Ok(on!(conn, |conn| {
        sqlx::query_as(
            "SELECT s.id, s.account_id, s.browser, s.client, s.signed_in_at, s.last_seen_at, s.ends_at,
                    s.authenticated_at, s.methods
               FROM sessions s
              WHERE s.token_digest = $1 AND s.ends_at > $2 AND s.last_seen_at > $3
                AND (SELECT a.disabled_at IS NULL FROM accounts a WHERE a.id = s.account_id)",
        )
        .bind(token_digest)
        .bind(now.0)
        .bind(now.plus_ms(-idle_ms).0)
        .fetch_optional(conn)
        .await?
    }))
}

/// Lists live sessions of an account, most recently used first.
pub async fn of_account(
    conn: &mut ReadConn,
    account: &AccountId,
    idle_ms: i64,
    now: Timestamp,
) -> Result<Vec<Session>, Fault> {
    Ok(on!(conn, |conn| {
        sqlx::query_as(
            "SELECT id, account_id, browser, client, signed_in_at, last_seen_at, ends_at, authenticated_at, methods FROM sessions
              WHERE account_id = $1 AND ends_at > $2 AND last_seen_at > $3 ORDER BY last_seen_at DESC, id LIMIT 100",
        )
        .bind(&account.0)
        .bind(now.0)
        .bind(now.plus_ms(-idle_ms).0)
        .fetch_all(conn)
        .await?
    }))
}

/// Records that the user of a session has proven who they are again, and replaces the session's token.
pub async fn authenticate(
    tx: &mut WriteTx,
    id: &str,
    token_digest: &str,
    methods: &str,
    now: Timestamp,
) -> Result<(), Fault> {
    execute!(
        tx,
        "UPDATE sessions SET token_digest = $2, authenticated_at = $3, methods = $4 WHERE id = $1",
        id,
        token_digest,
        now.0,
        methods
    );
    Ok(())
}

/// Records the last use in a transaction of its own, unless one after `before` is recorded: of many requests at once, one writes.
pub async fn touch(db: &Db, id: &str, before: Timestamp, now: Timestamp) -> Result<(), Fault> {
    autocommit!(db, |writer| execute!(
        writer,
        "UPDATE sessions SET last_seen_at = $2 WHERE id = $1 AND last_seen_at < $3",
        id,
        now.0,
        before.0
    ));
    Ok(())
}

/// Records the last use, but never moves it back, because updates may be delayed.
pub async fn touch_in(tx: &mut WriteTx, id: &str, now: Timestamp) -> Result<(), Fault> {
    later!(
        tx,
        "UPDATE sessions SET last_seen_at = $2 WHERE id = $1 AND last_seen_at < $2",
        id,
        now.0
    );
    Ok(())
}

/// Locks a session until the end of the transaction; `false` if it has ended.
pub async fn lock_for_update(tx: &mut WriteTx, id: &str) -> Result<bool, Fault> {
    Ok(execute!(tx, "UPDATE sessions SET ends_at = ends_at WHERE id = $1", id) == 1)
}

/// Locks all sessions of an account until the end of the transaction.
pub async fn lock_all_for_update(tx: &mut WriteTx, account: &AccountId) -> Result<(), Fault> {
    execute!(
        tx,
        "UPDATE sessions SET ends_at = ends_at WHERE account_id = $1",
        &account.0
    );
    Ok(())
}

/// Ends one session of an account; `false` if it has already ended.
pub async fn end(tx: &mut WriteTx, account: &AccountId, id: &str) -> Result<bool, Fault> {
    let ended = execute!(
        tx,
        "DELETE FROM sessions WHERE id = $1 AND account_id = $2",
        id,
        &account.0
    );
    Ok(ended == 1)
}

/// Ends all sessions of an account except one (`""`: all).
pub async fn end_all_but(tx: &mut WriteTx, account: &AccountId, kept: &str) -> Result<u64, Fault> {
    Ok(execute!(
        tx,
        "DELETE FROM sessions WHERE account_id = $1 AND id <> $2",
        &account.0,
        kept
    ))
}

/// Ends all sessions and returns the account id of each.
pub async fn end_all(tx: &mut WriteTx) -> Result<Vec<String>, Fault> {
    Ok(on!(tx, |conn| {
        sqlx::query_scalar("DELETE FROM sessions RETURNING account_id")
            .fetch_all(conn)
            .await?
    }))
}

/// Deletes sessions without use since `idle_since`, at most [`BATCH`](super::BATCH) per call.
pub async fn prune_idle(tx: &mut WriteTx, idle_since: Timestamp) -> Result<u64, Fault> {
    Ok(execute!(
        tx,
        "DELETE FROM sessions WHERE id IN (SELECT id FROM sessions WHERE last_seen_at <= $1 LIMIT 200)",
        idle_since.0
    ))
}

/// Deletes sessions that ended before `before`, at most [`BATCH`](super::BATCH) per call.
pub async fn prune(tx: &mut WriteTx, before: Timestamp) -> Result<u64, Fault> {
    Ok(execute!(
        tx,
        "DELETE FROM sessions WHERE id IN (SELECT id FROM sessions WHERE ends_at < $1 LIMIT 200)",
        before.0
    ))
}
