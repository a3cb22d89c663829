//! The write connection, its transactions and group commit. For the reasons, see the [module documentation](super).

use super::Batch;
use super::checkpoints::Signals;
use sqlx::sqlite::SqliteConnectOptions;
use sqlx::{ConnectOptions, Connection, SqliteConnection};
use std::ops::{Deref, DerefMut};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;
use tokio::sync::{Mutex, OwnedMappedMutexGuard, OwnedMutexGuard, oneshot};
use tokio::time::timeout;

/// Maximum wait for the connection.
const PATIENCE: Duration = Duration::from_secs(10);

/// Lends the write connection to one caller at a time, in order of request.
#[derive(Clone)]
pub struct Writer {
    options: Arc<SqliteConnectOptions>,
    /// `None` after close.
    state: Arc<Mutex<Option<WriterState>>>,
    waiting: Arc<AtomicUsize>,
    signals: Signals,
}

type StateGuard = OwnedMappedMutexGuard<Option<WriterState>, WriterState>;

/// The write connection and its transaction state.
pub struct WriterState {
    /// The connection.
    pub connection: SqliteConnection,
    /// Whether commits wait for the disk.
    synced: bool,
    /// Whether a transaction is open.
    in_transaction: bool,
    /// Callers waiting for the commit of their completed parts. Unless empty, the savepoint `part` is set.
    committing: Vec<oneshot::Sender<Result<(), String>>>,
    /// Whether uncommitted statements may have run since that savepoint.
    in_part: bool,
}

/// The write connection, lent to one caller in auto-commit mode or with a transaction (or a part of one), which is rolled
/// back unless committed.
pub struct WriterGuard {
    state: StateGuard,
    writer: Writer,
    batch: Batch,
}

impl Writer {
    /// Opens the file.
    pub(super) async fn open(options: SqliteConnectOptions) -> Result<Self, sqlx::Error> {
        let options = options
            // A savepoint's journal is a few pages, not worth a file.
            .pragma("temp_store", "MEMORY")
            // A fallback for a failed checkpoint task.
            .pragma("wal_autocheckpoint", "20000");
        let state = WriterState::open(&options).await?;
        Ok(Self {
            options: Arc::new(options),
            state: Arc::new(Mutex::new(Some(state))),
            waiting: Arc::default(),
            signals: Signals::default(),
        })
    }

    pub(super) const fn signals(&self) -> &Signals {
        &self.signals
    }

    /// Acquires the connection without an open transaction.
    ///
    /// # Errors
    /// If it is closed or the wait times out.
    pub async fn acquire(&self) -> Result<StateGuard, sqlx::Error> {
        let mut state = self.lock().await?;
        state.finish(self).await?;
        Ok(state)
    }

    /// Begins an `IMMEDIATE` transaction. A deferred one fails at once if it upgrades while another program writes.
    pub(super) async fn begin(&self, synced: bool) -> Result<WriterGuard, sqlx::Error> {
        let mut guard = self.lend().await?;
        let state = &mut *guard.state;
        if state.can_join(synced) && state.begin_part().await.is_ok() {
            return Ok(guard);
        }
        state.finish(self).await?;
        (state.in_transaction, state.synced) = (true, synced);
        // Sent together with `BEGIN`, so that it never depends on the previous transaction.
        let begin = if synced {
            "PRAGMA synchronous = FULL; BEGIN IMMEDIATE"
        } else {
            "PRAGMA synchronous = NORMAL; BEGIN IMMEDIATE"
        };
        sqlx::raw_sql(begin).execute(&mut state.connection).await?;
        Ok(guard)
    }

    /// Acquires the connection for one auto-committed statement, unsynced unless it joins a synced transaction.
    pub(super) async fn autocommit(&self) -> Result<WriterGuard, sqlx::Error> {
        let mut guard = self.lend().await?;
        let state = &mut *guard.state;
        if state.can_join(false) && state.begin_part().await.is_ok() {
            return Ok(guard);
        }
        state.finish(self).await?;
        if state.synced {
            let pragma = sqlx::raw_sql("PRAGMA synchronous = NORMAL");
            pragma.execute(&mut state.connection).await?;
            state.synced = false;
        }
        Ok(guard)
    }

    /// Waits for running statements, then closes the connection.
    pub(super) async fn close(&self) {
        let mut state = self.state.lock().await;
        // Cleanup errors are harmless at shutdown.
        if let Some(state) = state.as_mut() {
            let _ = state.finish(self).await;
        }
        if let Some(state) = state.take() {
            let _ = state.connection.close().await;
        }
    }

    pub(super) fn is_lent(&self) -> bool {
        self.state.try_lock().is_err()
    }

    async fn lend(&self) -> Result<WriterGuard, sqlx::Error> {
        /// Counts a waiting caller until dropped, even if the request is aborted.
        struct Waits<'a>(&'a AtomicUsize);
        impl Drop for Waits<'_> {
            fn drop(&mut self) {
                self.0.fetch_sub(1, Ordering::Relaxed);
            }
        }
        self.waiting.fetch_add(1, Ordering::Relaxed);
        let waits = Waits(&self.waiting);
        let state = self.lock().await?;
        drop(waits);
        Ok(WriterGuard {
            state,
            writer: self.clone(),
            batch: Batch::default(),
        })
    }

    async fn lock(&self) -> Result<StateGuard, sqlx::Error> {
        let state = timeout(PATIENCE, self.state.clone().lock_owned()).await;
        let state = state.map_err(|_| sqlx::Error::PoolTimedOut)?;
        let state = OwnedMutexGuard::try_map(state, Option::as_mut);
        state.map_err(|_| sqlx::Error::PoolClosed)
    }

    /// Ends the open transaction after the waiting callers. A separate task, so that an aborted request cannot abort
    /// the commits of others.
    fn finish_later(&self) {
        if let Ok(runtime) = tokio::runtime::Handle::try_current() {
            let writer = self.clone();
            runtime.spawn(async move {
                if let Some(state) = writer.state.lock().await.as_mut()
                    && let Err(error) = state.finish(&writer).await
                {
                    tracing::error!(%error, "the database file cannot be opened");
                }
            });
        }
    }
}

