//! Check values of keys, stored when a key is first used with this database.

use super::conn::{execute, later, on};
use super::{ReadConn, WriteTx};
use crate::Fault;

/// Stores a key's check value unless one exists.
pub async fn keep(tx: &mut WriteTx, key_id: &str, value: &str) -> Result<(), Fault> {
    execute!(
        tx,
        "INSERT INTO key_checks (key_id, value) VALUES ($1, $2) ON CONFLICT (key_id) DO NOTHING",
        key_id,
        value
    );
    Ok(())
}

/// Returns the check value of a key.
pub async fn find(conn: &mut ReadConn, key_id: &str) -> Result<Option<String>, Fault> {
    Ok(on!(conn, |conn| {
        sqlx::query_scalar("SELECT value FROM key_checks WHERE key_id = $1")
            .bind(key_id)
            .fetch_optional(conn)
            .await?
    }))
}

/// Deletes a key's check value, so that another key can reuse the name.
pub async fn forget(tx: &mut WriteTx, key_id: &str) -> Result<(), Fault> {
    later!(tx, "DELETE FROM key_checks WHERE key_id = $1", key_id,);
    Ok(())
}
