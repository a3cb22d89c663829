//! Subjects of accounts that only one client knows.

use super::conn::{execute, on};
use super::{ReadConn, WriteTx};
use crate::Fault;

/// Finds the subject of an account for a client.
pub async fn find(conn: &mut ReadConn, account: &str, client: &str) -> Result<Option<String>, Fault> {
    Ok(on!(conn, |conn| {
        sqlx::query_scalar("SELECT subject FROM pairwise_subjects WHERE account_id = $1 AND client_id = $2")
            .bind(account)
            .bind(client)
            .fetch_optional(conn)
            .await?
    }))
}

/// Stores the subject of an account for a client, unless it has one.
pub async fn insert(tx: &mut WriteTx, account: &str, client: &str, subject: &str) -> Result<(), Fault> {
    execute!(
        tx,
        "INSERT INTO pairwise_subjects (account_id, client_id, subject) VALUES ($1, $2, $3)
             ON CONFLICT (account_id, client_id) DO NOTHING",
        account,
        client,
        subject
    );
    Ok(())
}
