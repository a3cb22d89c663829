//! Digests of the one-time passcodes that were mailed.

use super::{Tx, db::on, later::later};
use crate::Fault;
use account::{Email, IssuedCode, Purpose, Timestamp};

#[derive(sqlx::FromRow)]
struct Row {
    id: String,
    digest: String,
    key_id: String,
    sent_at: i64,
    expires_at: i64,
    superseded_at: Option<i64>,
}

/// Keeps a new code; every older one of the same purpose and address is superseded, in this and in other browsers.
pub async fn issue(tx: &mut Tx, purpose: Purpose, email: &Email, flow: &str, code: &IssuedCode) -> Result<(), Fault> {
    supersede(tx, email, Some(purpose), code.sent_at).await?;
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

/// Makes live codes of an address dead: of one purpose, or of all.
pub async fn supersede(tx: &mut Tx, email: &Email, purpose: Option<Purpose>, now: Timestamp) -> Result<(), Fault> {
    later!(
        tx,
        "UPDATE codes SET superseded_at = $3
              WHERE email = $1 AND purpose = COALESCE($2, purpose) AND superseded_at IS NULL AND used_at IS NULL",
        email.as_str(),
        purpose.map(Purpose::as_str),
        now.0,
    );
    Ok(())
}

/// Makes every live code dead.
pub async fn supersede_everyones(tx: &mut Tx, now: Timestamp) -> Result<(), Fault> {
    on!(tx, |conn| {
        sqlx::query("UPDATE codes SET superseded_at = $1 WHERE superseded_at IS NULL AND used_at IS NULL")
            .bind(now.0)
            .execute(conn)
            .await?
            .rows_affected()
    });
    Ok(())
}

/// How many codes still work that a key has made.
pub async fn count_live(tx: &mut Tx, key_id: &str, now: Timestamp) -> Result<i64, Fault> {
    Ok(on!(tx, |conn| {
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

/// Every code of a flow, newest first.
pub async fn of_flow(tx: &mut Tx, flow: &str) -> Result<Vec<IssuedCode>, Fault> {
    let rows: Vec<Row> = on!(tx, |conn| {
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

/// Marks a code as used: once.
pub async fn mark_used(tx: &mut Tx, id: &str, now: Timestamp) -> Result<bool, Fault> {
    let used = on!(tx, |conn| {
        sqlx::query("UPDATE codes SET used_at = $2 WHERE id = $1 AND used_at IS NULL AND superseded_at IS NULL")
            .bind(id)
            .bind(now.0)
            .execute(conn)
            .await?
            .rows_affected()
    });
    Ok(used == 1)
}
