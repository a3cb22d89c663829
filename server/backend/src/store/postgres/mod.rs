//! The PostgreSQL server: connections, pooler detection, and write availability.

mod options;
mod statements;
mod writable;

pub use statements::Statements;

use super::db::{PoolState, STATEMENTS};
use options::{has_parameter, options};
use sqlx::migrate::Migrator;
use sqlx::pool::PoolConnection;
use sqlx::postgres::{PgConnectOptions, PgPoolOptions};
use sqlx::{ConnectOptions, Connection, Executor, PgConnection, PgPool, Postgres, Row, Transaction};
use std::io;
use std::ops::{Deref, DerefMut};
use std::sync::Arc;
use std::time::Duration;
use tokio::time::timeout;
use writable::{Writable, is_writable, not_writable};

const CONNECTIONS: u32 = 16;

/// A PostgreSQL server.
#[derive(Clone)]
pub struct Server {
    /// The connection pool.
    pub pool: PgPool,
    options: Arc<PgConnectOptions>,
    writable: Arc<Writable>,
    /// Whether a pooler may run each transaction on another server connection, where a prepared statement is unknown or differs.
    pooled: bool,
    /// Whether prepared statements are named. sqlx never closes named statements that it does not cache.
    named: bool,
}

/// A connection to the server.
pub struct Conn {
    lent: Lent,
    /// Whether prepared statements are named.
    named: bool,
}

enum Lent {
    Transaction(Transaction<'static, Postgres>),
    /// Auto-commits each statement.
    Connection(PoolConnection<Postgres>),
}

impl Server {
    /// Connects, but sets no session parameters behind a pooler, where other programs would inherit them.
    pub(super) async fn open(url: &str) -> Result<Self, sqlx::Error> {
        let options = options(url)?;
        let pooled = is_pooled(&options).await?;
        let options = match has_parameter(url, "statement-cache-capacity") {
            false if pooled => options.statement_cache_capacity(0),
            false => options.statement_cache_capacity(STATEMENTS),
            true => options,
        };
        if pooled {
            tracing::warn!(
                "a connection pooler in transaction mode was detected: prepared statements are not used, which is slower"
            );
        }
        let writable = Arc::new(Writable::default());
        let known = writable.clone();
        let pool = PgPoolOptions::new()
            .max_connections(CONNECTIONS)
            .acquire_timeout(Duration::from_secs(10))
            .test_before_acquire(false)
            .after_connect(move |connection, _| {
                Box::pin(async move {
                    if !is_writable(connection).await? {
                        return Err(not_writable());
                    }
                    if !pooled {
                        plan_once(connection).await;
                    }
                    Ok(())
                })
            })
            .before_acquire(move |connection, about| {
                let is_stale = known.is_stale(about.age);
                Box::pin(async move { Ok(!is_stale && is_alive(connection, about.idle_for).await) })
            })
            .connect_with(options.clone())
            .await?;
        Ok(Self {
            pool,
            options: Arc::new(options),
            writable,
            pooled,
            named: !pooled && !url.contains("statement-cache-capacity=0"),
        })
    }

    pub(super) async fn begin(&self, synced: bool) -> Result<Conn, sqlx::Error> {
        let begin = if synced {
            "BEGIN"
        } else {
            "BEGIN; SET LOCAL synchronous_commit TO OFF"
        };
        Ok(Conn {
            lent: Lent::Transaction(self.begin_with(begin).await?),
            named: self.named,
        })
    }

    /// Returns an auto-commit connection, which saves the round trips of `BEGIN` and `COMMIT`. Behind a pooler, returns a
    /// transaction, so that preparation and execution run on the same server connection.
    pub(super) async fn connection(&self) -> Result<Conn, sqlx::Error> {
        if self.pooled {
            return self.begin(true).await;
        }
        self.writable.demand()?;
        Ok(Conn {
            lent: Lent::Connection(self.pool.acquire().await?),
            named: self.named,
        })
    }

