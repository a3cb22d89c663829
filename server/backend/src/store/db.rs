//! The configured database. Code outside `store/` doesn't depend on the engine.

use super::conn::{Conn, ReadConn, WriteConn, WriteTx};
use super::measured::Measured;
use super::{postgres, sqlite};
use crate::Fault;
use sqlx::migrate::Migrator;
use sqlx::{Database, Pool, Postgres, Sqlite};
use std::path::PathBuf;

/// Size of a connection's statement cache; larger than the number of statements.
pub(super) const STATEMENTS: usize = 300;

/// A handle to the SQLite file or PostgreSQL server.
#[derive(Clone)]
pub struct Db {
    /// The database engine.
    pub engine: Engine,
    measured: Measured,
}

/// A database engine.
#[derive(Clone)]
pub enum Engine {
    /// A SQLite file.
    Sqlite(sqlite::File),
    /// A PostgreSQL server.
    Postgres(postgres::Server),
}

/// A snapshot of a connection pool.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PoolState {
    /// `writer` and `readers` of a file, or `server`.
    pub pool: &'static str,
    /// Connections in use.
    pub in_use: usize,
    /// Idle connections.
    pub idle: usize,
    /// The pool's maximum size.
    pub most: u32,
}

impl Db {
    /// Opens `sqlite://data/rekey.db` (created if missing) or `postgres://…`, without running migrations.
    ///
    /// # Errors
    /// If the database cannot be reached.
    pub async fn open(url: &str) -> Result<Self, Fault> {
        let engine = if url.starts_with("postgres") {
            Engine::Postgres(postgres::Server::open(url).await?)
        } else {
            Engine::Sqlite(sqlite::File::open(url).await?)
        };
        Ok(Self {
            engine,
            measured: Measured::default(),
        })
    }

    /// Returns the path in a `sqlite://` URL; `None` for any other text.
    #[must_use]
    pub fn file(url: &str) -> Option<PathBuf> {
        sqlite::File::path(url)
    }

    /// Runs migrations under a lock, so that several servers may start at once. For rollbacks, accepts the schema of a
    /// later release.
    ///
    /// # Errors
    /// If a migration fails.
    pub async fn migrate(&self) -> Result<(), Fault> {
        let mut migrator = sqlx::migrate!();
        migrator.set_ignore_missing(true);
        self.run(&migrator).await
    }

    /// Runs migrations, but rejects the schema of a later release, for example in a backup.
    ///
    /// # Errors
    /// If a migration fails or the schema is from a later release.
    pub async fn migrate_strictly(&self) -> Result<(), Fault> {
        self.run(&sqlx::migrate!()).await
    }

    async fn run(&self, migrator: &Migrator) -> Result<(), Fault> {
        match &self.engine {
            Engine::Sqlite(file) => file.migrate(migrator).await?,
            Engine::Postgres(server) => server.migrate(migrator).await?,
        }
        Ok(())
    }

    /// Checks that the database responds and, on PostgreSQL, accepts writes.
    ///
    /// # Errors
    /// If either check fails.
    pub async fn ping(&self) -> Result<(), Fault> {
        match &self.engine {
            Engine::Sqlite(file) => file.ping().await?,
            Engine::Postgres(server) => server.ping().await?,
        }
        Ok(())
    }

    /// Removes what deleted rows leave in the log of a SQLite file; in the file itself they are overwritten.
    ///
    /// # Errors
    /// If the log cannot be moved into the file.
    pub async fn forget_deleted(&self) -> Result<(), Fault> {
        match &self.engine {
            Engine::Sqlite(file) => file.forget_deleted().await?,
            Engine::Postgres(_) => {}
        }
        Ok(())
    }

    /// Polls every second whether the PostgreSQL server accepts writes. Runs as a background task.
    pub async fn watch(&self) {
        match &self.engine {
            Engine::Sqlite(_) => std::future::pending().await,
            Engine::Postgres(server) => server.watch().await,
        }
    }

    /// Begins a transaction that, once committed, survives a power failure.
    ///
    /// # Errors
    /// If no connection is available.
    pub async fn begin(&self) -> Result<WriteTx, Fault> {
        self.begin_as(true).await
    }

    /// Begins a transaction that doesn't wait for the disk, for rows that may be lost. A power failure may undo it until a
    /// later sync (PostgreSQL: the last second); a killed process loses nothing.
    ///
    /// # Errors
    /// If no connection is available.
    pub async fn begin_unsynced(&self) -> Result<WriteTx, Fault> {
        self.begin_as(false).await
    }

    async fn begin_as(&self, synced: bool) -> Result<WriteTx, Fault> {
        let conn = self.measured(async {
            Ok(match &self.engine {
                Engine::Sqlite(file) => Conn::Sqlite(file.begin(synced).await?),
                Engine::Postgres(server) => Conn::Postgres(server.begin(synced).await?),
            })
        });
        Ok(WriteTx(conn.await?))
    }

    /// Returns a connection for one auto-committed statement, run by [`autocommit!`](super::conn::autocommit).
    ///
    /// # Errors
    /// If no connection is available.
    pub async fn autocommit(&self) -> Result<WriteConn, Fault> {
        let conn = self.measured(async {
            Ok(match &self.engine {
                Engine::Sqlite(file) => Conn::Sqlite(file.autocommit().await?),
                Engine::Postgres(server) => Conn::Postgres(server.connection().await?),
            })
        });
        Ok(WriteConn(conn.await?))
    }

    /// Returns a read-only connection; on SQLite, it never waits for the writer.
    ///
    /// # Errors
    /// If no connection is available.
    pub async fn read(&self) -> Result<ReadConn, Fault> {
        let conn = self.measured(async {
            Ok(match &self.engine {
                Engine::Sqlite(file) => Conn::Sqlite(file.read().await?),
                Engine::Postgres(server) => Conn::Postgres(server.connection().await?),
            })
        });
        conn.await
    }

    async fn measured(&self, begin: impl Future<Output = Result<Conn, sqlx::Error>>) -> Result<ReadConn, Fault> {
        let name = match &self.engine {
            Engine::Sqlite(_) => Sqlite::NAME,
            Engine::Postgres(_) => Postgres::NAME,
        };
        let (conn, measurement) = self.measured.measure(name, begin).await?;
        Ok(ReadConn { conn, measurement })
    }

    /// Waits for running statements, then closes all connections.
    pub async fn close(&self) {
        match &self.engine {
            Engine::Sqlite(file) => file.close().await,
            Engine::Postgres(server) => server.pool.close().await,
        }
    }

    /// Returns the current state of the connection pools.
    #[must_use]
    pub fn pools(&self) -> Vec<PoolState> {
        match &self.engine {
            Engine::Sqlite(file) => file.pools(),
            Engine::Postgres(server) => server.pools(),
        }
    }

    pub(crate) const fn metrics(&self) -> &Measured {
        &self.measured
    }
}

impl PoolState {
    pub(super) fn of<D: Database>(name: &'static str, pool: &Pool<D>) -> Self {
        let idle = pool.num_idle();
        Self {
            pool: name,
            in_use: usize::try_from(pool.size()).unwrap_or_default().saturating_sub(idle),
            idle,
            most: pool.options().get_max_connections(),
        }
    }
}
