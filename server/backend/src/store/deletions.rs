//! Accounts that wait for their deletion, and the deletion.

use super::account_changes::unbind_flows;
use super::conn::{execute, on};
use super::{ReadConn, WriteTx, email_changes};
use crate::Fault;
use account::{AccountId, EmailAddress, Timestamp};

/// Sets the times after which an account is deleted and its owner reminded, and locks it. `false` if it waits already, or an organization manages it. Attack:
/// two requests at the same time send two notices.
pub async fn request(
    tx: &mut WriteTx,
    id: &AccountId,
    after: Timestamp,
    remind_after: Option<Timestamp>,
) -> Result<bool, Fault> {
    let changed = execute!(
        tx,
        "UPDATE accounts SET delete_after = $2, remind_after = $3
          WHERE id = $1 AND delete_after IS NULL AND managed_by IS NULL",
        &id.0,
        after.0,
        remind_after.map(|at| at.0)
    );
    Ok(changed == 1)
}

/// Keeps an account; `false` if it does not wait for its deletion, or is already deleted.
pub async fn cancel(tx: &mut WriteTx, id: &AccountId) -> Result<bool, Fault> {
    let changed = execute!(
        tx,
        "UPDATE accounts SET delete_after = NULL, remind_after = NULL WHERE id = $1 AND delete_after IS NOT NULL",
        &id.0
    );
    Ok(changed == 1)
}

/// Returns the time after which an account is deleted.
pub async fn find(conn: &mut ReadConn, id: &str) -> Result<Option<Timestamp>, Fault> {
    let at: Option<Option<i64>> = on!(conn, |conn| {
        sqlx::query_scalar("SELECT delete_after FROM accounts WHERE id = $1")
            .bind(id)
            .fetch_optional(conn)
            .await?
    });
    Ok(at.flatten().map(Timestamp))
}

/// Lists up to 20 accounts to delete, the longest due first. Not deactivated ones, whose owners cannot keep them.
pub async fn due(conn: &mut ReadConn, now: Timestamp) -> Result<Vec<AccountId>, Fault> {
    let ids: Vec<String> = on!(conn, |conn| {
        sqlx::query_scalar(
            "SELECT id FROM accounts WHERE delete_after < $1 AND disabled_at IS NULL ORDER BY delete_after LIMIT 20",
        )
        .bind(now.0)
        .fetch_all(conn)
        .await?
    });
    Ok(ids.into_iter().map(AccountId).collect())
}

/// Locks an account that is still to be deleted; `false` for any other. Attack: the owner keeps the account at the same time, and it
/// is deleted.
pub async fn lock_due(tx: &mut WriteTx, id: &AccountId, now: Timestamp) -> Result<bool, Fault> {
    let locked = execute!(
        tx,
        "UPDATE accounts SET delete_after = delete_after WHERE id = $1 AND delete_after < $2 AND disabled_at IS NULL",
        &id.0,
        now.0
    );
    Ok(locked == 1)
}

/// Deletes an account that is reactivated not before `until`.
pub async fn postpone(tx: &mut WriteTx, id: &AccountId, until: Timestamp) -> Result<(), Fault> {
    execute!(
        tx,
        "UPDATE accounts SET delete_after = $2 WHERE id = $1 AND delete_after < $2",
        &id.0,
        until.0
    );
    Ok(())
}

/// Deletes no account before `until`, and reminds the owners of those that wait until then, again.
pub async fn postpone_all(tx: &mut WriteTx, until: Timestamp, now: Timestamp) -> Result<u64, Fault> {
    Ok(execute!(
        tx,
        "UPDATE accounts SET delete_after = $1, remind_after = $2 WHERE delete_after < $1",
        until.0,
        now.0
    ))
}

/// Lists up to 20 accounts whose owners are to be reminded.
pub async fn unreminded(conn: &mut ReadConn, now: Timestamp) -> Result<Vec<AccountId>, Fault> {
    let ids: Vec<String> = on!(conn, |conn| {
        sqlx::query_scalar(
            "SELECT id FROM accounts WHERE remind_after < $1 AND disabled_at IS NULL ORDER BY remind_after LIMIT 20",
        )
        .bind(now.0)
        .fetch_all(conn)
        .await?
    });
    Ok(ids.into_iter().map(AccountId).collect())
}

/// Records that the owner is reminded; `false` if another server has done it, or the account stays.
pub async fn remind(tx: &mut WriteTx, id: &AccountId, now: Timestamp) -> Result<bool, Fault> {
    let reminded = execute!(
        tx,
        "UPDATE accounts SET remind_after = NULL WHERE id = $1 AND remind_after < $2 AND disabled_at IS NULL",
        &id.0,
        now.0
    );
    Ok(reminded == 1)
}

/// Deletes an account with all that belongs to it: sessions, devices, flows, codes, events, invitations, e-mails to its address,
/// counts of failures. Open flows of its address go on without it, and counts of requests for any address end within two days.
pub async fn delete(tx: &mut WriteTx, id: &AccountId, email: &EmailAddress) -> Result<(), Fault> {
    unbind_flows(tx, email).await?;
    execute!(
        tx,
        "DELETE FROM flows WHERE email = $1 AND (ended_at IS NOT NULL OR finished_at IS NOT NULL)",
        email.as_str()
    );
    execute!(tx, "DELETE FROM outbox WHERE recipient = $1", email.as_str());
    for old in email_changes::left_by(tx, id).await? {
        execute!(tx, "DELETE FROM outbox WHERE recipient = $1", old);
    }
    execute!(
        tx,
        "DELETE FROM organization_invitations WHERE email = $1",
        email.as_str()
    );
    execute!(tx, "DELETE FROM events WHERE account_id = $1", &id.0);
    // As an administrator, in the events of others.
    execute!(tx, "UPDATE events SET acted_by = NULL WHERE acted_by = $1", &id.0);
    // Sessions, devices and whatever else refers to the account are deleted by `ON DELETE CASCADE`.
    execute!(tx, "DELETE FROM accounts WHERE id = $1", &id.0);
    Ok(())
}
