//! Copies the write-ahead log into the database file, in parallel with the writer.

use super::Writer;
use sqlx::sqlite::SqliteConnectOptions;
use sqlx::{ConnectOptions, Connection, SqliteConnection};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio::sync::Notify;
use tokio::task::JoinHandle;
use tokio::time::timeout;

/// Transactions between checkpoints. By default, SQLite checkpoints during a commit after a thousand pages (a few dozen
/// transactions), and that commit waits while pages all over a large file are written.
const TRANSACTIONS: usize = 300;
/// Pause between checkpoints.
const PAUSE: Duration = Duration::from_millis(100);
/// Number of pages above which the log restarts.
const LONG: i64 = 4_000;

/// The checkpoint task, aborted on drop.
pub struct Checkpoints {
    signals: Signals,
    task: Mutex<Option<JoinHandle<()>>>,
}

/// Signals to the checkpoint task. Clones share state.
#[derive(Clone, Default)]
pub(super) struct Signals {
    transactions: Arc<AtomicUsize>,
    time: Arc<Notify>,
    end: Arc<Notify>,
}

impl Signals {
    /// Adds the transactions of a commit.
    pub(super) fn count(&self, transactions: usize) {
        if self.transactions.fetch_add(transactions, Ordering::Relaxed) + transactions >= TRANSACTIONS {
            self.transactions.store(0, Ordering::Relaxed);
            self.time.notify_one();
        }
    }
}

impl Checkpoints {
    pub(super) fn begin(writer: &Writer, options: SqliteConnectOptions) -> Self {
        let signals = writer.signals().clone();
        let task = tokio::spawn(run(signals.clone(), writer.clone(), options));
        Self {
            signals,
            task: Mutex::new(Some(task)),
        }
    }

    /// Stops the task after the current checkpoint.
    pub(super) async fn end(&self) {
        self.signals.end.notify_one();
        let task = self.task.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let Some(task) = task {
            let _ = task.await;
        }
    }
}

impl Drop for Checkpoints {
    fn drop(&mut self) {
        if let Some(task) = self.task.get_mut().unwrap_or_else(PoisonError::into_inner) {
            task.abort();
        }
    }
}

async fn run(signals: Signals, writer: Writer, options: SqliteConnectOptions) {
    let mut connection = None;
    loop {
        tokio::select! {
            () = signals.time.notified() => {}
            () = signals.end.notified() => break,
        }
        if let Err(error) = make(&mut connection, &writer, &options).await {
            // No data is lost: SQLite also reads from the log, which keeps growing.
            tracing::warn!(%error, "the database's log was not moved into its file");
            connection = None;
        }
        if timeout(PAUSE, signals.end.notified()).await.is_ok() {
            break;
        }
    }
    if let Some(connection) = connection {
        // Cleanup errors are harmless at shutdown.
        let _ = connection.close().await;
    }
}

async fn make(
    connection: &mut Option<SqliteConnection>,
    writer: &Writer,
    options: &SqliteConnectOptions,
) -> Result<(), sqlx::Error> {
    let connection = match connection {
        Some(connection) => connection,
        none => none.insert(options.connect().await?),
    };
    if passive(connection).await? > LONG {
        // The log restarts only when fully copied. While the writer is held, only the few pages written since then are
        // left to copy.
        let _writer = writer.acquire().await?;
        passive(connection).await?;
    }
    Ok(())
}

/// Copies as much as possible without waiting for readers or the writer. Returns the number of pages in the log.
async fn passive(connection: &mut SqliteConnection) -> Result<i64, sqlx::Error> {
    let (_busy, pages, _moved): (i64, i64, i64) = sqlx::query_as("PRAGMA wal_checkpoint(PASSIVE)")
        .fetch_one(connection)
        .await?;
    Ok(pages)
}

/// Copies the whole log and shortens its file to nothing; gives up while readers use it.
pub(super) async fn empty(writer: &Writer, options: &SqliteConnectOptions) -> Result<(), sqlx::Error> {
    let mut connection = options.clone().busy_timeout(Duration::ZERO).connect().await?;
    for _ in 0..20 {
        passive(&mut connection).await?;
        let held = writer.acquire().await?;
        let (busy, _, _): (i64, i64, i64) = sqlx::query_as("PRAGMA wal_checkpoint(TRUNCATE)")
            .fetch_one(&mut connection)
            .await?;
        drop(held);
        if busy == 0 {
            break;
        }
        tokio::time::sleep(PAUSE).await;
    }
    connection.close().await
}
