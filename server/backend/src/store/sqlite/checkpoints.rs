//! Moves what was written from the write-ahead log into the file, beside the writer.

use super::Writer;
use sqlx::sqlite::SqliteConnectOptions;
use sqlx::{ConnectOptions, Connection, SqliteConnection};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio::sync::Notify;
use tokio::task::JoinHandle;
use tokio::time::timeout;

/// Transactions between two checkpoints. By default SQLite makes a committing connection do it, after a thousand pages, and a
/// transaction has a dozen or two: that commit waits while the disk writes pages all over a large file.
const TRANSACTIONS: usize = 300;
/// The pause between two.
const PAUSE: Duration = Duration::from_millis(100);
/// With more pages than these the log restarts.
const LONG: i64 = 4_000;

/// The task that makes checkpoints, until this is dropped.
pub struct Checkpoints {
    signals: Signals,
    task: Mutex<Option<JoinHandle<()>>>,
}

/// Signals to that task. Cheap to clone; all clones are one.
#[derive(Clone, Default)]
pub(super) struct Signals {
    transactions: Arc<AtomicUsize>,
    time: Arc<Notify>,
    end: Arc<Notify>,
}

impl Signals {
    /// So many transactions were committed together.
    pub(super) fn count(&self, transactions: usize) {
        if self.transactions.fetch_add(transactions, Ordering::Relaxed) + transactions >= TRANSACTIONS {
            self.transactions.store(0, Ordering::Relaxed);
            self.time.notify_one();
        }
    }
}

impl Checkpoints {
    /// Starts the task.
    pub(super) fn begin(writer: &Writer, options: SqliteConnectOptions) -> Self {
        let signals = writer.signals().clone();
        let task = tokio::spawn(run(signals.clone(), writer.clone(), options));
        Self {
            signals,
            task: Mutex::new(Some(task)),
        }
    }

    /// Stops the task, after the checkpoint that it is at.
    pub(super) async fn end(&self) {
        self.signals.end.notify_one();
        let task = self.task.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let Some(task) = task {
            // The signal ends it.
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
            // Nothing is lost: the log is read as well, and grows.
            tracing::warn!(%error, "the database's log was not moved into its file");
            connection = None;
        }
        if timeout(PAUSE, signals.end.notified()).await.is_ok() {
            break;
        }
    }
    if let Some(connection) = connection {
        // A failure to clean up no longer matters.
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
        // The log restarts once all of it was transition. While the writer is held here that is the little that came meanwhile.
        let _writer = writer.acquire().await?;
        passive(connection).await?;
    }
    Ok(())
}

/// Moves what it can without waiting for a reader or writer; gives the pages in the log.
async fn passive(connection: &mut SqliteConnection) -> Result<i64, sqlx::Error> {
    let (_busy, pages, _moved): (i64, i64, i64) = sqlx::query_as("PRAGMA wal_checkpoint(PASSIVE)")
        .fetch_one(connection)
        .await?;
    Ok(pages)
}