impl WriterState {
    async fn open(options: &SqliteConnectOptions) -> Result<Self, sqlx::Error> {
        Ok(Self {
            connection: options.connect().await?,
            // Matches the connection options.
            synced: true,
            in_transaction: false,
            committing: Vec::new(),
            in_part: false,
        })
    }

    const fn can_join(&self, synced: bool) -> bool {
        self.in_transaction && !self.committing.is_empty() && (self.synced || !synced)
    }

    /// Begins a part, after rolling back an abandoned one.
    async fn begin_part(&mut self) -> Result<(), sqlx::Error> {
        if self.in_part {
            let back = sqlx::raw_sql("ROLLBACK TO part");
            back.execute(&mut self.connection).await?;
        }
        self.in_part = true;
        Ok(())
    }

    /// Ends the open transaction: commits completed parts, notifies their callers, and rolls back the rest.
    async fn finish(&mut self, writer: &Writer) -> Result<(), sqlx::Error> {
        if !self.in_transaction {
            return Ok(());
        }
        if !self.committing.is_empty() {
            let commit = if self.in_part {
                "ROLLBACK TO part; COMMIT"
            } else {
                "COMMIT"
            };
            match sqlx::raw_sql(commit).execute(&mut self.connection).await {
                Ok(_) => {
                    writer.signals.count(self.committing.len());
                    self.ended();
                    return Ok(());
                }
                // On a full or failing disk, SQLite itself rolls back: all parts fail.
                Err(error) => self.notify(&Err(error.to_string())),
            }
        }
        match sqlx::raw_sql("ROLLBACK").execute(&mut self.connection).await {
            // A SQLite error means that the transaction was already closed.
            Ok(_) | Err(sqlx::Error::Database(_)) => self.ended(),
            Err(_) => *self = Self::open(&writer.options).await?,
        }
        Ok(())
    }

    /// Records that the transaction has ended and that its commits are durable.
    fn ended(&mut self) {
        (self.in_transaction, self.in_part) = (false, false);
        self.notify(&Ok(()));
    }

    fn notify(&mut self, outcome: &Result<(), String>) {
        for caller in self.committing.drain(..) {
            // The request may have been aborted.
            let _ = caller.send(outcome.clone());
        }
    }
}

impl WriterGuard {
    /// Returns the batch for another statement, after running it if it is full.
    pub(super) async fn batch(&mut self, statement: &'static str) -> Result<&mut Batch, sqlx::Error> {
        if self.batch.is_full() {
            self.run_batch().await?;
        }
        self.batch.push(statement)?;
        Ok(&mut self.batch)
    }

    /// Runs the batched statements.
    pub(super) async fn run_batch(&mut self) -> Result<(), sqlx::Error> {
        self.batch.run(&mut self.state.connection).await
    }

    /// Makes the transaction or part durable, including the batched statements.
    pub(super) async fn commit(mut self) -> Result<(), sqlx::Error> {
        let state = &mut *self.state;
        if !state.in_transaction {
            self.writer.signals.count(1);
            return self.batch.run(&mut state.connection).await;
        }
        let is_first = state.committing.is_empty();
        if is_first && !(state.synced && self.writer.waiting.load(Ordering::Relaxed) > 0) {
            self.batch.push("COMMIT")?;
            self.batch.run(&mut state.connection).await?;
            state.ended();
            self.writer.signals.count(1);
            return Ok(());
        }
        // Attack: a request aborted between two statements here takes others' completed parts with it. So this runs in
        // its own task.
        let (caller, outcome) = oneshot::channel();
        tokio::spawn(self.leave_open(caller)).await.map_err(lost)??;
        outcome.await.map_err(lost)?.map_err(lost)
    }

    /// Leaves the transaction open for waiting callers.
    async fn leave_open(mut self, caller: oneshot::Sender<Result<(), String>>) -> Result<(), sqlx::Error> {
        let state = &mut *self.state;
        let is_first = state.committing.is_empty();
        if !is_first {
            self.batch.push("RELEASE part")?;
        }
        self.batch.push("SAVEPOINT part")?;
        self.batch.run(&mut state.connection).await?;
        state.in_part = false;
        state.committing.push(caller);
        if is_first {
            self.writer.finish_later();
        }
        Ok(())
    }
}

/// Returns the error for a failed commit, or for a commit task that ended without a result.
fn lost(reason: impl std::fmt::Display) -> sqlx::Error {
    sqlx::Error::Io(std::io::Error::other(reason.to_string()))
}

impl Deref for WriterGuard {
    type Target = SqliteConnection;
    fn deref(&self) -> &SqliteConnection {
        &self.state.connection
    }
}

impl DerefMut for WriterGuard {
    fn deref_mut(&mut self) -> &mut SqliteConnection {
        &mut self.state.connection
    }
}

impl Drop for WriterGuard {
    /// The next caller rolls back after a refusal, fault or aborted request. Without a next caller, a task does: an open
    /// transaction blocks writes by other programs.
    fn drop(&mut self) {
        if self.state.in_transaction && self.state.committing.is_empty() {
            self.writer.finish_later();
        }
    }
}
