//! Digests of e-mailed one-time passcodes, and counts of incorrect codes.

use super::conn::{execute, later, on};
use super::limits::HOUR_MS;
use super::{Conn, ReadConn, WriteTx};
use crate::Fault;
use account::{CodeCounter, EmailAddress, IssuedCode, Purpose, Timestamp};

#[derive(sqlx::FromRow)]
struct Row {
    id: String,
    digest: String,
    key_id: String,
    sent_at: i64,
    expires_at: i64,
    superseded_at: Option<i64>,
}

/// Stores a new code.
pub async fn issue(
    tx: &mut WriteTx,
    purpose: Purpose,
    email: &EmailAddress,
    flow: &str,
    code: &IssuedCode,
) -> Result<(), Fault> {
    later!(
        tx,
        "INSERT INTO codes (id, flow_id, purpose, email, digest, key_id, sent_at, expires_at)
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8)",
        &code.id,
        flow,
        purpose.as_str(),
        email.as_str(),
        &code.digest,
        &code.key_id,
        code.sent_at.0,
        code.expires_at.0,
    );
    Ok(())
}

/// Invalidates a flow's live codes before a new one is issued. Attack: a stranger's request voids the owner's code in
/// another flow.
pub async fn supersede_in(tx: &mut WriteTx, flow: &str, now: Timestamp) -> Result<(), Fault> {
    later!(
        tx,
        "UPDATE codes SET superseded_at = $2 WHERE flow_id = $1 AND superseded_at IS NULL AND used_at IS NULL",
        flow,
        now.0,
    );
    Ok(())
}

/// Invalidates all live codes of an address.
pub async fn supersede(tx: &mut WriteTx, email: &EmailAddress, now: Timestamp) -> Result<(), Fault> {
    later!(
        tx,
        "UPDATE codes SET superseded_at = $2 WHERE email = $1 AND COALESCE(used_at, superseded_at) IS NULL",
        email.as_str(),
        now.0,
    );
    Ok(())
}

/// Invalidates all live codes.
pub async fn supersede_all(tx: &mut WriteTx, now: Timestamp) -> Result<(), Fault> {
    execute!(
        tx,
        "UPDATE codes SET superseded_at = $1 WHERE COALESCE(used_at, superseded_at) IS NULL",
        now.0
    );
    Ok(())
}

/// Counts the live codes that were created with this key.
pub async fn count_live(conn: &mut ReadConn, key_id: &str, now: Timestamp) -> Result<i64, Fault> {
    Ok(on!(conn, |conn| {
        sqlx::query_scalar(
            "SELECT count(*) FROM codes
              WHERE key_id = $1 AND expires_at > $2 AND superseded_at IS NULL AND used_at IS NULL",
        )
        .bind(key_id)
        .bind(now.0)
        .fetch_one(conn)
        .await?
    }))
}

/// Lists all codes of a flow, newest first.
pub async fn of_flow(conn: &mut ReadConn, flow: &str) -> Result<Vec<IssuedCode>, Fault> {
    let rows: Vec<Row> = on!(conn, |conn| {
        sqlx::query_as(
            "SELECT id, digest, key_id, sent_at, expires_at, superseded_at FROM codes
              WHERE flow_id = $1 ORDER BY sent_at DESC, id LIMIT 16",
        )
        .bind(flow)
        .fetch_all(conn)
        .await?
    });
    Ok(rows
        .into_iter()
        .map(|row| IssuedCode {
            id: row.id,
            digest: row.digest,
            key_id: row.key_id,
            sent_at: Timestamp(row.sent_at),
            expires_at: Timestamp(row.expires_at),
            superseded_at: row.superseded_at.map(Timestamp),
        })
        .collect())
}

/// Marks a code as used; `false` if it already was.
pub async fn mark_used(tx: &mut WriteTx, id: &str, now: Timestamp) -> Result<bool, Fault> {
    let used = execute!(
        tx,
        "UPDATE codes SET used_at = $2 WHERE id = $1 AND used_at IS NULL AND superseded_at IS NULL",
        id,
        now.0
    );
    Ok(used == 1)
}

/// Returns the key for counting incorrect codes.
pub(super) fn wrong_key(counter: CodeCounter, email: &EmailAddress) -> String {
    format!("{} {email}", counter.as_str())
}

/// Serializes code creation for a counter and address. Attack: flows begun simultaneously on several servers miss each other,
/// and each gets a short code.
pub async fn take_turn(tx: &mut WriteTx, counter: CodeCounter, email: &EmailAddress) -> Result<(), Fault> {
    // SQLite has a single writer. PostgreSQL releases the lock at the end of the transaction.
    if let Conn::Postgres(conn) = &mut tx.conn {
        sqlx::query("SELECT pg_advisory_xact_lock(hashtextextended($1, 0))")
            .bind(wrong_key(counter, email))
            .execute(conn.statements())
            .await?;
    }
    Ok(())
}

/// Counts an incorrect code.
pub async fn count_wrong(
    tx: &mut WriteTx,
    counter: CodeCounter,
    email: &EmailAddress,
    now: Timestamp,
) -> Result<(), Fault> {
    let (key, hour) = (wrong_key(counter, email), now.0.div_euclid(HOUR_MS));
    execute!(
        tx,
        "INSERT INTO wrong_codes (id, key, hour, count) VALUES ($1, $2, $3, 1)
             ON CONFLICT (id) DO UPDATE SET count = wrong_codes.count + 1",
        format!("{key} {hour}"),
        &key,
        hour
    );
    Ok(())
}

/// Deletes hourly counts from before `before`, at most [`BATCH`](super::BATCH) per call.
pub async fn prune_wrong(tx: &mut WriteTx, before: Timestamp) -> Result<u64, Fault> {
    Ok(execute!(
        tx,
        "DELETE FROM wrong_codes WHERE id IN (SELECT id FROM wrong_codes WHERE hour < $1 LIMIT 200)",
        before.0.div_euclid(HOUR_MS)
    ))
}
