//! The SQLite file: one write connection, several read connections, and a checkpoint task.
//!
//! SQLite allows one writer at a time. By default, writers poll the file's lock, each waits for the disk, and one runs
//! the checkpoint.
//!
//! - [`Writer`] owns the only write connection. Callers queue for it in the process, in order, not at the file's lock. It is
//!   not pooled: a pool pings the connection's thread after each use, and sqlx's own transaction doesn't notice when SQLite
//!   rolls back by itself on a full disk, after which every write would fail.
//! - **Group commit**: while others wait, a synced transaction stays open and the next one joins it behind a savepoint, to
//!   which it is rolled back if it fails. One commit makes all of them durable, and only then do callers get a result. It
//!   runs in its own task, so that an aborted request doesn't affect the others.
//! - [`Batch`] holds statements without a needed result until the next query or commit. sqlx runs each connection on its own
//!   thread, and switching to it and back takes longer than most statements.
//! - [`Checkpoints`] copies the write-ahead log into the file in parallel with the writer, not during a request's commit.
//!
//! A transaction is either synced (`synchronous = FULL`: once acknowledged, it survives a power failure) or not (`NORMAL`: a
//! power failure may lose it, but a killed process doesn't, and the file stays consistent). Auto-committed statements are not
//! synced. Readers come from a pool; in WAL mode they never wait.
//!
//! Measured with `make bench ON=sqlite`: group commit and batches together raised resets from 784 to 2,023 a second and sign-ins from
//! 162 to 182 (without batches resets fell from 1,887 to 1,233 in November 2026); parallel checkpoints lowered the p99 of a sign-out
//! with full tables from 69 to 34 ms. Rerun that benchmark after changes. `docs/decisions/009` to `011` and `013` list the
//! alternatives; `tests/it/durability.rs` fails if acknowledged data is lost.
//!
//! [`InUse`] is a lock next to the file for backups and restores; [`backup`] copies and validates files.

pub mod backup;
mod batch;
mod checkpoints;
mod in_use;
mod writer;

pub(super) use batch::Batch;
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
    /// The write connection.
    pub writer: Writer,
    /// The read connections.
    pub readers: SqlitePool,
    checkpoints: Arc<Checkpoints>,
    in_use: Arc<InUse>,
    options: Arc<SqliteConnectOptions>,
}

/// A connection to the file.
pub enum Conn {
    /// A pooled read connection.
    Reader(PoolConnection<Sqlite>),
    /// The write connection.
    Writer(WriterGuard),
}

impl File {
    /// Opens the file, creating it if necessary.
    pub(super) async fn open(url: &str) -> Result<Self, Fault> {
        let options = SqliteConnectOptions::from_str(url)?
            .create_if_missing(true)
            .foreign_keys(true)
            .statement_cache_capacity(STATEMENTS)
            .journal_mode(SqliteJournalMode::Wal)
            // The initial value; the writer sets it for each transaction.
            .synchronous(SqliteSynchronous::Full)
            // Overwrites deleted rows. Attack: a copy of the file has them until their pages are used again.
            .pragma("secure_delete", "ON")
            .busy_timeout(Duration::from_secs(10));
        let in_use = Arc::new(InUse::shared(options.get_filename())?);
        let writer = Writer::open(options.clone()).await?;
        let checkpoints = Arc::new(Checkpoints::begin(&writer, options.clone()));
        let kept = options.clone();
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
            options: Arc::new(kept),
        })
    }

    /// Returns the path in a `sqlite://` URL; `None` for any other text.
    pub(super) fn path(url: &str) -> Option<PathBuf> {
        let options = url.starts_with("sqlite:").then(|| SqliteConnectOptions::from_str(url));
        Some(options?.ok()?.get_filename().to_owned())
    }

    pub(super) async fn migrate(&self, migrator: &Migrator) -> Result<(), sqlx::Error> {
        let mut writer = self.writer.acquire().await?;
        Ok(migrator.run(&mut writer.connection).await?)
    }

    /// Empties the log, unless readers use it all the time; it is then overwritten later.
    pub(super) async fn forget_deleted(&self) -> Result<(), sqlx::Error> {
        checkpoints::empty(&self.writer, &self.options).await
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

    /// Waits for running statements, then closes all connections.
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
    /// Runs the batched statements, so that the next statement sees their effects.
    pub(super) async fn run_batch(&mut self) -> Result<(), sqlx::Error> {
        match self {
            Self::Reader(_) => Ok(()),
            Self::Writer(writer) => writer.run_batch().await,
        }
    }

    /// Adds a statement to the batch; its arguments follow by [`Batch::bind`].
    pub(super) async fn batch(&mut self, statement: &'static str) -> Result<&mut Batch, sqlx::Error> {
        match self {
            Self::Reader(_) => Err(sqlx::Error::Protocol("a reader has no batch".into())),
            Self::Writer(writer) => writer.batch(statement).await,
        }
    }

    /// Makes writes durable. A no-op for readers.
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
