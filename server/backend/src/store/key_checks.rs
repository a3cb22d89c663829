//! A value that each key of the server made when it was first seen here.

use super::{Tx, db::on, later::later};
use crate::Fault;

/// Keeps a key's value where there is none of its name yet.
pub async fn keep(tx: &mut Tx, key_id: &str, value: &str) -> Result<(), Fault> {
    on!(tx, |conn| {
        sqlx::query("INSERT INTO key_checks (key_id, value) VALUES ($1, $2) ON CONFLICT (key_id) DO NOTHING")
            .bind(key_id)
            .bind(value)
            .execute(conn)
            .await?
            .rows_affected()
    });
    Ok(())
}

/// The value of the key of that name.
pub async fn find(tx: &mut Tx, key_id: &str) -> Result<Option<String>, Fault> {
    Ok(on!(tx, |conn| {
        sqlx::query_scalar("SELECT value FROM key_checks WHERE key_id = $1")
            .bind(key_id)
            .fetch_optional(conn)
            .await?
    }))
}

/// Forgets the key of that name: another one may have it.
pub async fn forget(tx: &mut Tx, key_id: &str) -> Result<(), Fault> {
    later!(tx, "DELETE FROM key_checks WHERE key_id = $1", key_id,);
    Ok(())
}
