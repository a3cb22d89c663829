//! Copies of a SQLite file, and what is known of one before it is trusted.

use crate::Fault;
use crate::store::{Db, Engine};
use sqlx::sqlite::SqliteConnectOptions;
use sqlx::{ConnectOptions, Connection, SqliteConnection};
use std::path::Path;

/// Copies the database into a file that is empty or absent: one moment's rows, while others go on writing. `false` on
/// PostgreSQL, which has tools of its own.
///
/// # Errors
/// A [`Fault`] of the database, or of the disk that is copied to.
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

/// What is wrong with a file that nobody uses: it is damaged, or no database of this service. `None`: nothing.
pub async fn fault_of(file: &Path) -> Option<String> {
    let options = SqliteConnectOptions::new().filename(file).read_only(true);
    // What is no database at all fails at the first question.
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
        return Ok(Some("a row refers to one that is not there".into()));
    }
    // Attack: a trigger in a copy that somebody offers does its work at the next sign-in. No release makes one.
    let acts: Option<String> =
        sqlx::query_scalar("SELECT type || ' ' || name FROM sqlite_master WHERE type IN ('trigger', 'view') LIMIT 1")
            .fetch_optional(&mut *connection)
            .await?;
    if let Some(acts) = acts {
        return Ok(Some(format!("it has the {acts}, which is not of this service")));
    }
    let ours: i64 = sqlx::query_scalar(
        "SELECT count(*) FROM sqlite_master WHERE type = 'table' AND name IN ('_sqlx_migrations', 'accounts', 'flows')",
    )
    .fetch_one(connection)
    .await?;
    Ok((ours != 3).then(|| "it has not the tables of this service".into()))
}

/// Everything of which a file consists, but its rows.
pub(crate) async fn schema(db: &Db) -> Result<Vec<(String, String, String)>, Fault> {
    let Engine::Sqlite(file) = &db.engine else {
        return Ok(Vec::new());
    };
    let objects = "SELECT type, name, COALESCE(sql, '') FROM sqlite_master ORDER BY type, name";
    Ok(sqlx::query_as(objects).fetch_all(&file.readers).await?)
}

/// Addresses whose password is stored without a key of the service, as other systems store them; so many at most.
pub(crate) async fn hashes_without_key(db: &Db, most: i64) -> Result<Vec<String>, Fault> {
    let Engine::Sqlite(file) = &db.engine else {
        return Ok(Vec::new());
    };
    // As the hasher tells them apart: ours has the name of a key before `$argon2`, an imported one is sealed with a key.
    let foreign = "SELECT email FROM accounts
                    WHERE substr(password, 1, 7) <> 'sealed:' AND instr(password, '$argon2') <= 1 ORDER BY email LIMIT $1";
    Ok(sqlx::query_scalar(foreign).bind(most).fetch_all(&file.readers).await?)
}
