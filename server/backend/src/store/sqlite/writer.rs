//! The connection that writes, its transactions and their group commit. [The folder's page](super) says why.

use super::checkpoints::Signals;
use sqlx::sqlite::SqliteConnectOptions;
use sqlx::{ConnectOptions, Connection, SqliteConnection};
use std::ops::{Deref, DerefMut};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;
use tokio::sync::{Mutex, OwnedMappedMutexGuard, OwnedMutexGuard, oneshot};
use tokio::time::timeout;

/// How long a caller waits for the connection at most.
const PATIENCE: Duration = Duration::from_secs(10);

/// Lends the connection that writes to one caller at a time, in the order in which they ask.
#[derive(Clone)]
pub struct Writer {
    options: Arc<SqliteConnectOptions>,
    /// `None` once closed.
    state: Arc<Mutex<Option<WriterState>>>,
    /// How many callers wait for the connection.
    waiting: Arc<AtomicUsize>,
    /// Says when a checkpoint is due.
    signals: Signals,
}

type StateGuard = OwnedMappedMutexGuard<Option<WriterState>, WriterState>;

/// The connection and the state of its transaction.
pub struct WriterState {
    /// The connection.
    pub connection: SqliteConnection,
    /// Whether a commit waits for the disk.
    synced: bool,
    /// Whether a transaction is open.
    in_transaction: bool,
    /// Callers whose part of the open transaction is complete, and who wait for its commit. Unless empty, the savepoint `part` is set.
    committing: Vec<oneshot::Sender<Result<(), String>>>,
    /// Whether statements may have run behind that savepoint whose caller has not committed.
    in_part: bool,
}

/// The connection, lent to one caller: with a transaction, or a part of one, that is rolled back unless committed; or with none, and then
/// each statement is a transaction by itself.
pub struct WriterGuard {
    state: StateGuard,
    writer: Writer,
}

