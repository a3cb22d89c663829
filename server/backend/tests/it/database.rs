//! A separate database for every scenario.

use crate::{plans, secrets};
use backend::store::Db;
use sqlx::{AssertSqlSafe, Connection, PgConnection, SqliteConnection};
use std::path::PathBuf;
use std::sync::Once;
use std::sync::atomic::{AtomicU32, Ordering};
use tempfile::TempDir;
use tokio::sync::OnceCell;
use tokio::task::block_in_place;
use tracing_subscriber::layer::SubscriberExt;

/// The storage of a scenario.
pub enum Database {
    /// A file in a temporary folder.
    Sqlite(TempDir),
    /// A database on a server.
    Postgres { server: String, name: String },
}

impl Database {
    pub fn sqlite() -> Self {
        Self::Sqlite(tempfile::tempdir().unwrap())
    }

    /// A copy of a database with all tables, because making them takes a second.
    pub async fn postgres() -> Self {
        static TEMPLATE: OnceCell<String> = OnceCell::const_new();
        let template = TEMPLATE.get_or_init(async || {
            let template = Self::copy_of("template0").await;
            let db = template.open().await;
            db.close().await;
            let Self::Postgres { name, .. } = template else {
                unreachable!()
            };
            name
        });
        Self::copy_of(template.await).await
    }

    /// A database without tables.
    pub async fn empty_postgres() -> Self {
        Self::copy_of("template0").await
    }

    async fn copy_of(template: &str) -> Self {
        static MADE: AtomicU32 = AtomicU32::new(0);
        let server = server();
        let number = MADE.fetch_add(1, Ordering::Relaxed);
        let name = format!("rekey_scenario_{}_{number}", std::process::id());
        run(&server, format!("DROP DATABASE IF EXISTS {name}")).await;
        run(&server, format!("CREATE DATABASE {name} TEMPLATE {template}")).await;
        Self::Postgres { server, name }
    }

    /// A database with serializable transactions, which it may roll back.
    pub async fn strict_postgres() -> Self {
        Self::postgres_with("default_transaction_isolation = 'serializable'").await
    }

    /// A database with production durability; the tests' server is faster without it.
    pub async fn careful_postgres() -> Self {
        Self::postgres_with("synchronous_commit = 'on'").await
    }

    async fn postgres_with(setting: &str) -> Self {
        let database = Self::postgres().await;
        if let Self::Postgres { server, name } = &database {
            run(server, format!("ALTER DATABASE {name} SET {setting}")).await;
        }
        database
    }

    /// Opens the database as a separate server would.
    pub async fn open(&self) -> Db {
        listen();
        let db = Db::open(&self.url()).await.unwrap();
        db.migrate().await.unwrap();
        db
    }

    pub fn url(&self) -> String {
        match self {
            Self::Sqlite(folder) => format!("sqlite://{}", folder.path().join("rekey.db").display()),
            Self::Postgres { server, name } => {
                let (start, _) = server.rsplit_once('/').unwrap();
                format!("{start}/{name}")
            }
        }
    }

    /// Runs a query on a new connection and returns the number in the first row.
    pub async fn number(&self, query: impl Into<String>) -> i64 {
        let (url, query) = (self.url(), AssertSqlSafe(query.into()));
        let rows: Vec<i64> = match self {
            Self::Sqlite(_) => {
                let mut connection = SqliteConnection::connect(&url).await.unwrap();
                sqlx::query_scalar(query).fetch_all(&mut connection).await.unwrap()
            }
            Self::Postgres { .. } => {
                let mut connection = PgConnection::connect(&url).await.unwrap();
                sqlx::query_scalar(query).fetch_all(&mut connection).await.unwrap()
            }
        };
        rows[0]
    }

    /// Runs a query on a new connection and returns the texts of the first column.
    pub async fn texts(&self, query: impl Into<String>) -> Vec<String> {
        let (url, query) = (self.url(), AssertSqlSafe(query.into()));
        match self {
            Self::Sqlite(_) => {
                let mut connection = SqliteConnection::connect(&url).await.unwrap();
                sqlx::query_scalar(query).fetch_all(&mut connection).await.unwrap()
            }
            Self::Postgres { .. } => {
                let mut connection = PgConnection::connect(&url).await.unwrap();
                sqlx::query_scalar(query).fetch_all(&mut connection).await.unwrap()
            }
        }
    }

    /// Checks the plans of the scenario's statements and deletes the database. A failed scenario keeps it for debugging.
    pub async fn end(&self) {
        if let Self::Postgres { server, name } = self {
            block_in_place(plans::assert_no_scans);
            run(server, format!("DROP DATABASE {name} WITH (FORCE)")).await;
        }
    }

    /// The whole content as a thief would see it: the bytes of the files, or every row as text.
    pub async fn stolen(&self) -> String {
        match self {
            Self::Sqlite(folder) => {
                let paths: Vec<PathBuf> = folder
                    .path()
                    .read_dir()
                    .unwrap()
                    .map(|entry| entry.unwrap().path())
                    .collect();
                assert!(paths.iter().any(|path| path.ends_with("rekey.db-wal")));
                let bytes = paths.iter().flat_map(|path| std::fs::read(path).unwrap());
                String::from_utf8_lossy(&bytes.collect::<Vec<_>>()).into_owned()
            }
            Self::Postgres { .. } => {
                let mut connection = PgConnection::connect(&self.url()).await.unwrap();
                let tables: Vec<String> = sqlx::query_scalar(
                    "select table_name::text from information_schema.tables where table_schema = 'public'",
                )
                .fetch_all(&mut connection)
                .await
                .unwrap();
                let mut stolen = String::new();
                for table in tables {
                    let rows: Vec<String> = sqlx::query_scalar(AssertSqlSafe(format!("select t::text from {table} t")))
                        .fetch_all(&mut connection)
                        .await
                        .unwrap();
                    stolen.push_str(&rows.concat());
                }
                stolen
            }
        }
    }
}

#[expect(clippy::disallowed_methods, reason = "tests are configured by the environment")]
pub fn server() -> String {
    std::env::var("TEST_POSTGRES").unwrap_or_else(|_| {
        panic!("Set TEST_POSTGRES to a PostgreSQL server whose role may create databases, such as postgres://rekey@127.0.0.1:5432/rekey")
    })
}

/// Reads the log of all scenarios.
fn listen() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        let log = tracing_subscriber::registry().with(plans::log()).with(secrets::log());
        tracing::subscriber::set_global_default(log).unwrap();
    });
}

async fn run(server: &str, statement: String) {
    let mut connection = PgConnection::connect(server).await.unwrap();
    sqlx::raw_sql(AssertSqlSafe(statement))
        .execute(&mut connection)
        .await
        .unwrap();
}
