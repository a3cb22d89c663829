//! The one connection that writes a SQLite file, and its transactions.

use super::checkpoints::Signals;
use super::later::Later;
use sqlx::sqlite::SqliteConnectOptions;
use sqlx::{ConnectOptions, Connection, SqliteConnection};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;
use tokio::sync::{Mutex, OwnedMappedMutexGuard, OwnedMutexGuard, oneshot};
use tokio::time::timeout;

/// How long one waits for the others at most.
const PATIENCE: Duration = Duration::from_secs(10);

/// Lends the connection to one at a time, in the order in which they ask. In place of a pool of one and sqlx's transaction: the
/// pool asks the connection's thread after each use whether it still stands, which is a change of threads more; and where SQLite
/// has rolled back by itself, as on a full disk, that transaction never ends and none can begin after it.
///
/// Where others wait, a synced transaction is not committed by itself: the next one goes on in it, as a part of its own that is
/// rolled back by itself, and one commit puts all on the disk (group commit). Each is told that it lasts when it does.
#[derive(Clone)]
pub struct Writer {
    options: Arc<SqliteConnectOptions>,
    /// `None` once closed.
    kept: Lock,
    /// How many wait to write.
    waiting: Arc<AtomicUsize>,
    /// Tells when it is time for a checkpoint.
    signals: Signals,
}

type Lock = Arc<Mutex<Option<Kept>>>;
type BrowserTokens = OwnedMappedMutexGuard<Option<Kept>, Kept>;

/// The connection, and how whoever had it left it.
pub struct Kept {
    /// Itself.
    pub connection: SqliteConnection,
    /// Whether it syncs what it commits.
    syncs: bool,
    /// Whether a transaction was begun that has not ended.
    begun: bool,
    /// Whoever is done with a part of that transaction, and waits until it lasts. Where there is one, the savepoint `part` is set.
    done: Vec<oneshot::Sender<Result<(), String>>>,
    /// Whether something was begun behind that savepoint and is not done.
    in_part: bool,
}

/// A transaction, or a part of one, rolled back unless committed; or a statement that is whole by itself.
pub struct Writing {
    kept: BrowserTokens,
    writer: Writer,
}

impl Writer {
    /// Opens the file.
    pub(super) async fn open(options: SqliteConnectOptions) -> Result<Self, sqlx::Error> {
        let options = options
            // What a part needs to be rolled back is a few pages: not worth a file.
            .pragma("temp_store", "MEMORY")
            // Others make the checkpoints; this is for when they fail.
            .pragma("wal_autocheckpoint", "20000");
        let kept = Kept::open(&options).await?;
        Ok(Self {
            options: Arc::new(options),
            kept: Arc::new(Mutex::new(Some(kept))),
            waiting: Arc::default(),
            signals: Signals::default(),
        })
    }

    pub(super) const fn signals(&self) -> &Signals {
        &self.signals
    }

    /// The connection, with nothing begun on it.
    ///
    /// # Errors
    /// When it is closed, or others have it for too long.
    pub async fn hold(&self) -> Result<BrowserTokens, sqlx::Error> {
        let mut kept = self.lock().await?;
        kept.settle(self).await?;
        Ok(kept)
    }

    /// Begins a transaction. `IMMEDIATE`: a deferred one that upgrades fails at once under a second writer.
    pub(super) async fn begin(&self, synced: bool) -> Result<Writing, sqlx::Error> {
        let mut writing = self.wait().await?;
        let kept = &mut *writing.kept;
        if kept.goes_on(synced) && kept.part().await.is_ok() {
            return Ok(writing);
        }
        kept.settle(self).await?;
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

    /// For a statement that is whole by itself; not synced, unless it comes along with what is.
    pub(super) async fn write(&self) -> Result<Writing, sqlx::Error> {
        let mut writing = self.wait().await?;
        let kept = &mut *writing.kept;
        if kept.goes_on(false) && kept.part().await.is_ok() {
            return Ok(writing);
        }
        kept.settle(self).await?;
        if kept.syncs {
            let pragma = sqlx::raw_sql("PRAGMA synchronous = NORMAL");
            pragma.execute(&mut kept.connection).await?;
            kept.syncs = false;
        }
        Ok(writing)
    }

    /// Closes it, after what runs has ended.
    pub(super) async fn close(&self) {
        let mut kept = self.kept.lock().await;
        // What it fails to tidy up no longer matters.
        if let Some(kept) = kept.as_mut() {
            let _ = kept.settle(self).await;
        }
        if let Some(kept) = kept.take() {
            let _ = kept.connection.close().await;
        }
    }

    /// Whether somebody has it at the moment.
    pub(super) fn is_held(&self) -> bool {
        self.kept.try_lock().is_err()
    }

    async fn wait(&self) -> Result<Writing, sqlx::Error> {
        /// Counted for as long as it is there, also of a request that nobody waits for any more.
        struct Waits<'a>(&'a AtomicUsize);
        impl Drop for Waits<'_> {
            fn drop(&mut self) {
                self.0.fetch_sub(1, Ordering::Relaxed);
            }
        }
        self.waiting.fetch_add(1, Ordering::Relaxed);
        let waits = Waits(&self.waiting);
        let kept = self.lock().await?;
        drop(waits);
        let writer = self.clone();
        Ok(Writing { kept, writer })
    }

    async fn lock(&self) -> Result<BrowserTokens, sqlx::Error> {
        let kept = timeout(PATIENCE, self.kept.clone().lock_owned()).await;
        let kept = kept.map_err(|_| sqlx::Error::PoolTimedOut)?;
        let kept = OwnedMutexGuard::try_map(kept, Option::as_mut);
        kept.map_err(|_| sqlx::Error::PoolClosed)
    }

    /// Takes a turn after those who wait now, however long that is, and ends what is open by then. In a task of its own: a commit
    /// for many is not let go with one request.
    fn settle_later(&self) {
        if let Ok(runtime) = tokio::runtime::Handle::try_current() {
            let writer = self.clone();
            runtime.spawn(async move {
                if let Some(kept) = writer.kept.lock().await.as_mut()
                    && let Err(error) = kept.settle(&writer).await
                {
                    tracing::error!(%error, "the database file cannot be opened");
                }
            });
        }
    }
}

