//! The queue of e-mails. Attack: reading codes from a copy of the database; content is therefore encrypted.

use super::conn::{autocommit, execute, later, on};
use super::{Db, Engine, ReadConn, WriteTx};
use crate::{Fault, Keys, seal};
use account::{Email, EmailAddress, Timestamp};

/// An e-mail leased by an outbox worker.
#[derive(Debug)]
pub struct Claimed {
    /// The row's id and the first half of its Message-ID.
    pub id: String,
    /// The account's address, or the entered address if no account exists.
    pub to: EmailAddress,
    /// The e-mail's language.
    pub language: String,
    /// The message.
    pub message: Email,
    /// Number of delivery attempts, including this one.
    pub attempts: i64,
    /// Creation time.
    pub written_at: Timestamp,
}

#[derive(sqlx::FromRow)]
struct Row {
    id: String,
    recipient: String,
    language: String,
    body: String,
    attempts: i64,
    written_at: i64,
}

/// Seconds after which another outbox worker may take over a leased e-mail.
pub(super) const LEASE_S: i64 = 60;

/// Queues an e-mail in the flow's transaction.
pub async fn write(
    tx: &mut WriteTx,
    keys: &Keys,
    flow: Option<&str>,
    to: &EmailAddress,
    language: &str,
    message: &Email,
    now: Timestamp,
) -> Result<(), Fault> {
    let id = crate::random::id_at(now);
    let body = seal::seal(keys, &id, message)?;
    later!(
        tx,
        "INSERT INTO outbox (id, flow_id, recipient, language, body, written_at, due_at, attempts)
             VALUES ($1, $2, $3, $4, $5, $6, $6, 0)",
        &id,
        flow,
        to.as_str(),
        language,
        body,
        now.0,
    );
    Ok(())
}

/// Drops a flow's unsent e-mails before a new one is queued: their code is dead, and two codes would confuse users.
pub async fn drop_unsent(tx: &mut WriteTx, flow: &str, now: Timestamp) -> Result<(), Fault> {
    later!(
        tx,
        "UPDATE outbox SET failed_at = $2, body = '', last_error = NULL
              WHERE flow_id = $1 AND COALESCE(sent_at, failed_at) IS NULL",
        flow,
        now.0,
    );
    Ok(())
}

/// Drops all unsent e-mails and returns their number.
pub async fn drop_all(tx: &mut WriteTx, now: Timestamp) -> Result<u64, Fault> {
    Ok(execute!(
        tx,
        "UPDATE outbox SET failed_at = $1, body = '', last_error = NULL WHERE COALESCE(sent_at, failed_at) IS NULL",
        now.0
    ))
}

/// Counts the pending e-mails that were encrypted with this key.
pub async fn count_waiting(conn: &mut ReadConn, prefix: &str) -> Result<i64, Fault> {
    Ok(on!(conn, |conn| {
        sqlx::query_scalar(
            "SELECT count(*) FROM outbox
              WHERE COALESCE(sent_at, failed_at) IS NULL AND substr(body, 1, length(CAST($1 AS TEXT))) = $1",
        )
        .bind(prefix)
        .fetch_one(conn)
        .await?
    }))
}

/// The CTE selects rows once. A locking subquery in `IN (…)` would run for every compared row and select other rows each time.
macro_rules! lease {
    ($lock:literal) => {
        concat!(
            "WITH due AS MATERIALIZED (
                SELECT id AS due_id FROM outbox WHERE COALESCE(sent_at, failed_at) IS NULL AND due_at <= $1
                 ORDER BY due_at LIMIT $3 ",
            $lock,
            ")
             UPDATE outbox SET due_at = $2, attempts = attempts + 1
              WHERE id IN (SELECT due_id FROM due) AND due_at <= $1
              RETURNING id, recipient, language, body, attempts, written_at"
        )
    };
}

/// Whether any e-mail is due. Takes no write lock.
pub async fn are_due(db: &Db, now: Timestamp) -> Result<bool, Fault> {
    let mut conn = db.read().await?;
    let due: Option<i64> = on!(conn, |conn| {
        sqlx::query_scalar(
            "SELECT due_at FROM outbox WHERE COALESCE(sent_at, failed_at) IS NULL AND due_at <= $1 LIMIT 1",
        )
        .bind(now.0)
        .fetch_optional(conn)
        .await?
    });
    Ok(due.is_some())
}

