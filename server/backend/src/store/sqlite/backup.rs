//! Copies SQLite files and validates copies before use.

use crate::Fault;
use crate::store::{Db, Engine};
use sqlx::sqlite::SqliteConnectOptions;
use sqlx::{ConnectOptions, Connection, SqliteConnection};
use std::path::Path;

/// Copies a snapshot of the database into an empty or absent file without blocking writers. `false` on PostgreSQL.
///
/// # Errors
/// A [`Fault`] of the database or the target disk.
pub async fn copy(db: &Db, to: &Path) -> Result<bool, Fault> {
    let Engine::Sqlite(file) = &db.engine else {
        return Ok(false);
    };
    sqlx::query("VACUUM INTO $1")
        .bind(to.to_string_lossy())
        .execute(&file.readers)
        .await?;
    Ok(true)
}

/// Validates a file that is not in use. Returns its damage or foreign schema, or `None` if it is sound.
pub async fn fault_of(file: &Path) -> Option<String> {
    let options = SqliteConnectOptions::new().filename(file).read_only(true);
    // A file that is not a database fails at the first query.
    let mut connection = match options.connect().await {
        Ok(connection) => connection,
        Err(error) => return Some(error.to_string()),
    };
    let found = look(&mut connection).await;
    let closed = connection.close().await;
    found
        .and_then(|found| closed.map(|()| found))
        .unwrap_or_else(|error| Some(error.to_string()))
}

async fn look(connection: &mut SqliteConnection) -> Result<Option<String>, sqlx::Error> {
    let found: String = sqlx::query_scalar("PRAGMA integrity_check(1)")
        .fetch_one(&mut *connection)
        .await?;
    if found != "ok" {
        return Ok(Some(found));
    }
    let dangling = sqlx::query("PRAGMA foreign_key_check")
        .fetch_optional(&mut *connection)
        .await?;
    if dangling.is_some() {
        return Ok(Some("a row refers to a missing row".into()));
    }
    // Attack: a trigger in a forged copy runs at the next sign-in. No release creates triggers.
    let acts: Option<String> =
        sqlx::query_scalar("SELECT type || ' ' || name FROM sqlite_master WHERE type IN ('trigger', 'view') LIMIT 1")
            .fetch_optional(&mut *connection)
            .await?;
    if let Some(acts) = acts {
        return Ok(Some(format!("it has the {acts}, which this service does not create")));
    }
    let ours: i64 = sqlx::query_scalar(
        "SELECT count(*) FROM sqlite_master WHERE type = 'table' AND name IN ('_sqlx_migrations', 'accounts', 'flows')",
    )
    .fetch_one(connection)
    .await?;
    Ok((ours != 3).then(|| "it does not have this service's tables".into()))
}

/// Returns the schema of a database.
pub(crate) async fn schema(db: &Db) -> Result<Vec<(String, String, String)>, Fault> {
    let Engine::Sqlite(file) = &db.engine else {
        return Ok(Vec::new());
    };
    let objects = "SELECT type, name, COALESCE(sql, '') FROM sqlite_master ORDER BY type, name";
    Ok(sqlx::query_as(objects).fetch_all(&file.readers).await?)
}

/// Lists up to `most` addresses with a hash in another system's format, stored without a service key.
pub(crate) async fn hashes_without_key(db: &Db, most: i64) -> Result<Vec<String>, Fault> {
    let Engine::Sqlite(file) = &db.engine else {
        return Ok(Vec::new());
    };
    // Same rule as the hasher: native hashes have a key name before `$argon2`, imported ones are sealed with a key.
    let foreign = "SELECT email FROM passwords JOIN accounts ON id = account_id
                    WHERE substr(hash, 1, 7) <> 'sealed:' AND instr(hash, '$argon2') <= 1 ORDER BY email LIMIT $1";
    Ok(sqlx::query_scalar(foreign).bind(most).fetch_all(&file.readers).await?)
}
