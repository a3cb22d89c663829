//! E-mails that wait, as an operator sees and moves them.

use super::conn::{autocommit, execute, on};
use super::outbox::LEASE_S;
use super::{Db, WriteTx};
use crate::Fault;
use account::Timestamp;

/// An e-mail that waits.
#[derive(Debug, sqlx::FromRow)]
pub struct Row {
    /// Its row.
    pub id: String,
    /// Whom it is for.
    pub recipient: String,
    /// Sealed.
    pub body: String,
    /// How many times it was tried.
    pub attempts: i64,
    /// Milliseconds since the Unix epoch.
    pub written_at: i64,
    /// When it is tried next, or while it is being sent, when another outbox worker would take it over.
    pub due_at: i64,
    /// As it was set after the last try.
    pub retry_at: Option<i64>,
    /// Why it waits, without addresses.
    pub last_error: Option<String>,
}

impl Row {
    /// Whether an outbox worker has it at the moment.
    pub fn is_leased(&self, now: Timestamp) -> bool {
        let due_at = Timestamp(self.due_at);
        self.attempts > 0 && self.retry_at != Some(self.due_at) && now < due_at && due_at <= now.plus_seconds(LEASE_S)
    }
}

/// Those that are due first, `most` at most.
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

/// Makes those due that wait for another try, or one of them; gives how many. One that is being sent is left alone: it would leave
/// twice.
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

/// Gives one up that waits; gives whether there was one, as 1 or 0.
pub async fn drop_one(tx: &mut WriteTx, id: &str, now: Timestamp) -> Result<u64, Fault> {
    Ok(execute!(
        tx,
        "UPDATE outbox SET failed_at = $2, body = '', last_error = NULL
              WHERE id = $1 AND sent_at IS NULL AND failed_at IS NULL",
        id,
        now.0
    ))
}
