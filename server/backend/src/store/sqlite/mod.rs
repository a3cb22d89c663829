//! The SQLite file: one connection that writes, a few that read, and a task that makes checkpoints.
//!
//! SQLite allows one writer at a time. Left to themselves, writers poll the file's lock, each of them waits for the disk alone, and
//! one of them pays for the checkpoint. Three parts avoid that:
//!
//! - [`Writer`] owns the only connection that writes. Callers queue for it in the program, in order, and not at the file's lock.
//!   It is lent without a pool: a pool would ping the connection's thread after each use, and sqlx's own transaction does not
//!   notice that SQLite rolls back by itself on a full disk, after which nothing could be written any more.
//! - **Group commit**, in the same file. While others wait, a synced transaction is not committed on its own: the next one continues
//!   in it behind a savepoint, to which it is rolled back if it fails, and one commit makes all of them durable. No caller gets
//!   a result before that commit. The commit runs in a task of its own, so an aborted request does not take others along.
//! - [`Checkpoints`] moves the write-ahead log into the file beside the writer, instead of in a request that commits.
//!
//! Each transaction is either synced (`synchronous = FULL`: it survives a power failure once it is acknowledged) or not
//! (`NORMAL`: a power failure may lose it, a killed process does not, and the file stays consistent). A statement that is a
//! transaction by itself is not synced. Readers are connections of a pool; in WAL mode they wait for nobody.
//!
//! What this is worth, by `make bench ON=sqlite`: group commit took resets from 784 to 2,023 a second and sign-ins from 162 to 182,
//! measured together with a queue of statements that has been removed since; checkpoints beside the writer took the p99 of a
//! sign-out with full tables from 69 to 34 ms. Whoever changes this runs that benchmark. `docs/decisions/009`, `010` and `013` have
//! the alternatives; `tests/it/durability.rs` fails where something acknowledged is lost.
//!
//! [`InUse`] is a lock beside the file, for backups and restores, and [`backup`] copies and checks files.

pub mod backup;
mod checkpoints;
mod in_use;
mod writer;

use checkpoints::Checkpoints;
pub use in_use::InUse;
pub use writer::{Writer, WriterGuard, WriterState};

use super::db::{PoolState, STATEMENTS};
use crate::Fault;
use sqlx::migrate::Migrator;
use sqlx::pool::PoolConnection;
use sqlx::sqlite::{SqliteConnectOptions, SqliteJournalMode, SqlitePoolOptions, SqliteSynchronous};
use sqlx::{Sqlite, SqliteConnection, SqlitePool};
use std::ops::{Deref, DerefMut};
use std::path::PathBuf;
use std::str::FromStr;
use std::sync::Arc;
use std::time::Duration;

/// A SQLite file in WAL mode.
#[derive(Clone)]
pub struct File {
    /// The connection that writes.
    pub writer: Writer,
    /// The connections that read.
    pub readers: SqlitePool,
    checkpoints: Arc<Checkpoints>,
    in_use: Arc<InUse>,
}

/// A connection to the file.
pub enum Conn {
    /// A connection of the pool, which only reads.
    Reader(PoolConnection<Sqlite>),
    /// The connection that writes.
    Writer(WriterGuard),
}

impl File {
    /// Opens the file, which is created where there is none.
    pub(super) async fn open(url: &str) -> Result<Self, Fault> {
        let options = SqliteConnectOptions::from_str(url)?
            .create_if_missing(true)
            .foreign_keys(true)
            .statement_cache_capacity(STATEMENTS)
            .journal_mode(SqliteJournalMode::Wal)
            // At the start; the writer changes it for each transaction.
            .synchronous(SqliteSynchronous::Full)
            .busy_timeout(Duration::from_secs(10));
        let in_use = Arc::new(InUse::shared(options.get_filename())?);
        let writer = Writer::open(options.clone()).await?;
        let checkpoints = Arc::new(Checkpoints::begin(&writer, options.clone()));
        let readers = SqlitePoolOptions::new()
            .max_connections(4)
            .acquire_timeout(Duration::from_secs(10))
            .test_before_acquire(false)
            .connect_with(options.read_only(true))
            .await?;
        Ok(Self {
            writer,
            readers,
            checkpoints,
            in_use,
        })
    }

    /// The path in a `sqlite://` address; `None` for any other text.
    pub(super) fn path(url: &str) -> Option<PathBuf> {
        let options = url.starts_with("sqlite:").then(|| SqliteConnectOptions::from_str(url));
        Some(options?.ok()?.get_filename().to_owned())
    }

    pub(super) async fn migrate(&self, migrator: &Migrator) -> Result<(), sqlx::Error> {
        let mut writer = self.writer.acquire().await?;
        Ok(migrator.run(&mut writer.connection).await?)
    }

    pub(super) async fn ping(&self) -> Result<(), sqlx::Error> {
        sqlx::query("SELECT 1").execute(&self.readers).await.map(drop)
    }

    pub(super) async fn begin(&self, synced: bool) -> Result<Conn, sqlx::Error> {
        self.writer.begin(synced).await.map(Conn::Writer)
    }

    pub(super) async fn autocommit(&self) -> Result<Conn, sqlx::Error> {
        self.writer.autocommit().await.map(Conn::Writer)
    }

    pub(super) async fn read(&self) -> Result<Conn, sqlx::Error> {
        self.readers.acquire().await.map(Conn::Reader)
    }

    /// Closes every connection, after what runs has ended.
    pub(super) async fn close(&self) {
        self.checkpoints.end().await;
        self.readers.close().await;
        self.writer.close().await;
        self.in_use.release();
    }

    pub(super) fn pools(&self) -> Vec<PoolState> {
        let in_use = usize::from(self.writer.is_lent());
        let writer = PoolState {
            pool: "writer",
            in_use,
            idle: 1 - in_use,
            most: 1,
        };
        vec![writer, PoolState::of("readers", &self.readers)]
    }
}

impl Conn {
    /// Makes what was written durable. A reader has nothing to commit.
    pub(super) async fn commit(self) -> Result<(), sqlx::Error> {
        match self {
            Self::Reader(_) => Ok(()),
            Self::Writer(writer) => writer.commit().await,
        }
    }
}

impl Deref for Conn {
    type Target = SqliteConnection;
    fn deref(&self) -> &SqliteConnection {
        match self {
            Self::Reader(connection) => connection,
            Self::Writer(writer) => writer,
        }
    }
}

impl DerefMut for Conn {
    fn deref_mut(&mut self) -> &mut SqliteConnection {
        match self {
            Self::Reader(connection) => connection,
            Self::Writer(writer) => writer,
        }
    }
}
