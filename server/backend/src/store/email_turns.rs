//! Whose turn it is at a mailbox whose e-mails of the day are used up.

use super::WriteTx;
use super::conn::{execute, on};
use crate::Fault;
use account::Timestamp;

/// A client network that asks for an e-mail to a mailbox.
#[derive(Debug, Clone, Copy)]
pub struct Request<'a> {
    /// The mailbox.
    pub mailbox: &'a str,
    /// The network.
    pub network: &'a str,
    /// How many e-mails the network has caused there lately.
    pub had: i64,
}

/// The answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Turn {
    /// The e-mail may go now.
    Now,
    /// At this moment, and for one slot from then on.
    At(Timestamp),
}

/// A row of a network that waits.
#[derive(sqlx::FromRow)]
struct Waiting {
    had: i64,
    waiting_since: i64,
    due_at: i64,
}

/// Gives the slot of this moment to the network that has had the fewest e-mails, and among equals to the one that has waited
/// longest; tells every other one when its turn is, and keeps it for one slot. A missed turn counts as an e-mail (attack: a
/// network that waits for ever and never comes), but its place among equals stays (a person who comes late is the next one).
///
/// The first statement locks the mailbox's row, so that racing requests cannot share a slot.
pub async fn take(tx: &mut WriteTx, request: Request<'_>, slot_ms: i64, now: Timestamp) -> Result<Turn, Fault> {
    let Request { mailbox, network, had } = request;
    // A clock that jumps back makes nobody wait for longer than a slot.
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
    // Slots follow each other without gaps (attack: whoever comes at a turn's last moment pushes all later ones back).
    let slot = next_at + (now.0 - next_at).max(0) / slot_ms * slot_ms;
    if next_at <= now.0 && ahead == 0 {
        execute!(
            tx,
            "UPDATE email_slots SET next_at = $2 WHERE mailbox = $1",
            mailbox,
            slot + slot_ms
        );
        execute!(
            tx,
            "DELETE FROM email_turns WHERE mailbox = $1 AND network = $2",
            mailbox,
            network
        );
        return Ok(Turn::Now);
    }
    let due_at = slot + ahead * slot_ms;
    execute!(
        tx,
        "INSERT INTO email_turns (mailbox, network, had, waiting_since, due_at) VALUES ($1, $2, $3, $4, $5)
         ON CONFLICT (mailbox, network) DO UPDATE SET
            had = excluded.had, waiting_since = excluded.waiting_since, due_at = excluded.due_at",
        mailbox,
        network,
        had,
        waiting_since,
        due_at
    );
    Ok(Turn::At(Timestamp(due_at)))
}

/// Deletes turns and slots from before `before`, a [`BATCH`](super::BATCH) of each at a time.
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
