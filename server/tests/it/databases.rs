//! Databases for the program: a file, and the tests' PostgreSQL.

use sqlx::{AssertSqlSafe, Connection, PgConnection};
use std::path::Path;

#[expect(clippy::disallowed_methods, reason = "tests are configured by the environment")]
pub fn variable(name: &str) -> String {
    std::env::var(name).unwrap_or_else(|_| panic!("{name} is not set: `.ci/test` sets it"))
}

/// A `REKEY_DATABASE_URL` for a file in a folder.
pub fn sqlite(folder: &Path) -> String {
    format!("sqlite://{}", folder.join("rekey.db").display())
}

/// A `REKEY_DATABASE_URL` for a new database named after `name` and this process.
pub async fn postgres(name: &str) -> String {
    let server = variable("TEST_POSTGRES");
    let name = format!("rekey_{name}_{}", std::process::id());
    let mut connection = PgConnection::connect(&server).await.unwrap();
    for statement in [
        format!("DROP DATABASE IF EXISTS {name} WITH (FORCE)"),
        format!("CREATE DATABASE {name}"),
    ] {
        sqlx::raw_sql(AssertSqlSafe(statement))
            .execute(&mut connection)
            .await
            .unwrap();
    }
    let (start, _) = server.rsplit_once('/').unwrap();
    format!("{start}/{name}")
}
