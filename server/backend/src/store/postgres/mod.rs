//! A PostgreSQL server: its connections, behind a pooler or not, and whether it takes writes.

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

/// Connections to a server, at most.
const CONNECTIONS: u32 = 16;

/// A PostgreSQL server.
#[derive(Clone)]
pub struct Server {
    /// Its connections.
    pub pool: PgPool,
    options: Arc<PgConnectOptions>,
    writable: Arc<Writable>,
    /// A pooler gives each transaction any connection of the server: a statement prepared in one is unknown in the next, or is
    /// another one there.
    pooled: bool,
    /// Whether statements are prepared under names. sqlx never closes a named one that it does not cache.
    named: bool,
}

/// A connection to the server.
pub struct Conn {
    lent: Lent,
    /// Whether statements are prepared under names.
    named: bool,
}

enum Lent {
    Transaction(Transaction<'static, Postgres>),
    /// Each statement is a transaction by itself.
    Connection(PoolConnection<Postgres>),
}

impl Server {
    /// Connects. Behind a pooler nothing is set on a session: other programs would get it.
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

    /// Begins a transaction.
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

    /// A connection on which each statement is a transaction by itself: `BEGIN` and `COMMIT` are two more round trips. Behind a
    /// pooler it is a transaction, as the pooler would not keep the preparation and the execution of a statement together.
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

    /// In a task of its own. Attack: a request that is aborted while its `BEGIN` is on the way leaves a connection of the pool in a
    /// transaction that never ends, as sqlx counts it only once it is answered.
    async fn begin_with(&self, begin: &'static str) -> Result<Transaction<'static, Postgres>, sqlx::Error> {
        // A connection that is dead shows it at its first statement.
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

    /// Runs the migrations in one transaction, one server at a time. Behind a pooler a session's lock and prepared statements
    /// would outlive this.
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

    /// Fails where the server does not answer or takes no writes.
    pub(super) async fn ping(&self) -> Result<(), sqlx::Error> {
        self.writable.demand()?;
        self.pool.execute("SELECT 1").await.map(drop)
    }

    /// Asks every second whether the server takes writes, for as long as it is polled.
    pub(super) async fn watch(&self) {
        self.writable.watch(&self.options).await;
    }

    pub(super) fn pools(&self) -> Vec<PoolState> {
        vec![PoolState::of("server", &self.pool)]
    }
}

impl Conn {
    /// For the next statement.
    pub(super) fn statements(&mut self) -> Statements<'_> {
        Statements {
            named: self.named,
            connection: self,
        }
    }

    /// Commits the transaction, if it is one.
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

/// By default PostgreSQL plans a statement anew for each use, which takes the session check three times as long as the check itself;
/// a plan is kept, perhaps one made before there are rows. So each statement is written to be cheapest by an index then, too, which a
/// test reads in the plans.
async fn plan_once(connection: &mut PgConnection) {
    let set = "SET plan_cache_mode = force_generic_plan; SET jit = off";
    if let Err(error) = connection.execute(set).await {
        // Other databases that speak PostgreSQL's protocol have planners of their own.
        tracing::debug!(%error, "the planner settings were not accepted; the database uses its own");
    }
}

/// Whether a connection may be used again. The pool asked it when it was returned; the server may have restarted since.
async fn is_alive(connection: &mut PgConnection, idle_for: Duration) -> bool {
    // No server restarts in less, and a busy one is not asked twice for each answer.
    const AT_ONCE: Duration = Duration::from_millis(100);
    idle_for < AT_ONCE || connection.ping().await.is_ok()
}

/// Whether two transactions of one connection may run on different connections of the server. A pooler gives the one that was
/// returned last. A server that takes no writes is reported here, before any request waits for it.
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
    // A pooler with one connection makes the other wait.
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
