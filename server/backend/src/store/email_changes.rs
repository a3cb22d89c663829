//! Changes of an account's e-mail address by its user.

use super::conn::{execute, later, on};
use super::{ReadConn, WriteTx};
use crate::Fault;
use account::{AccountId, EmailAddress, Timestamp};

/// Records a change that waits for its code.
pub async fn begin(
    tx: &mut WriteTx,
    flow: &str,
    account: &AccountId,
    old: &EmailAddress,
    ends_at: Timestamp,
) -> Result<(), Fault> {
    later!(
        tx,
        "INSERT INTO email_changes (id, account_id, old_email, ends_at) VALUES ($1, $2, $3, $4) ON CONFLICT (id) DO NOTHING",
        flow,
        &account.0,
        old.as_str(),
        ends_at.0,
    );
    Ok(())
}

/// Returns the account whose address a flow changes.
pub async fn account_of(conn: &mut ReadConn, flow: &str) -> Result<Option<AccountId>, Fault> {
    let id: Option<String> = on!(conn, |conn| {
        sqlx::query_scalar("SELECT account_id FROM email_changes WHERE id = $1")
            .bind(flow)
            .fetch_optional(conn)
            .await?
    });
    Ok(id.map(AccountId))
}

/// Lists the addresses that an account has left and no account has by now.
pub async fn left_by(conn: &mut ReadConn, account: &AccountId) -> Result<Vec<String>, Fault> {
    Ok(on!(conn, |conn| {
        sqlx::query_scalar(
            "SELECT e.old_email FROM email_changes e WHERE e.account_id = $1 AND e.changed_at IS NOT NULL
                AND NOT EXISTS (SELECT 1 FROM accounts a WHERE a.email = e.old_email)",
        )
        .bind(&account.0)
        .fetch_all(conn)
        .await?
    }))
}

/// Completes a change from `old`; it can be undone until `undo_until`. `false` if it belongs to another account, or the address is
/// no longer the one from which it began. Attack: of two changes at the same time, the second one cannot be undone to the first address.
pub async fn complete(
    tx: &mut WriteTx,
    flow: &str,
    account: &AccountId,
    old: &EmailAddress,
    undo_until: Timestamp,
    now: Timestamp,
) -> Result<bool, Fault> {
    let completed = execute!(
        tx,
        "UPDATE email_changes SET changed_at = $4, ends_at = $5
              WHERE id = $1 AND account_id = $2 AND old_email = $3 AND changed_at IS NULL",
        flow,
        &account.0,
        old.as_str(),
        now.0,
        undo_until.0
    );
    Ok(completed == 1)
}

/// Ends a change from `old`, so that it is undone only once, and all later ones. Attack: the owner of an address in between undoes the
/// undoing. `false` if there is none.
pub async fn undo(tx: &mut WriteTx, account: &AccountId, old: &EmailAddress, now: Timestamp) -> Result<bool, Fault> {
    let ended = execute!(
        tx,
        "DELETE FROM email_changes
              WHERE account_id = $1
                AND COALESCE(changed_at, $3) >= (SELECT MIN(e.changed_at) FROM email_changes e
                                                  WHERE e.account_id = $1 AND e.old_email = $2 AND e.ends_at > $3)",
        &account.0,
        old.as_str(),
        now.0
    );
    Ok(ended > 0)
}

/// Returns until when a completed change of an account can be undone.
pub async fn undoable_until(
    conn: &mut ReadConn,
    account: &AccountId,
    now: Timestamp,
) -> Result<Option<Timestamp>, Fault> {
    let until: Option<i64> = on!(conn, |conn| {
        sqlx::query_scalar(
            "SELECT MAX(ends_at) FROM email_changes WHERE account_id = $1 AND changed_at IS NOT NULL AND ends_at > $2",
        )
        .bind(&account.0)
        .bind(now.0)
        .fetch_one(conn)
        .await?
    });
    Ok(until.map(Timestamp))
}

/// Returns whether an account has left the address, and can still get it back.
pub async fn is_reserved(conn: &mut ReadConn, email: &EmailAddress, now: Timestamp) -> Result<bool, Fault> {
    let found: Option<i64> = on!(conn, |conn| {
        sqlx::query_scalar(
            "SELECT MAX(ends_at) FROM email_changes WHERE old_email = $1 AND changed_at IS NOT NULL AND ends_at > $2",
        )
        .bind(email.as_str())
        .bind(now.0)
        .fetch_one(conn)
        .await?
    });
    Ok(found.is_some())
}

/// Ends all changes of an account, so that none can be completed or undone.
pub async fn end_all(tx: &mut WriteTx, account: &AccountId) -> Result<(), Fault> {
    later!(tx, "DELETE FROM email_changes WHERE account_id = $1", &account.0,);
    Ok(())
}

/// Deletes changes that ended before `before`, at most [`BATCH`](super::BATCH) per call.
pub async fn prune(tx: &mut WriteTx, before: Timestamp) -> Result<u64, Fault> {
    Ok(execute!(
        tx,
        "DELETE FROM email_changes WHERE id IN (SELECT id FROM email_changes WHERE ends_at <= $1 LIMIT 200)",
        before.0
    ))
}
