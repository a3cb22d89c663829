//! The operator's view of the outbox.

use super::conn::{autocommit, execute, on};
use super::outbox::LEASE_S;
use super::{Db, WriteTx};
use crate::Fault;
use account::Timestamp;

/// A pending e-mail.
#[derive(Debug, sqlx::FromRow)]
pub struct Row {
    /// The row's id.
    pub id: String,
    /// The recipient's address.
    pub recipient: String,
    /// The encrypted content.
    pub body: String,
    /// Number of delivery attempts.
    pub attempts: i64,
    /// Creation time, in milliseconds since the Unix epoch.
    pub written_at: i64,
    /// Time of the next attempt; during delivery, the end of the lease.
    pub due_at: i64,
    /// The value of `due_at` after the last attempt.
    pub retry_at: Option<i64>,
    /// The last delivery error, without addresses.
    pub last_error: Option<String>,
}

impl Row {
    /// Whether an outbox worker is delivering the e-mail.
    pub fn is_leased(&self, now: Timestamp) -> bool {
        let due_at = Timestamp(self.due_at);
        self.attempts > 0 && self.retry_at != Some(self.due_at) && now < due_at && due_at <= now.plus_seconds(LEASE_S)
    }
}

/// Lists the next `most` e-mails in order of due time.
pub async fn list(db: &Db, most: i64) -> Result<Vec<Row>, Fault> {
    let mut conn = db.read().await?;
    Ok(on!(conn, |conn| {
        sqlx::query_as(
            "SELECT id, recipient, body, attempts, written_at, due_at, retry_at, last_error
               FROM outbox WHERE COALESCE(sent_at, failed_at) IS NULL
              ORDER BY due_at LIMIT $1",
        )
        .bind(most)
        .fetch_all(conn)
        .await?
    }))
}

/// Makes one or all e-mails waiting for a retry due now, and returns their number. Skips leased ones, which would be sent twice.
pub async fn make_due(db: &Db, id: Option<&str>, now: Timestamp) -> Result<u64, Fault> {
    Ok(match id {
        Some(id) => autocommit!(db, |writer| execute!(
            writer,
            "UPDATE outbox SET due_at = $2, retry_at = $2
                  WHERE id = $1 AND sent_at IS NULL AND failed_at IS NULL AND due_at = retry_at",
            id,
            now.0
        )),
        None => autocommit!(db, |writer| execute!(
            writer,
            "UPDATE outbox SET due_at = $1, retry_at = $1
                  WHERE COALESCE(sent_at, failed_at) IS NULL AND due_at = retry_at",
            now.0
        )),
    })
}

/// Drops a pending e-mail and returns the number of rows.
pub async fn drop_one(tx: &mut WriteTx, id: &str, now: Timestamp) -> Result<u64, Fault> {
    Ok(execute!(
        tx,
        "UPDATE outbox SET failed_at = $2, body = '', last_error = NULL
              WHERE id = $1 AND sent_at IS NULL AND failed_at IS NULL",
        id,
        now.0
    ))
}
