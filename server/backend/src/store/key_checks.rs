//! A value that each key of the server made when it was first seen here.

use super::conn::{execute, on};
use super::{ReadConn, WriteTx};
use crate::Fault;

/// Keeps a key's value where there is none of its name yet.
pub async fn keep(tx: &mut WriteTx, key_id: &str, value: &str) -> Result<(), Fault> {
    execute!(
        tx,
        "INSERT INTO key_checks (key_id, value) VALUES ($1, $2) ON CONFLICT (key_id) DO NOTHING",
        key_id,
        value
    );
    Ok(())
}

/// The value of the key of that name.
pub async fn find(conn: &mut ReadConn, key_id: &str) -> Result<Option<String>, Fault> {
    Ok(on!(conn, |conn| {
        sqlx::query_scalar("SELECT value FROM key_checks WHERE key_id = $1")
            .bind(key_id)
            .fetch_optional(conn)
            .await?
    }))
}

/// Forgets the key of that name: another one may have it.
pub async fn forget(tx: &mut WriteTx, key_id: &str) -> Result<(), Fault> {
    execute!(tx, "DELETE FROM key_checks WHERE key_id = $1", key_id);
    Ok(())
}
