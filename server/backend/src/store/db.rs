//! The database in use. Nothing outside `store/` knows that there are two.

use super::conn::{Conn, ReadConn, WriteConn, WriteTx};
use super::measured::Measured;
use super::{postgres, sqlite};
use crate::Fault;
use sqlx::migrate::Migrator;
use sqlx::{Database, Pool, Postgres, Sqlite};
use std::path::PathBuf;

/// Prepared statements that a connection caches: more than there are.
pub(super) const STATEMENTS: usize = 300;

/// A SQLite file or a PostgreSQL server.
#[derive(Clone)]
pub struct Db {
    /// Which of the two.
    pub engine: Engine,
    measured: Measured,
}

/// One of the two databases.
#[derive(Clone)]
pub enum Engine {
    /// A file.
    Sqlite(sqlite::File),
    /// A server.
    Postgres(postgres::Server),
}

/// The connections of a pool at one moment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PoolState {
    /// `writer` and `readers` of a file, or `server`.
    pub pool: &'static str,
    /// Connections in use.
    pub in_use: usize,
    /// Connections that are free.
    pub idle: usize,
    /// As many as there may be.
    pub most: u32,
}

impl Db {
    /// Opens the database, `sqlite://data/rekey.db` (created where there is none) or `postgres://…`. Does not migrate.
    ///
    /// # Errors
    /// When it cannot be reached.
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

    /// The file of a `sqlite://` address; `None` for a server's, and for what is no address.
    #[must_use]
    pub fn file(url: &str) -> Option<PathBuf> {
        sqlite::File::path(url)
    }

    /// Brings the tables up to date, under a lock, so that several servers may start at once. Tables of the next release are
    /// used as they are: it only adds to them, and an operator can go back to this one.
    ///
    /// # Errors
    /// When a migration fails.
    pub async fn migrate(&self) -> Result<(), Fault> {
        let mut migrator = sqlx::migrate!();
        migrator.set_ignore_missing(true);
        self.run(&migrator).await
    }

    /// The same for tables of this release or an earlier one only: a backup of a later one is refused.
    ///
    /// # Errors
    /// When a migration fails, or one of a later release was run.
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

    /// Whether it answers and, on a server, takes writes.
    ///
    /// # Errors
    /// When it does not.
    pub async fn ping(&self) -> Result<(), Fault> {
        match &self.engine {
            Engine::Sqlite(file) => file.ping().await?,
            Engine::Postgres(server) => server.ping().await?,
        }
        Ok(())
    }

    /// Asks a server every second whether it takes writes, for as long as it is polled: for a background task.
    pub async fn watch(&self) {
        match &self.engine {
            Engine::Sqlite(_) => std::future::pending().await,
            Engine::Postgres(server) => server.watch().await,
        }
    }

    /// Begins a transaction that survives a power failure once it is committed.
    ///
    /// # Errors
    /// When there is no connection.
    pub async fn begin(&self) -> Result<WriteTx, Fault> {
        self.begin_as(true).await
    }

    /// Begins a transaction that a power failure may undo until something else is synced after it: only for rows whose loss is
    /// harmless, such as a sign-in that has begun. Under load most of a write's time is the wait for the disk. In WAL mode it never
    /// damages a SQLite file, and a killed program loses nothing; a crash of a PostgreSQL server may lose the last second.
    ///
    /// # Errors
    /// When there is no connection.
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

    /// For one statement that is a transaction by itself, run by [`autocommit!`](super::conn::autocommit).
    ///
    /// # Errors
    /// When there is no connection.
    pub async fn autocommit(&self) -> Result<WriteConn, Fault> {
        let conn = self.measured(async {
            Ok(match &self.engine {
                Engine::Sqlite(file) => Conn::Sqlite(file.autocommit().await?),
                Engine::Postgres(server) => Conn::Postgres(server.connection().await?),
            })
        });
        Ok(WriteConn(conn.await?))
    }

    /// For statements that only read; on SQLite they wait for no writer.
    ///
    /// # Errors
    /// When there is no connection.
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

    /// Closes every connection, after what runs has ended.
    pub async fn close(&self) {
        match &self.engine {
            Engine::Sqlite(file) => file.close().await,
            Engine::Postgres(server) => server.pool.close().await,
        }
    }

    /// Its pools at this moment.
    #[must_use]
    pub fn pools(&self) -> Vec<PoolState> {
        match &self.engine {
            Engine::Sqlite(file) => file.pools(),
            Engine::Postgres(server) => server.pools(),
        }
    }

    /// Its metrics.
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
