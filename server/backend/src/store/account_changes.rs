//! Account-wide changes and details for the operator's commands.

use super::conn::{execute, on};
use super::{ReadConn, WriteTx};
use crate::Fault;
use account::{AccountId, EmailAddress, Timestamp};

/// Changes an account's e-mail address; `false` if the new address is taken.
pub async fn set_address(tx: &mut WriteTx, id: &AccountId, to: &EmailAddress, now: Timestamp) -> Result<bool, Fault> {
    let changed = execute!(
        tx,
        "UPDATE accounts SET email = $2, updated_at = $3 WHERE id = $1 AND NOT EXISTS (SELECT 1 FROM accounts WHERE email = $2)",
        &id.0,
        to.as_str(),
        now.0
    );
    Ok(changed == 1)
}

/// Detaches pending flows from the account and lets them continue. Attack: the end of a stranger's flow reveals that the
/// account existed.
pub async fn unbind_flows(tx: &mut WriteTx, email: &EmailAddress) -> Result<(), Fault> {
    execute!(
        tx,
        "UPDATE flows SET account_id = NULL WHERE email = $1 AND COALESCE(finished_at, ended_at) IS NULL",
        email.as_str()
    );
    Ok(())
}

/// Returns the creation time of an account.
pub async fn created_at(conn: &mut ReadConn, id: &AccountId) -> Result<Timestamp, Fault> {
    Ok(Timestamp(on!(conn, |conn| {
        sqlx::query_scalar("SELECT created_at FROM accounts WHERE id = $1")
            .bind(&id.0)
            .fetch_one(conn)
            .await?
    })))
}

/// Returns the time of the last sign-in.
pub async fn last_sign_in(conn: &mut ReadConn, id: &AccountId) -> Result<Option<Timestamp>, Fault> {
    let at: Option<i64> = on!(conn, |conn| {
        sqlx::query_scalar(
            "SELECT at FROM events WHERE account_id = $1 AND kind IN ('signed_in', 'provider_signed_in') ORDER BY at DESC LIMIT 1",
        )
        .bind(&id.0)
        .fetch_optional(conn)
        .await?
    });
    Ok(at.map(Timestamp))
}

/// Lists purpose and start time of an address's pending flows, newest first.
pub async fn waiting_flows(
    conn: &mut ReadConn,
    email: &EmailAddress,
    now: Timestamp,
) -> Result<Vec<(String, i64)>, Fault> {
    Ok(on!(conn, |conn| {
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
