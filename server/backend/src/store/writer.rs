//! The one connection that writes a SQLite file, and its transactions.

use super::later::Later;
use sqlx::sqlite::SqliteConnectOptions;
use sqlx::{ConnectOptions, Connection, SqliteConnection};
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::{Mutex, OwnedMappedMutexGuard, OwnedMutexGuard};
use tokio::time::timeout;

/// How long one waits for the others at most.
const PATIENCE: Duration = Duration::from_secs(10);

/// Lends the connection to one at a time, in the order in which they ask. In place of a pool of one and sqlx's transaction: the
/// pool asks the connection's thread after each use whether it still stands, which is a change of threads more; and where SQLite
/// has rolled back by itself, as on a full disk, that transaction never ends and none can begin after it.
#[derive(Clone)]
pub struct Writer {
    options: Arc<SqliteConnectOptions>,
    /// `None` once closed.
    kept: Arc<Mutex<Option<Kept>>>,
}

/// The connection, and how whoever had it left it.
pub struct Kept {
    /// Itself.
    pub connection: SqliteConnection,
    /// Whether it syncs what it commits.
    syncs: bool,
    /// Whether a transaction was begun that has not ended.
    begun: bool,
}

/// A transaction, rolled back unless committed; or a statement that is whole by itself.
pub struct Writing {
    kept: OwnedMappedMutexGuard<Option<Kept>, Kept>,
    writer: Writer,
}

impl Writer {
    /// Opens the file.
    pub(super) async fn open(options: SqliteConnectOptions) -> Result<Self, sqlx::Error> {
        let kept = Kept::open(&options).await?;
        Ok(Self {
            options: Arc::new(options),
            kept: Arc::new(Mutex::new(Some(kept))),
        })
    }

    /// The connection, with nothing begun on it.
    ///
    /// # Errors
    /// When it is closed, or others have it for too long.
    pub async fn hold(&self) -> Result<OwnedMappedMutexGuard<Option<Kept>, Kept>, sqlx::Error> {
        let kept = timeout(PATIENCE, self.kept.clone().lock_owned()).await;
        let kept = kept.map_err(|_| sqlx::Error::PoolTimedOut)?;
        let kept = OwnedMutexGuard::try_map(kept, Option::as_mut);
        let mut kept = kept.map_err(|_| sqlx::Error::PoolClosed)?;
        if kept.begun {
            match sqlx::raw_sql("ROLLBACK").execute(&mut kept.connection).await {
                // An error of SQLite's says that nothing was begun any more.
                Ok(_) | Err(sqlx::Error::Database(_)) => kept.begun = false,
                Err(_) => *kept = Kept::open(&self.options).await?,
            }
        }
        Ok(kept)
    }

    /// Begins a transaction. `IMMEDIATE`: a deferred one that upgrades fails at once under a second writer.
    pub(super) async fn begin(&self, synced: bool) -> Result<Writing, sqlx::Error> {
        let mut writing = self.write_alone().await?;
        let kept = &mut *writing.kept;
        (kept.begun, kept.syncs) = (true, synced);
        // Said at each begin, where it goes along, so that what was before does not matter.
        let begin = if synced {
            "PRAGMA synchronous = FULL; BEGIN IMMEDIATE"
        } else {
            "PRAGMA synchronous = NORMAL; BEGIN IMMEDIATE"
        };
        sqlx::raw_sql(begin).execute(&mut kept.connection).await?;
        Ok(writing)
    }

    /// For a statement that is whole by itself; not synced.
    pub(super) async fn write(&self) -> Result<Writing, sqlx::Error> {
        let mut writing = self.write_alone().await?;
        let kept = &mut *writing.kept;
        if kept.syncs {
            let pragma = sqlx::raw_sql("PRAGMA synchronous = NORMAL");
            pragma.execute(&mut kept.connection).await?;
            kept.syncs = false;
        }
        Ok(writing)
    }

    /// Closes it, after what runs has ended.
    pub(super) async fn close(&self) {
        let kept = self.kept.lock().await.take();
        if let Some(kept) = kept {
            // What it failed to tidy up no longer matters.
            let _ = kept.connection.close().await;
        }
    }

    /// Whether somebody has it at the moment.
    pub(super) fn is_held(&self) -> bool {
        self.kept.try_lock().is_err()
    }

    async fn write_alone(&self) -> Result<Writing, sqlx::Error> {
        let (kept, writer) = (self.hold().await?, self.clone());
        Ok(Writing { kept, writer })
    }
}

impl Kept {
    async fn open(options: &SqliteConnectOptions) -> Result<Self, sqlx::Error> {
        Ok(Self {
            connection: options.connect().await?,
            // As the options say.
            syncs: true,
            begun: false,
        })
    }
}

impl Writing {
    /// Its connection.
    pub(super) fn connection(&self) -> &SqliteConnection {
        &self.kept.connection
    }

    /// Its connection.
    pub(super) fn connection_mut(&mut self) -> &mut SqliteConnection {
        &mut self.kept.connection
    }

    /// Makes it last, with what waits.
    pub(super) async fn commit(mut self, mut later: Later) -> Result<(), sqlx::Error> {
        if self.kept.begun {
            later.push("COMMIT")?;
        }
        later.run(&mut self.kept.connection).await?;
        self.kept.begun = false;
        Ok(())
    }
}

impl Drop for Writing {
    /// A refusal, a fault, or a request that nobody waits for any more. Whoever has the connection next rolls back; where nobody
    /// does, that is the one below, as an open transaction keeps other programs from writing.
    fn drop(&mut self) {
        if self.kept.begun
            && let Ok(runtime) = tokio::runtime::Handle::try_current()
        {
            let writer = self.writer.clone();
            runtime.spawn(async move { writer.hold().await.map(drop) });
        }
    }
}
