//! The database in use. Nothing outside `store/` knows that there are two.

use super::measured::{BrowserTokens, Measured, OnFile, OnServer, Open};
use super::server::Server;
use super::{Checkpoints, InUse, Writer};
use crate::Fault;
use account::ActivityKind;
use sqlx::migrate::Migrator;
use sqlx::sqlite::{SqliteConnectOptions, SqliteJournalMode, SqlitePoolOptions, SqliteSynchronous};
use sqlx::{Connection, Database, Pool, SqlitePool};
use std::path::PathBuf;
use std::str::FromStr;
use std::sync::Arc;
use std::time::Duration;

/// Prepared statements that a connection keeps: all of the program, and the batches of [`later!`](super::later::later).
const STATEMENTS: usize = 300;

/// A SQLite file or a PostgreSQL server.
#[derive(Clone)]
pub enum Db {
    /// One file, in WAL: one writer, so that writers queue here and not in the file's lock; readers beside it.
    Sqlite {
        /// The one connection that writes.
        writer: Writer,
        /// The ones that read.
        readers: SqlitePool,
        /// What moves the writer's log into the file.
        checkpoints: Arc<Checkpoints>,
        /// What is counted of it.
        measured: Measured,
        /// Keeps others from putting another file in its place.
        in_use: Arc<InUse>,
    },
    /// A server.
    Postgres {
        /// How it is reached.
        server: Server,
        /// What is counted of it.
        measured: Measured,
    },
}

/// How many connections of a pool there are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Connections {
    /// Which pool: `writer` and `readers` of a file, `server`.
    pub pool: &'static str,
    /// Those that a transaction holds.
    pub in_use: usize,
    /// Those that wait for one.
    pub idle: usize,
    /// As many as there may be.
    pub most: u32,
}

/// A transaction, rolled back unless committed; or a connection, on which each statement is whole by itself.
pub enum Tx {
    /// On the file.
    Sqlite(Open<OnFile>),
    /// On the server.
    Postgres(Open<OnServer>),
}

impl Db {
    /// Opens (SQLite: makes) the database: `sqlite://data/rekey.db` or `postgres://…`. Does not migrate.
    ///
    /// # Errors
    /// When it cannot be reached.
    pub async fn open(url: &str) -> Result<Self, Fault> {
        if url.starts_with("postgres") {
            let (server, measured) = (Server::open(url).await?, Measured::default());
            return Ok(Self::Postgres { server, measured });
        }
        let options = SqliteConnectOptions::from_str(url)?
            .create_if_missing(true)
            .foreign_keys(true)
            .statement_cache_capacity(STATEMENTS)
            .journal_mode(SqliteJournalMode::Wal)
            // What a connection is at its start; the writer changes it as it needs it.
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
        Ok(Self::Sqlite {
            writer,
            readers,
            checkpoints,
            measured: Measured::default(),
            in_use,
        })
    }

    /// The file of a `sqlite://` address; `None` for a server's, and for what is no address.
    #[must_use]
    pub fn file(url: &str) -> Option<PathBuf> {
        let options = url.starts_with("sqlite:").then(|| SqliteConnectOptions::from_str(url));
        Some(options?.ok()?.get_filename().to_owned())
    }

    /// Brings the tables up to date, under a lock, so that several servers may start at once. Tables of the next release are
    /// used as they are: it adds to them only, and an operator can go back to this one.
    ///
    /// # Errors
    /// When a migration fails.
    pub async fn migrate(&self) -> Result<(), Fault> {
        let mut migrator = sqlx::migrate!();
        migrator.set_ignore_missing(true);
        self.run(&migrator).await
    }

    /// The same, for tables of this release or one before only: a copy is not taken from the future.
    ///
    /// # Errors
    /// When a migration fails, or one of another release was run.
    pub async fn migrate_strictly(&self) -> Result<(), Fault> {
        self.run(&sqlx::migrate!()).await
    }

    async fn run(&self, migrator: &Migrator) -> Result<(), Fault> {
        match self {
            Self::Sqlite { writer, .. } => {
                let migrated = migrator.run(&mut writer.hold().await?.connection).await;
                migrated.map_err(sqlx::Error::from)?;
            }
            Self::Postgres { server, .. } => server.migrate(migrator).await?,
        }
        Ok(())
    }

    /// Whether it answers and, on a server, takes writes.
    ///
    /// # Errors
    /// When it does not.
    pub async fn ping(&self) -> Result<(), Fault> {
        match self {
            Self::Sqlite { readers, .. } => sqlx::query("SELECT 1").execute(readers).await.map(drop)?,
            Self::Postgres { server, .. } => server.ready().await?,
        }
        Ok(())
    }

    /// Asks a server every second whether it takes writes, for as long as it is polled: for a background task.
    pub async fn watch(&self) {
        match self {
            Self::Sqlite { .. } => std::future::pending().await,
            Self::Postgres { server, .. } => server.watch().await,
        }
    }

    /// Begins a transaction that writes; once committed it outlives a loss of power.
    ///
    /// # Errors
    /// When no connection is to be had.
    pub async fn begin(&self) -> Result<Tx, Fault> {
        self.begin_as(true).await
    }