/// Leases due e-mails for one minute, so that a crashed worker loses none. Undecodable e-mails fail, so that they don't block
/// the queue. E-mails with an unknown key are retried after a day, because another server or a backup may have it.
///
/// Outcomes are not synced, here and below: after a power failure, the lease expires and at worst the e-mail is sent twice.
pub async fn claim(db: &Db, keys: &Keys, now: Timestamp, limit: i64) -> Result<Vec<Claimed>, Fault> {
    // PostgreSQL skips rows locked by other workers; SQLite has a single writer. The row lock rechecks the outer `due_at`.
    let lease = match &db.engine {
        Engine::Sqlite(_) => lease!(""),
        Engine::Postgres(_) => lease!("FOR UPDATE SKIP LOCKED"),
    };
    let rows: Vec<Row> = autocommit!(db, |writer| on!(writer, |conn| {
        sqlx::query_as(lease)
            .bind(now.0)
            .bind(now.plus_seconds(LEASE_S).0)
            .bind(limit)
            .fetch_all(conn)
            .await?
    }));
    let mut claimed = Vec::with_capacity(rows.len());
    for row in rows {
        match (
            seal::open(keys, &row.id, &row.body),
            EmailAddress::parse(&row.recipient),
        ) {
            (Ok(message), Ok(to)) => claimed.push(Claimed {
                id: row.id,
                to,
                language: row.language,
                message,
                attempts: row.attempts,
                written_at: Timestamp(row.written_at),
            }),
            (Err(Fault::KeyGone { id }), Ok(_)) if now < Timestamp(row.written_at).plus_days(1) => {
                tracing::error!(
                    email = row.id,
                    key_id = id,
                    "an e-mail is waiting for a key that is not in the key file"
                );
            }
            _ => {
                tracing::error!(email = row.id, "an e-mail was dropped: it cannot be decrypted");
                mark_failed(db, &row.id, now).await?;
            }
        }
    }
    Ok(claimed)
}

/// Pending e-mails.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Waiting {
    /// Their number, capped at the number of checked rows.
    pub count: i64,
    /// Creation time of the oldest one.
    pub oldest_written_at: Option<Timestamp>,
}

/// Summarizes up to `most` e-mails, those due first. Cost is independent of queue length, because the index
/// `emails_waiting` has this order.
pub async fn waiting(db: &Db, most: i64) -> Result<Waiting, Fault> {
    let mut conn = db.read().await?;
    let (count, oldest): (i64, Option<i64>) = on!(conn, |conn| {
        sqlx::query_as(
            "SELECT COUNT(*), MIN(written_at) FROM
               (SELECT written_at FROM outbox WHERE COALESCE(sent_at, failed_at) IS NULL
                 ORDER BY due_at LIMIT $1) AS waiting",
        )
        .bind(most)
        .fetch_one(conn)
        .await?
    });
    Ok(Waiting {
        count,
        oldest_written_at: oldest.map(Timestamp),
    })
}

/// Marks e-mails as sent and deletes their content.
pub async fn mark_sent(db: &Db, ids: &[String], now: Timestamp) -> Result<(), Fault> {
    autocommit!(db, |writer| on!(writer, |conn| {
        let mut mark = sqlx::QueryBuilder::new("UPDATE outbox SET body = '', last_error = NULL, sent_at = ");
        mark.push_bind(now.0).push(" WHERE id IN (");
        let mut listed = mark.separated(", ");
        for id in ids {
            listed.push_bind(id);
        }
        mark.push(")");
        mark.build().execute(conn).await?.rows_affected()
    }));
    Ok(())
}

/// Schedules a retry; `why` is kept until the e-mail is sent.
pub async fn retry_at(db: &Db, id: &str, due_at: Timestamp, why: &str) -> Result<(), Fault> {
    autocommit!(db, |writer| execute!(
        writer,
        "UPDATE outbox SET due_at = $2, retry_at = $2, last_error = $3
              WHERE id = $1 AND sent_at IS NULL AND failed_at IS NULL",
        id,
        due_at.0,
        why
    ));
    Ok(())
}

/// Marks an e-mail as failed.
pub async fn mark_failed(db: &Db, id: &str, now: Timestamp) -> Result<(), Fault> {
    autocommit!(db, |writer| execute!(
        writer,
        "UPDATE outbox SET failed_at = $2, body = '', last_error = NULL WHERE id = $1 AND sent_at IS NULL",
        id,
        now.0
    ));
    Ok(())
}

/// Deletes sent and failed e-mails created before `before`, at most [`BATCH`](super::BATCH) per call.
pub async fn prune(tx: &mut WriteTx, before: Timestamp) -> Result<u64, Fault> {
    Ok(execute!(
        tx,
        "DELETE FROM outbox WHERE id IN (SELECT id FROM outbox WHERE written_at < $1
                AND (sent_at IS NOT NULL OR failed_at IS NOT NULL) LIMIT 200)",
        before.0
    ))
}
