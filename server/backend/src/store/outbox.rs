//! E-mails that wait for the outbox worker. Bodies are sealed: a copy of the database holds no live code.

use super::conn::{autocommit, execute, on};
use super::{Db, Engine, ReadConn, WriteTx};
use crate::{Fault, Keys, seal};
use account::{Email, EmailAddress, Timestamp};

/// An e-mail that an outbox worker has leased.
#[derive(Debug)]
pub struct Claimed {
    /// Its row, and its Message-ID's first half.
    pub id: String,
    /// The stored address of the account, or the one typed where there is none.
    pub to: EmailAddress,
    /// Of its words.
    pub language: String,
    /// What it says.
    pub message: Email,
    /// How many times it was tried, this one included.
    pub attempts: i64,
    /// When it was written.
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

/// How long an outbox worker has for an e-mail before another one takes it over, in seconds.
pub(super) const LEASE_S: i64 = 60;

/// Writes an e-mail in the flow's transaction.
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
    execute!(
        tx,
        "INSERT INTO outbox (id, flow_id, recipient, language, body, written_at, due_at, attempts)
             VALUES ($1, $2, $3, $4, $5, $6, $6, 0)",
        &id,
        flow,
        to.as_str(),
        language,
        body,
        now.0
    );
    Ok(())
}

/// Drops the e-mails of a flow that have not left yet, before a newer one is written: their code is dead, and two mails with
/// different codes would only confuse.
pub async fn drop_unsent(tx: &mut WriteTx, flow: &str, now: Timestamp) -> Result<(), Fault> {
    execute!(
        tx,
        "UPDATE outbox SET failed_at = $2, body = '', last_error = NULL
              WHERE flow_id = $1 AND COALESCE(sent_at, failed_at) IS NULL",
        flow,
        now.0
    );
    Ok(())
}

/// Drops every e-mail that has not left yet; gives how many.
pub async fn drop_all(tx: &mut WriteTx, now: Timestamp) -> Result<u64, Fault> {
    Ok(execute!(
        tx,
        "UPDATE outbox SET failed_at = $1, body = '', last_error = NULL WHERE COALESCE(sent_at, failed_at) IS NULL",
        now.0
    ))
}

/// How many e-mails wait whose sealed form begins so: with the name of a key.
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

/// Chosen once, in a table of its own: a choice that is locked within `IN (…)` is made again for every row that it is compared
/// with, and each time of other rows.
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

/// Whether any e-mail is due. Reads only.
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

/// Leases what is due, for one minute: an outbox worker that dies loses nothing. An e-mail that does not read is given up, so that
/// it stops nobody. One whose key is not here waits a day for it: another server may have the key, or the operator a copy.
///
/// What became of an e-mail need not be on the disk at once, here and below: a loss of power that takes it leaves an e-mail
/// whose lease runs out, and at worst it leaves twice, as after an outbox worker that died.
pub async fn claim(db: &Db, keys: &Keys, now: Timestamp, limit: i64) -> Result<Vec<Claimed>, Fault> {
    // PostgreSQL: what another outbox worker holds is stepped over, not waited for. SQLite has one writer at a time. The outer
    // `due_at` is judged again under the row's lock, so that two outbox workers never lease the same e-mail.
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

/// E-mails that have not left yet.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Waiting {
    /// How many, as far as was looked.
    pub count: i64,
    /// When the oldest of them was written.
    pub oldest_written_at: Option<Timestamp>,
}

/// What waits, looking at `most` e-mails at most, those first that are due first: `emails_waiting` has them in this order, so it
/// costs the same however many there are.
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

/// They left. Nothing of them is kept but that.
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

/// It is tried again then; `why` is kept until it has left.
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

/// It is not worth sending any more.
pub async fn mark_failed(db: &Db, id: &str, now: Timestamp) -> Result<(), Fault> {
    autocommit!(db, |writer| execute!(
        writer,
        "UPDATE outbox SET failed_at = $2, body = '', last_error = NULL WHERE id = $1 AND sent_at IS NULL",
        id,
        now.0
    ));
    Ok(())
}

/// Takes away e-mails that left, or were given up, and were written before `before`, a [`BATCH`](super::BATCH) at a time.
pub async fn prune(tx: &mut WriteTx, before: Timestamp) -> Result<u64, Fault> {
    Ok(execute!(
        tx,
        "DELETE FROM outbox WHERE id IN (SELECT id FROM outbox WHERE written_at < $1
                AND (sent_at IS NOT NULL OR failed_at IS NOT NULL) LIMIT 200)",
        before.0
    ))
}