    /// Begins a transaction that a loss of power may take for as long as nothing else was synced after it: only for what is
    /// no loss, as a sign-in that was begun. Where many write, waiting for the disk is most of what they wait for. In WAL it never
    /// damages a SQLite file, and the end of the program takes nothing; of a PostgreSQL server's a crash may take the last second.
    ///
    /// # Errors
    /// When no connection is to be had.
    pub async fn begin_unsynced(&self) -> Result<Tx, Fault> {
        self.begin_as(false).await
    }

    async fn begin_as(&self, synced: bool) -> Result<Tx, Fault> {
        Ok(match self {
            Self::Sqlite { writer, measured, .. } => {
                let begin = async { writer.begin(synced).await.map(OnFile::Writing) };
                Tx::Sqlite(measured.open(begin).await?)
            }
            Self::Postgres { server, measured } => {
                let begin = async { server.begin(synced).await.map(BrowserTokens::Transaction) };
                Tx::Postgres(measured.open(on_server(server, begin)).await?)
            }
        })
    }

    /// For a statement that writes and is whole by itself; what follows it on the same one is not part of it. On SQLite a loss
    /// of power may take it, as in [`begin_unsynced`](Self::begin_unsynced), so it is for e-mails' fates and the like.
    ///
    /// # Errors
    /// When no connection is to be had.
    pub async fn write(&self) -> Result<Tx, Fault> {
        match self {
            Self::Sqlite { writer, measured, .. } => {
                let write = async { writer.write().await.map(OnFile::Writing) };
                Ok(Tx::Sqlite(measured.open(write).await?))
            }
            Self::Postgres { server, measured } => connected_there(server, measured).await,
        }
    }

    /// For statements that only read; they wait for no writer. Each sees what was committed before it.
    ///
    /// # Errors
    /// When no connection is to be had.
    pub async fn read(&self) -> Result<Tx, Fault> {
        match self {
            Self::Sqlite { readers, measured, .. } => {
                let read = async { readers.acquire().await.map(OnFile::Reading) };
                Ok(Tx::Sqlite(measured.open(read).await?))
            }
            Self::Postgres { server, measured } => connected_there(server, measured).await,
        }
    }

    /// Closes every connection, after what runs has ended.
    pub async fn close(&self) {
        match self {
            Self::Sqlite {
                writer,
                readers,
                checkpoints,
                in_use,
                ..
            } => {
                checkpoints.end().await;
                readers.close().await;
                writer.close().await;
                in_use.release();
            }
            Self::Postgres { server, .. } => server.pool.close().await,
        }
    }

    /// Its pools, as they are at this moment.
    #[must_use]
    pub fn connections(&self) -> Vec<Connections> {
        match self {
            Self::Sqlite { writer, readers, .. } => {
                let in_use = usize::from(writer.is_held());
                let writer = Connections {
                    pool: "writer",
                    in_use,
                    idle: 1 - in_use,
                    most: 1,
                };
                vec![writer, connections("readers", readers)]
            }
            Self::Postgres { server, .. } => vec![connections("server", &server.pool)],
        }
    }

    /// What is counted of it.
    pub(crate) const fn measured(&self) -> &Measured {
        match self {
            Self::Sqlite { measured, .. } | Self::Postgres { measured, .. } => measured,
        }
    }
}

/// Without a transaction where that is best: a `BEGIN` and a `COMMIT` are two more ways there and back.
async fn connected_there(server: &Server, measured: &Measured) -> Result<Tx, Fault> {
    let connect = async {
        if server.keeps_sessions() {
            server.connection().await.map(BrowserTokens::Connection)
        } else {
            server.begin(true).await.map(BrowserTokens::Transaction)
        }
    };
    Ok(Tx::Postgres(measured.open(on_server(server, connect)).await?))
}

async fn on_server(
    server: &Server,
    held: impl Future<Output = Result<BrowserTokens, sqlx::Error>>,
) -> Result<OnServer, sqlx::Error> {
    Ok(OnServer {
        held: held.await?,
        named: server.names_statements(),
    })
}

fn connections<D: Database>(name: &'static str, pool: &Pool<D>) -> Connections
where
    D::Connection: Connection,
{
    let idle = pool.num_idle();
    Connections {
        pool: name,
        in_use: usize::try_from(pool.size()).unwrap_or_default().saturating_sub(idle),
        idle,
        most: pool.options().get_max_connections(),
    }
}

impl Tx {
    /// Counts that it happened, once this lasts.
    pub(super) fn happened(&mut self, kind: ActivityKind) {
        match self {
            Self::Sqlite(tx) => tx.happened(kind),
            Self::Postgres(tx) => tx.happened(kind),
        }
    }

    /// Makes it last.
    ///
    /// # Errors
    /// When the database refuses; nothing of it is kept then.
    pub async fn commit(self) -> Result<(), Fault> {
        match self {
            Self::Sqlite(tx) => tx.commit().await?,
            Self::Postgres(tx) => tx.commit().await?,
        }
        Ok(())
    }
}

/// Writes one query for both databases: `on!(tx, |conn| sqlx::query("…").execute(conn).await?)`.
macro_rules! on {
    ($tx:expr, |$conn:ident| $run:expr) => {
        match $tx {
            $crate::store::Tx::Sqlite(tx) => {
                tx.catch_up().await?;
                let $conn = &mut **tx;
                $run
            }
            $crate::store::Tx::Postgres(tx) => {
                let $conn = tx.statements();
                $run
            }
        }
    };
}
pub(super) use on;
