//! What an operator's commands change of an account as a whole, and what they show of it.

use super::{Tx, db::on};
use crate::Fault;
use account::{AccountId, EmailAddress, Timestamp};

/// Gives an account another address; `false` when an account has that one already.
pub async fn set_address(tx: &mut Tx, id: &AccountId, to: &EmailAddress) -> Result<bool, Fault> {
    let changed = on!(tx, |conn| {
        sqlx::query(
            "UPDATE accounts SET email = $2 WHERE id = $1 AND NOT EXISTS (SELECT 1 FROM accounts WHERE email = $2)",
        )
        .bind(&id.0)
        .bind(to.as_str())
        .execute(conn)
        .await?
        .rows_affected()
    });
    Ok(changed == 1)
}

/// Lets go on without the account what flows of an address are on their way. They look as before (attack: a stranger's flow that
/// ends tells that there was an account).
pub async fn unbind_flows(tx: &mut Tx, email: &EmailAddress) -> Result<(), Fault> {
    on!(tx, |conn| {
        sqlx::query("UPDATE flows SET account_id = NULL WHERE email = $1 AND COALESCE(finished_at, ended_at) IS NULL")
            .bind(email.as_str())
            .execute(conn)
            .await?
            .rows_affected()
    });
    Ok(())
}

/// Deletes an account with its sessions, devices, flows and their codes, events, and every e-mail to its address.
pub async fn delete(tx: &mut Tx, id: &AccountId, email: &EmailAddress) -> Result<(), Fault> {
    unbind_flows(tx, email).await?;
    on!(tx, |conn| {
        sqlx::query(
            "DELETE FROM flows
              WHERE account_id = $1 OR email = $2 AND (ended_at IS NOT NULL OR finished_at IS NOT NULL)",
        )
        .bind(&id.0)
        .bind(email.as_str())
        .execute(conn)
        .await?
        .rows_affected()
    });
    on!(tx, |conn| {
        sqlx::query("DELETE FROM outbox WHERE recipient = $1")
            .bind(email.as_str())
            .execute(conn)
            .await?
            .rows_affected()
    });
    on!(tx, |conn| {
        sqlx::query("DELETE FROM events WHERE account_id = $1")
            .bind(&id.0)
            .execute(conn)
            .await?
            .rows_affected()
    });
    // With its sessions and devices, which refer to it.
    on!(tx, |conn| {
        sqlx::query("DELETE FROM accounts WHERE id = $1")
            .bind(&id.0)
            .execute(conn)
            .await?
            .rows_affected()
    });
    Ok(())
}

/// When an account was made.
pub async fn created_at(tx: &mut Tx, id: &AccountId) -> Result<Timestamp, Fault> {
    Ok(Timestamp(on!(tx, |conn| {
        sqlx::query_scalar("SELECT created_at FROM accounts WHERE id = $1")
            .bind(&id.0)
            .fetch_one(conn)
            .await?
    })))
}

/// The last sign-in.
pub async fn last_sign_in(tx: &mut Tx, id: &AccountId) -> Result<Option<Timestamp>, Fault> {
    let at: Option<i64> = on!(tx, |conn| {
        sqlx::query_scalar(
            "SELECT at FROM events WHERE account_id = $1 AND kind = 'signed_in' ORDER BY at DESC LIMIT 1",
        )
        .bind(&id.0)
        .fetch_optional(conn)
        .await?
    });
    Ok(at.map(Timestamp))
}

/// Purposes of an address's flows that wait, and when each began, the newest first.
pub async fn waiting_flows(tx: &mut Tx, email: &EmailAddress, now: Timestamp) -> Result<Vec<(String, i64)>, Fault> {
    Ok(on!(tx, |conn| {
        sqlx::query_as(
            "SELECT purpose, created_at FROM flows
              WHERE email = $1 AND COALESCE(finished_at, ended_at) IS NULL AND ends_at > $2
              ORDER BY created_at DESC LIMIT 100",
        )
        .bind(email.as_str())
        .bind(now.0)
        .fetch_all(conn)
        .await?
    }))
}
