//! Products to which accounts have signed in.

use super::conn::{execute, later, on};
use super::{ReadConn, WriteTx};
use crate::Fault;
use account::{AccountId, Timestamp};

/// A product to which an account has signed in.
#[derive(Debug, Clone, PartialEq, Eq, sqlx::FromRow)]
pub struct ConnectedProduct {
    /// The client's id.
    pub client_id: String,
    /// What it may see: scopes, separated by spaces.
    pub scope: String,
    /// The time of the first sign-in.
    pub connected_at: i64,
    /// The time when it last got tokens.
    pub used_at: i64,
}

/// Records that a client got tokens of an account. `scope` is everything that it may see.
pub async fn record(tx: &mut WriteTx, account: &str, client: &str, scope: &str, now: Timestamp) -> Result<(), Fault> {
    later!(
        tx,
        "INSERT INTO connected_products (account_id, client_id, scope, connected_at, used_at) VALUES ($1, $2, $3, $4, $4)
             ON CONFLICT (account_id, client_id) DO UPDATE SET used_at = $4, scope = $3",
        account,
        client,
        scope,
        now.0
    );
    Ok(())
}

/// Finds the connection of an account to a client.
pub async fn find(conn: &mut ReadConn, account: &str, client: &str) -> Result<Option<ConnectedProduct>, Fault> {
    Ok(on!(conn, |conn| {
        sqlx::query_as(
            "SELECT client_id, scope, connected_at, used_at FROM connected_products
              WHERE account_id = $1 AND client_id = $2",
        )
        .bind(account)
        .bind(client)
        .fetch_optional(conn)
        .await?
    }))
}

/// Lists the products of an account, most recently used first.
pub async fn of_account(conn: &mut ReadConn, account: &AccountId) -> Result<Vec<ConnectedProduct>, Fault> {
    Ok(on!(conn, |conn| {
        sqlx::query_as(
            "SELECT client_id, scope, connected_at, used_at FROM connected_products
              WHERE account_id = $1 ORDER BY used_at DESC, client_id LIMIT 100",
        )
        .bind(&account.0)
        .fetch_all(conn)
        .await?
    }))
}

/// Returns the accounts of a client, at most 100.
pub async fn accounts_of(conn: &mut ReadConn, client: &str) -> Result<Vec<AccountId>, Fault> {
    let ids: Vec<String> = on!(conn, |conn| {
        sqlx::query_scalar(
            "SELECT account_id FROM connected_products WHERE client_id = $1 ORDER BY account_id LIMIT 100",
        )
        .bind(client)
        .fetch_all(conn)
        .await?
    });
    Ok(ids.into_iter().map(AccountId).collect())
}

/// Counts the accounts of a client, and returns the time when it last got tokens.
pub async fn usage(conn: &mut ReadConn, client: &str) -> Result<(i64, Option<i64>), Fault> {
    Ok(on!(conn, |conn| {
        sqlx::query_as("SELECT count(*), max(used_at) FROM connected_products WHERE client_id = $1")
            .bind(client)
            .fetch_one(conn)
            .await?
    }))
}

/// Deletes the connection of an account to a client; `false` if there is none.
pub async fn delete(tx: &mut WriteTx, account: &AccountId, client: &str) -> Result<bool, Fault> {
    let deleted = execute!(
        tx,
        "DELETE FROM connected_products WHERE account_id = $1 AND client_id = $2",
        &account.0,
        client
    );
    Ok(deleted == 1)
}