impl Kept {
    async fn open(options: &SqliteConnectOptions) -> Result<Self, sqlx::Error> {
        Ok(Self {
            connection: options.connect().await?,
            // As the options say.
            syncs: true,
            begun: false,
            done: Vec::new(),
            in_part: false,
        })
    }

    /// Whether what was begun is left open for the next one, who may ask that it is synced.
    const fn goes_on(&self, synced: bool) -> bool {
        self.begun && !self.done.is_empty() && (self.syncs || !synced)
    }

    /// Begins a part, where nothing of another one is left.
    async fn part(&mut self) -> Result<(), sqlx::Error> {
        if self.in_part {
            let back = sqlx::raw_sql("ROLLBACK TO part");
            back.execute(&mut self.connection).await?;
        }
        self.in_part = true;
        Ok(())
    }

    /// Ends what is open: those who are done are kept and told, what is not done is rolled back.
    async fn settle(&mut self, writer: &Writer) -> Result<(), sqlx::Error> {
        if !self.begun {
            return Ok(());
        }
        if !self.done.is_empty() {
            let commit = if self.in_part {
                "ROLLBACK TO part; COMMIT"
            } else {
                "COMMIT"
            };
            match sqlx::raw_sql(commit).execute(&mut self.connection).await {
                Ok(_) => {
                    writer.signals.count(self.done.len());
                    self.ended();
                    return Ok(());
                }
                // SQLite rolls back by itself where the disk is full or fails: then it fails for all.
                Err(error) => self.tell(&Err(error.to_string())),
            }
        }
        match sqlx::raw_sql("ROLLBACK").execute(&mut self.connection).await {
            // An error of SQLite's says that nothing was begun any more.
            Ok(_) | Err(sqlx::Error::Database(_)) => self.ended(),
            Err(_) => *self = Self::open(&writer.options).await?,
        }
        Ok(())
    }

    /// Nothing is begun any more; what was done lasts.
    fn ended(&mut self) {
        (self.begun, self.in_part) = (false, false);
        self.tell(&Ok(()));
    }

    fn tell(&mut self, lasts: &Result<(), String>) {
        for done in self.done.drain(..) {
            // It may be a request that nobody waits for any more.
            let _ = done.send(lasts.clone());
        }
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
        let kept = &mut *self.kept;
        if !kept.begun {
            self.writer.signals.count(1);
            return later.run(&mut kept.connection).await;
        }
        let first = kept.done.is_empty();
        if first && !(kept.syncs && self.writer.waiting.load(Ordering::Relaxed) > 0) {
            later.push("COMMIT")?;
            later.run(&mut kept.connection).await?;
            kept.ended();
            self.writer.signals.count(1);
            return Ok(());
        }
        // Attack: a request that is let go between two statements here, and takes along those who are done. So it is not: it goes
        // on without whoever asked.
        let (done, lasts) = oneshot::channel();
        tokio::spawn(self.leave(later, done)).await.map_err(lost)??;
        lasts.await.map_err(lost)?.map_err(lost)
    }

    /// Leaves the transaction open for those who wait.
    async fn leave(mut self, mut later: Later, done: oneshot::Sender<Result<(), String>>) -> Result<(), sqlx::Error> {
        let kept = &mut *self.kept;
        let first = kept.done.is_empty();
        if !first {
            later.push("RELEASE part")?;
        }
        later.push("SAVEPOINT part")?;
        later.run(&mut kept.connection).await?;
        kept.in_part = false;
        kept.done.push(done);
        if first {
            self.writer.settle_later();
        }
        Ok(())
    }
}

/// Whoever should have told how it ended did not, or told that it did not last.
fn lost(told: impl std::fmt::Display) -> sqlx::Error {
    sqlx::Error::Io(std::io::Error::other(told.to_string()))
}

impl Drop for Writing {
    /// A refusal, a fault, or a request that nobody waits for any more. Whoever has the connection next rolls back; where nobody
    /// does, that is the one below, as an open transaction keeps other programs from writing.
    fn drop(&mut self) {
        if self.kept.begun && self.kept.done.is_empty() {
            self.writer.settle_later();
        }
    }
}