    /// Runs in its own task. Attack: a request aborted during its `BEGIN` leaves a pooled connection in an endless transaction,
    /// because sqlx tracks it only after the response.
    async fn begin_with(&self, begin: &'static str) -> Result<Transaction<'static, Postgres>, sqlx::Error> {
        // Dead connections are detected only by their first statement.
        for _ in 0..CONNECTIONS {
            self.writable.demand()?;
            let pool = self.pool.clone();
            match tokio::spawn(async move { pool.begin_with(begin).await }).await {
                Ok(Err(sqlx::Error::Io(_))) => {}
                Ok(begun) => return begun,
                Err(lost) => return Err(sqlx::Error::Io(io::Error::other(lost))),
            }
        }
        self.pool.begin_with(begin).await
    }

    /// Runs migrations in one transaction, one server at a time. Behind a pooler, session locks and prepared statements
    /// would outlive it.
    pub(super) async fn migrate(&self, migrator: &Migrator) -> Result<(), sqlx::Error> {
        let mut connection = (*self.options).clone().statement_cache_capacity(0).connect().await?;
        let mut tx = connection.begin().await?;
        tx.execute("DEALLOCATE ALL; SELECT pg_advisory_xact_lock(7236511900384214)")
            .await?;
        migrator.run_direct(None, &mut *tx, false).await?;
        tx.execute("DEALLOCATE ALL").await?;
        tx.commit().await?;
        connection.close().await
    }

    /// Fails if the server does not respond or accepts no writes.
    pub(super) async fn ping(&self) -> Result<(), sqlx::Error> {
        self.writable.demand()?;
        self.pool.execute("SELECT 1").await.map(drop)
    }

    /// Polls every second whether the server accepts writes.
    pub(super) async fn watch(&self) {
        self.writable.watch(&self.options).await;
    }

    pub(super) fn pools(&self) -> Vec<PoolState> {
        vec![PoolState::of("server", &self.pool)]
    }
}

impl Conn {
    pub(super) fn statements(&mut self) -> Statements<'_> {
        Statements {
            named: self.named,
            connection: self,
        }
    }

    pub(super) async fn commit(self) -> Result<(), sqlx::Error> {
        match self.lent {
            Lent::Transaction(transaction) => transaction.commit().await,
            Lent::Connection(_) => Ok(()),
        }
    }
}

impl Deref for Conn {
    type Target = PgConnection;
    fn deref(&self) -> &PgConnection {
        match &self.lent {
            Lent::Transaction(transaction) => transaction,
            Lent::Connection(connection) => connection,
        }
    }
}

impl DerefMut for Conn {
    fn deref_mut(&mut self) -> &mut PgConnection {
        match &mut self.lent {
            Lent::Transaction(transaction) => transaction,
            Lent::Connection(connection) => connection,
        }
    }
}

/// Caches plans, because planning the session check takes three times as long as running it. A plan may predate all
/// rows, so each statement must use an index even then; a test checks the plans.
async fn plan_once(connection: &mut PgConnection) {
    let set = "SET plan_cache_mode = force_generic_plan; SET jit = off";
    if let Err(error) = connection.execute(set).await {
        // Other databases with PostgreSQL's protocol have their own planners.
        tracing::debug!(%error, "the planner settings were not accepted; the database uses its own");
    }
}

/// Whether a pooled connection is still usable. The server may have restarted since it was returned.
async fn is_alive(connection: &mut PgConnection, idle_for: Duration) -> bool {
    // No server restarts this fast, and busy connections skip the ping.
    const AT_ONCE: Duration = Duration::from_millis(100);
    idle_for < AT_ONCE || connection.ping().await.is_ok()
}

/// Detects a pooler, which may run two transactions of one connection on different server connections, because it reuses the
/// last returned one. Also detects a read-only server before requests reach it.
async fn is_pooled(options: &PgConnectOptions) -> Result<bool, sqlx::Error> {
    async fn begin(connection: &mut PgConnection) -> Result<i32, sqlx::Error> {
        connection.execute("BEGIN").await?;
        connection.fetch_one("SELECT pg_backend_pid()").await?.try_get(0)
    }
    let options = options.clone().statement_cache_capacity(0);
    let (mut one, mut other) = (options.connect().await?, options.connect().await?);
    if !is_writable(&mut one).await? {
        return Err(not_writable());
    }
    let first = begin(&mut one).await?;
    // A pooler with a single server connection blocks the second client.
    let Ok(second) = timeout(Duration::from_secs(2), begin(&mut other)).await else {
        return Ok(true);
    };
    second?;
    one.execute("COMMIT").await?;
    other.execute("COMMIT").await?;
    let again = begin(&mut one).await?;
    one.execute("COMMIT").await?;
    Ok(first != again)
}
