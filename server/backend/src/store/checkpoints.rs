//! Moves what was written from a SQLite file's log (WAL) into the file, beside those who write.

use super::Writer;
use sqlx::sqlite::SqliteConnectOptions;
use sqlx::{ConnectOptions, Connection, SqliteConnection};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::Duration;
use tokio::sync::{Mutex, Notify};
use tokio::task::AbortHandle;
use tokio::time::sleep;

/// After so many transactions it is worth it. By itself SQLite lets somebody do it who commits, after a thousand pages, of which
/// each has a dozen or two: that one waits for as long as a disk takes to write pages that are all over a large file.
const TRANSACTIONS: usize = 100;
/// Between two of them.
const PAUSE: Duration = Duration::from_millis(100);
/// With so many pages in it, the log begins anew.
const LONG: i64 = 4_000;

/// Counts transactions, and makes a checkpoint when it is time.
#[derive(Clone, Default)]
pub struct Checkpoints {
    transactions: Arc<AtomicUsize>,
    time: Arc<Notify>,
    /// What they are made on.
    connection: Arc<Mutex<Option<SqliteConnection>>>,
    task: Arc<OnceLock<AbortHandle>>,
}

impl Checkpoints {
    /// So many transactions lasted together.
    pub(super) fn count(&self, transactions: usize) {
        if self.transactions.fetch_add(transactions, Ordering::Relaxed) + transactions >= TRANSACTIONS {
            self.transactions.store(0, Ordering::Relaxed);
            self.time.notify_one();
        }
    }

    /// Makes them from now on, in the background.
    pub(super) fn begin(&self, writer: Writer, options: SqliteConnectOptions) {
        let checkpoints = self.clone();
        self.task.get_or_init(|| {
            let task = tokio::spawn(async move {
                loop {
                    checkpoints.time.notified().await;
                    if let Err(error) = checkpoints.make(&writer, &options).await {
                        // Nothing is lost by it: the log is read as well, and grows.
                        tracing::warn!(%error, "the database's log was not moved into its file");
                    }
                    sleep(PAUSE).await;
                }
            });
            task.abort_handle()
        });
    }

    /// Makes no more of them.
    pub(super) async fn end(&self) {
        if let Some(task) = self.task.get() {
            task.abort();
        }
        if let Some(connection) = self.connection.lock().await.take() {
            // What it fails to tidy up no longer matters.
            let _ = connection.close().await;
        }
    }

    async fn make(&self, writer: &Writer, options: &SqliteConnectOptions) -> Result<(), sqlx::Error> {
        let mut connection = self.connection.lock().await;
        let connection = match &mut *connection {
            Some(connection) => connection,
            none => none.insert(options.connect().await?),
        };
        if passive(connection).await? > LONG {
            // The log begins anew where all of it was moved. While nobody writes that is the little that came meanwhile.
            let _held = writer.hold().await?;
            passive(connection).await?;
        }
        Ok(())
    }
}

/// Moves what it can without waiting for anybody; gives the pages in the log.
async fn passive(connection: &mut SqliteConnection) -> Result<i64, sqlx::Error> {
    let (_busy, pages, _moved): (i64, i64, i64) = sqlx::query_as("PRAGMA wal_checkpoint(PASSIVE)")
        .fetch_one(connection)
        .await?;
    Ok(pages)
}
