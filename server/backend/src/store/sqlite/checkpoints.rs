//! Moves what was written from a SQLite file's log (WAL) into the file, beside those who write.

use super::Writer;
use sqlx::sqlite::SqliteConnectOptions;
use sqlx::{ConnectOptions, Connection, SqliteConnection};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio::sync::Notify;
use tokio::task::JoinHandle;
use tokio::time::timeout;

/// After so many transactions it is worth it. By itself SQLite lets somebody do it who commits, after a thousand pages, of which
/// each has a dozen or two: that one waits for as long as a disk takes to write pages that are all over a large file.
const TRANSACTIONS: usize = 300;
/// Between two of them.
const PAUSE: Duration = Duration::from_millis(100);
/// With so many pages in it, the log begins anew.
const LONG: i64 = 4_000;

/// Makes them in a task of its own, until this is dropped.
pub struct Checkpoints {
    signals: Signals,
    task: Mutex<Option<JoinHandle<()>>>,
}

/// Tells that task what there is to do. Cheap to clone; all are one.
#[derive(Clone, Default)]
pub(super) struct Signals {
    transactions: Arc<AtomicUsize>,
    time: Arc<Notify>,
    end: Arc<Notify>,
}

impl Signals {
    /// So many transactions lasted together.
    pub(super) fn count(&self, transactions: usize) {
        if self.transactions.fetch_add(transactions, Ordering::Relaxed) + transactions >= TRANSACTIONS {
            self.transactions.store(0, Ordering::Relaxed);
            self.time.notify_one();
        }
    }
}

impl Checkpoints {
    /// From now on.
    pub(super) fn begin(writer: &Writer, options: SqliteConnectOptions) -> Self {
        let signals = writer.signals().clone();
        let task = tokio::spawn(run(signals.clone(), writer.clone(), options));
        Self {
            signals,
            task: Mutex::new(Some(task)),
        }
    }

    /// No more of them; what runs has ended when this does.
    pub(super) async fn end(&self) {
        self.signals.end.notify_one();
        let task = self.task.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let Some(task) = task {
            // It ends by itself.
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
            // Nothing is lost by it: the log is read as well, and grows.
            tracing::warn!(%error, "the checkpoint of the database failed");
            connection = None;
        }
        if timeout(PAUSE, signals.end.notified()).await.is_ok() {
            break;
        }
    }
    if let Some(connection) = connection {
        // What it fails to tidy up no longer matters.
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
        // The log begins anew where all of it was transition. While nobody writes that is the little that came meanwhile.
        let _writer = writer.acquire().await?;
        passive(connection).await?;
    }
    Ok(())
}

/// Moves what it can without waiting for anybody; gives the pages in the log.
async fn passive(connection: &mut SqliteConnection) -> Result<i64, sqlx::Error> {
    let (_busy, pages, _moved): (i64, i64, i64) = sqlx::query_as("PRAGMA wal_checkpoint(PASSIVE)")
        .fetch_one(connection)
        .await?;
    Ok(pages)
}
