//! Turns among client networks for a mailbox that has used up its daily e-mail limit.

use super::WriteTx;
use super::conn::{execute, later, on};
use crate::Fault;
use account::Timestamp;

/// A request from a client network for an e-mail to a mailbox.
#[derive(Debug, Clone, Copy)]
pub struct Request<'a> {
    /// The mailbox.
    pub mailbox: &'a str,
    /// The client network.
    pub network: &'a str,
    /// Number of recent e-mails that this network requested for the mailbox.
    pub had: i64,
}

/// The result.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Turn {
    /// The e-mail may be sent now.
    Now,
    /// The network's turn begins at this time and lasts one slot.
    At(Timestamp),
}

/// The row of a waiting network.
#[derive(sqlx::FromRow)]
struct Waiting {
    had: i64,
    waiting_since: i64,
    due_at: i64,
}

/// Grants the current slot to the network with the fewest e-mails, then to the longest wait. Attack: a network that waits for
/// its turn and never uses it. A missed turn counts as an e-mail but keeps its rank among equals.
///
/// The first statement locks the mailbox's row, so that racing requests cannot share a slot.
pub async fn take(tx: &mut WriteTx, request: Request<'_>, slot_ms: i64, now: Timestamp) -> Result<Turn, Fault> {
    let Request { mailbox, network, had } = request;
    // If the clock jumps back, a wait still lasts at most one slot.
    let next_at: i64 = on!(tx, |conn| {
        sqlx::query_scalar(
            "INSERT INTO email_slots (mailbox, next_at) VALUES ($1, $2)
             ON CONFLICT (mailbox) DO UPDATE SET
                next_at = CASE WHEN email_slots.next_at > $3 THEN $3 ELSE email_slots.next_at END
             RETURNING next_at",
        )
        .bind(mailbox)
        .bind(now.0)
        .bind(now.plus_ms(slot_ms).0)
        .fetch_one(conn)
        .await?
    });
    let before: Option<Waiting> = on!(tx, |conn| {
        sqlx::query_as("SELECT had, waiting_since, due_at FROM email_turns WHERE mailbox = $1 AND network = $2")
            .bind(mailbox)
            .bind(network)
            .fetch_optional(conn)
            .await?
    });
    let (had, waiting_since) = before.map_or((had, now.0), |before| {
        let missed = now.0 >= before.due_at + slot_ms;
        (had.max(before.had + i64::from(missed)), before.waiting_since)
    });
    let ahead: i64 = on!(tx, |conn| {
        sqlx::query_scalar(
            "SELECT count(*) FROM (
                SELECT 1 FROM email_turns
                 WHERE mailbox = $1 AND network <> $2 AND due_at > $3 AND (had, waiting_since, network) < ($4, $5, $2)
                 LIMIT 1000) AS ahead",
        )
        .bind(mailbox)
        .bind(network)
        .bind(now.plus_ms(-slot_ms).0)
        .bind(had)
        .bind(waiting_since)
        .fetch_one(conn)
        .await?
    });
    // Slots are contiguous. Attack: a request at the end of a turn delays all later turns.
    let slot = next_at + (now.0 - next_at).max(0) / slot_ms * slot_ms;
    if next_at <= now.0 && ahead == 0 {
        later!(
            tx,
            "UPDATE email_slots SET next_at = $2 WHERE mailbox = $1",
            mailbox,
            slot + slot_ms,
        );
        later!(
            tx,
            "DELETE FROM email_turns WHERE mailbox = $1 AND network = $2",
            mailbox,
            network,
        );
        return Ok(Turn::Now);
    }
    let due_at = slot + ahead * slot_ms;
    later!(
        tx,
        "INSERT INTO email_turns (mailbox, network, had, waiting_since, due_at) VALUES ($1, $2, $3, $4, $5)
         ON CONFLICT (mailbox, network) DO UPDATE SET
            had = excluded.had, waiting_since = excluded.waiting_since, due_at = excluded.due_at",
        mailbox,
        network,
        had,
        waiting_since,
        due_at,
    );
    Ok(Turn::At(Timestamp(due_at)))
}

/// Deletes turns and slots from before `before`, at most [`BATCH`](super::BATCH) of each per call.
pub async fn prune(tx: &mut WriteTx, before: Timestamp) -> Result<u64, Fault> {
    let turns = execute!(
        tx,
        "DELETE FROM email_turns WHERE (mailbox, network) IN
                (SELECT mailbox, network FROM email_turns WHERE due_at < $1 LIMIT 200)",
        before.0
    );
    let slots = execute!(
        tx,
        "DELETE FROM email_slots WHERE mailbox IN (SELECT mailbox FROM email_slots WHERE next_at < $1 LIMIT 200)",
        before.0
    );
    Ok(turns + slots)
}