impl Writer {
    /// Opens the file.
    pub(super) async fn open(options: SqliteConnectOptions) -> Result<Self, sqlx::Error> {
        let options = options
            // A savepoint's journal is a few pages: not worth a file.
            .pragma("temp_store", "MEMORY")
            // A task makes the checkpoints; this is for when it fails.
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

    /// The connection, without an open transaction.
    ///
    /// # Errors
    /// When it is closed, or lent for too long.
    pub async fn acquire(&self) -> Result<StateGuard, sqlx::Error> {
        let mut state = self.lock().await?;
        state.finish(self).await?;
        Ok(state)
    }

    /// Begins a transaction. `IMMEDIATE`: a deferred one that upgrades fails at once beside another program that writes.
    pub(super) async fn begin(&self, synced: bool) -> Result<WriterGuard, sqlx::Error> {
        let mut guard = self.lend().await?;
        let state = &mut *guard.state;
        if state.can_join(synced) && state.begin_part().await.is_ok() {
            return Ok(guard);
        }
        state.finish(self).await?;
        (state.in_transaction, state.synced) = (true, synced);
        // Set in the same call as each BEGIN, so that it never depends on the transaction before.
        let begin = if synced {
            "PRAGMA synchronous = FULL; BEGIN IMMEDIATE"
        } else {
            "PRAGMA synchronous = NORMAL; BEGIN IMMEDIATE"
        };
        sqlx::raw_sql(begin).execute(&mut state.connection).await?;
        Ok(guard)
    }

    /// For a statement that is a transaction by itself; not synced, unless it joins a synced transaction.
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

    /// Closes it, after what runs has ended.
    pub(super) async fn close(&self) {
        let mut state = self.state.lock().await;
        // A failure to clean up no longer matters.
        if let Some(state) = state.as_mut() {
            let _ = state.finish(self).await;
        }
        if let Some(state) = state.take() {
            let _ = state.connection.close().await;
        }
    }

    /// Whether a caller has the connection at this moment.
    pub(super) fn is_lent(&self) -> bool {
        self.state.try_lock().is_err()
    }

    async fn lend(&self) -> Result<WriterGuard, sqlx::Error> {
        /// Counts a waiting caller until dropped, which an aborted request does as well.
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
        })
    }

    async fn lock(&self) -> Result<StateGuard, sqlx::Error> {
        let state = timeout(PATIENCE, self.state.clone().lock_owned()).await;
        let state = state.map_err(|_| sqlx::Error::PoolTimedOut)?;
        let state = OwnedMutexGuard::try_map(state, Option::as_mut);
        state.map_err(|_| sqlx::Error::PoolClosed)
    }

    /// Queues behind the callers that wait now, however long that takes, and ends the transaction that is open then. In a task of its
    /// own: an aborted request must not abort the commit of others.
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
            // As in the options.
            synced: true,
            in_transaction: false,
            committing: Vec::new(),
            in_part: false,
        })
    }

    /// Whether the next transaction may continue in the open one.
    const fn can_join(&self, synced: bool) -> bool {
        self.in_transaction && !self.committing.is_empty() && (self.synced || !synced)
    }

    /// Begins a part, after what is left of an abandoned one is rolled back.
    async fn begin_part(&mut self) -> Result<(), sqlx::Error> {
        if self.in_part {
            let back = sqlx::raw_sql("ROLLBACK TO part");
            back.execute(&mut self.connection).await?;
        }
        self.in_part = true;
        Ok(())
    }

    /// Ends the open transaction: commits the complete parts and notifies their callers, rolls back the rest.
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
                // Where the disk is full or fails SQLite rolls back by itself: it fails for all of them.
                Err(error) => self.notify(&Err(error.to_string())),
            }
        }
        match sqlx::raw_sql("ROLLBACK").execute(&mut self.connection).await {
            // An error from SQLite means that no transaction was open any more.
            Ok(_) | Err(sqlx::Error::Database(_)) => self.ended(),
            Err(_) => *self = Self::open(&writer.options).await?,
        }
        Ok(())
    }

    /// The transaction is over; what was committed is durable.
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
    /// Makes the transaction or part durable.
    pub(super) async fn commit(mut self) -> Result<(), sqlx::Error> {
        let state = &mut *self.state;
        if !state.in_transaction {
            self.writer.signals.count(1);
            return Ok(());
        }
        let is_first = state.committing.is_empty();
        if is_first && !(state.synced && self.writer.waiting.load(Ordering::Relaxed) > 0) {
            sqlx::raw_sql("COMMIT").execute(&mut state.connection).await?;
            state.ended();
            self.writer.signals.count(1);
            return Ok(());
        }
        // Attack: a request that is aborted between two statements here takes the complete parts of others along. So it cannot be:
        // this runs on without its request.
        let (caller, outcome) = oneshot::channel();
        tokio::spawn(self.leave_open(caller)).await.map_err(lost)??;
        outcome.await.map_err(lost)?.map_err(lost)
    }

    /// Leaves the transaction open for the callers that wait.
    async fn leave_open(mut self, caller: oneshot::Sender<Result<(), String>>) -> Result<(), sqlx::Error> {
        let state = &mut *self.state;
        let is_first = state.committing.is_empty();
        let savepoint = if is_first {
            "SAVEPOINT part"
        } else {
            "RELEASE part; SAVEPOINT part"
        };
        sqlx::raw_sql(savepoint).execute(&mut state.connection).await?;
        state.in_part = false;
        state.committing.push(caller);
        if is_first {
            self.writer.finish_later();
        }
        Ok(())
    }
}

/// The commit failed, or its task ended without saying how it went.
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
    /// A refusal, a fault, or an aborted request. The next caller rolls back; in case there is none a task does, as an open transaction
    /// keeps other programs from writing.
    fn drop(&mut self) {
        if self.state.in_transaction && self.state.committing.is_empty() {
            self.writer.finish_later();
        }
    }
}
