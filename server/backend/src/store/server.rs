//! A PostgreSQL server: how it is reached, whether a pooler is in between, and whether it takes writes.

use futures::future::BoxFuture;
use futures::stream::BoxStream;
use sqlx::error::BoxDynError;
use sqlx::postgres::{PgConnectOptions, PgPoolOptions, PgQueryResult, PgRow, PgSslMode, PgStatement, PgTypeInfo};
use sqlx::{
    ConnectOptions, Connection, Either, Execute, Executor, PgConnection, PgPool, Postgres, Row, SqlStr, Transaction,
};
use std::io;
use std::str::FromStr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::time::{Instant, sleep, timeout};

/// Connections to a server, at most.
pub(super) const CONNECTIONS: u32 = 16;
/// Statements that a connection keeps prepared: all of the program.
const STATEMENTS: usize = 300;
/// How often a server is asked whether it takes writes.
const WATCH: Duration = Duration::from_secs(1);
/// How long it may take to answer that.
const WATCH_ANSWER: Duration = Duration::from_secs(2);
/// After so many answers the name is looked up again: it may lead to another server.
const WATCH_CONNECTION: u32 = 5;

/// A PostgreSQL server.
#[derive(Clone)]
pub struct Server {
    /// Its connections.
    pub pool: PgPool,
    options: Arc<PgConnectOptions>,
    writes: Arc<Writes>,
    /// A pooler gives each transaction any connection of the server: a statement prepared in one is unknown, or another
    /// one, in the next.
    pooled: bool,
    /// Whether statements are prepared under names. The library never ends one that it does not keep.
    named: bool,
}

impl Server {
    /// Connects. Behind a pooler nothing is set on a session: it would stay there for other programs.
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
        let writes = Arc::new(Writes::default());
        let known = writes.clone();
        let pool = PgPoolOptions::new()
            .max_connections(CONNECTIONS)
            .acquire_timeout(Duration::from_secs(10))
            .test_before_acquire(false)
            .after_connect(move |connection, _| {
                Box::pin(async move {
                    if !takes_writes(connection).await? {
                        return Err(takes_none());
                    }
                    if !pooled {
                        plan_once(connection).await;
                    }
                    Ok(())
                })
            })
            .before_acquire(move |connection, about| {
                let is_stale = known.is_stale(about.age);
                Box::pin(async move { Ok(!is_stale && still_stands(connection, about.idle_for).await) })
            })
            .connect_with(options.clone())
            .await?;
        Ok(Self {
            pool,
            options: Arc::new(options),
            writes,
            pooled,
            named: !pooled && !url.contains("statement-cache-capacity=0"),
        })
    }

    /// A transaction, where statements of several are wanted or a pooler would not keep them together.
    pub(super) async fn begin(&self, synced: bool) -> Result<Transaction<'static, Postgres>, sqlx::Error> {
        self.begin_with(if synced {
            "BEGIN"
        } else {
            "BEGIN; SET LOCAL synchronous_commit TO OFF"
        })
        .await
    }

    /// In a task of its own. Attack: a request that is let go while its `BEGIN` is on the way leaves a connection of the pool in a
    /// transaction that nobody ends, as the library counts it only once it is answered.
    async fn begin_with(&self, begin: &'static str) -> Result<Transaction<'static, Postgres>, sqlx::Error> {
        // Where the connection does not stand any longer its first statement tells so.
        for _ in 0..CONNECTIONS {
            self.writes.demand()?;
            let pool = self.pool.clone();
            match tokio::spawn(async move { pool.begin_with(begin).await }).await {
                Ok(Err(sqlx::Error::Io(_))) => {}
                Ok(begun) => return begun,
                Err(lost) => return Err(sqlx::Error::Io(io::Error::other(lost))),
            }
        }
        self.pool.begin_with(begin).await
    }

    /// Whether each statement is best whole by itself, without a transaction around it.
    pub(super) const fn keeps_sessions(&self) -> bool {
        !self.pooled
    }

    /// Whether statements are prepared under names.
    pub(super) const fn names_statements(&self) -> bool {
        self.named
    }

    /// A connection, on which each statement is whole by itself.
    pub(super) async fn connection(&self) -> Result<sqlx::pool::PoolConnection<Postgres>, sqlx::Error> {
        self.writes.demand()?;
        self.pool.acquire().await
    }

    /// Runs the migrations in one transaction, one server at a time. Behind a pooler a lock of a session and prepared
    /// statements would outlive this.
    pub(super) async fn migrate(&self, migrator: &sqlx::migrate::Migrator) -> Result<(), sqlx::Error> {
        let mut connection = (*self.options).clone().statement_cache_capacity(0).connect().await?;
        let mut tx = connection.begin().await?;
        tx.execute("DEALLOCATE ALL; SELECT pg_advisory_xact_lock(7236511900384214)")
            .await?;
        migrator.run_direct(None, &mut *tx, false).await?;
        tx.execute("DEALLOCATE ALL").await?;
        tx.commit().await?;
        connection.close().await
    }

    /// Whether it answers and takes writes.
    pub(super) async fn ready(&self) -> Result<(), sqlx::Error> {
        self.writes.demand()?;
        self.pool.execute("SELECT 1").await.map(drop)
    }

    /// Asks every second whether the server takes writes, for as long as it is polled. After a failover the server of before
    /// may come back and take none, or the name may lead elsewhere: its connections are dropped then.
    pub(super) async fn watch(&self) {
        let (mut held, mut answers, mut seen) = (None, 0, None);
        loop {
            sleep(WATCH).await;
            let Ok(Ok((writes, server))) = timeout(WATCH_ANSWER, self.ask(&mut held)).await else {
                // Whether it answers at all is asked by who wants to know.
                held = None;
                continue;
            };
            self.writes
                .found(writes, seen.as_ref().is_some_and(|seen| *seen != server));
            seen = Some(server);
            answers += 1;
            if !writes || answers % WATCH_CONNECTION == 0 {
                held = None;
            }
        }
    }

    /// Whether the server takes writes, and which one it is.
    async fn ask(&self, held: &mut Option<PgConnection>) -> Result<(bool, String), sqlx::Error> {
        let connection = match held {
            Some(connection) => connection,
            None => held.insert(self.options.connect().await?),
        };
        let server = connection
            .fetch_one("SELECT concat(inet_server_addr(), ' ', inet_server_port(), ' ', pg_postmaster_start_time())")
            .await?;
        Ok((takes_writes(connection).await?, server.try_get(0)?))
    }
}

/// Whether the server takes writes, as it was found last.
struct Writes(Mutex<Found>);

struct Found {
    writes: bool,
    /// Connections from before that are to a server that took none, or to another one.
    stale_before: Option<Instant>,
}

impl Default for Writes {
    fn default() -> Self {
        Self(Mutex::new(Found {
            writes: true,
            stale_before: None,
        }))
    }
}

impl Writes {
    fn state(&self) -> MutexGuard<'_, Found> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn found(&self, writes: bool, is_another: bool) {
        let mut found = self.state();
        if !writes || is_another {
            found.stale_before = Some(Instant::now());
        }
        if found.writes != writes {
            found.writes = writes;
            drop(found);
            if writes {
                tracing::info!("the database accepts writes again");
            } else {
                tracing::error!(
                    "the database does not accept writes: it is a standby or read-only; after a failover, its name must point to \
                     the new primary"
                );
            }
        }
    }

    fn demand(&self) -> Result<(), sqlx::Error> {
        if self.state().writes { Ok(()) } else { Err(takes_none()) }
    }

    fn is_stale(&self, age: Duration) -> bool {
        let stale_before = self.state().stale_before;
        stale_before.is_some_and(|at| at.elapsed() <= age)
    }
}

fn takes_none() -> sqlx::Error {
    io::Error::new(
        io::ErrorKind::ReadOnlyFilesystem,
        "the database takes no writes: its name leads to a standby, or to a primary that was fenced",
    )
    .into()
}

async fn takes_writes(connection: &mut PgConnection) -> Result<bool, sqlx::Error> {
    let row = connection.fetch_one("SHOW transaction_read_only").await?;
    let read_only: String = row.try_get(0)?;
    Ok(read_only == "off")
}

/// Left to itself PostgreSQL plans a statement anew for each use, which for the check of a session takes three times what the
/// check takes. The plan is made when there may be no rows yet: the statements of requests are written so that it takes an index
/// then, too, which a test reads in their plans.
async fn plan_once(connection: &mut PgConnection) {
    let set = "SET plan_cache_mode = force_generic_plan; SET jit = off";
    if let Err(error) = connection.execute(set).await {
        // Other databases that take PostgreSQL's language plan in their own way.
        tracing::debug!(%error, "the planner settings were not accepted; the database uses its own");
    }
}

/// Whether a connection may be used again. When it was given back the pool asked it; the server may have started again since.
async fn still_stands(connection: &mut PgConnection, idle_for: Duration) -> bool {
    // No server starts again in less, and a busy one is not asked twice for each answer.
    const AT_ONCE: Duration = Duration::from_millis(100);
    idle_for < AT_ONCE || connection.ping().await.is_ok()
}

/// Whether two transactions of one connection may find themselves on different connections of the server. A pooler hands out
/// the one that was given back last. A server that takes no writes is told of here, before anybody waits for it.
async fn is_pooled(options: &PgConnectOptions) -> Result<bool, sqlx::Error> {
    async fn begin(connection: &mut PgConnection) -> Result<i32, sqlx::Error> {
        connection.execute("BEGIN").await?;
        connection.fetch_one("SELECT pg_backend_pid()").await?.try_get(0)
    }
    let options = options.clone().statement_cache_capacity(0);
    let (mut one, mut other) = (options.connect().await?, options.connect().await?);
    if !takes_writes(&mut one).await? {
        return Err(takes_none());
    }
    let first = begin(&mut one).await?;
    // A pooler that has one connection makes the other wait.
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

fn has_parameter(url: &str, name: &str) -> bool {
    let query = url.split_once('?').map_or("", |(_, query)| query);
    query.split('&').any(|pair| pair.split('=').next() == Some(name))
}

/// The URL, and what holds where it does not say. Attack: whoever is on the way takes TLS out of the server's offer and
/// collects the password; so off this machine the server must show a certificate for its name.
fn options(url: &str) -> Result<PgConnectOptions, sqlx::Error> {
    // What it asks for is so in any case, and the library does not know it.
    let mut plain = url.to_owned();
    for asked in ["target_session_attrs=read-write", "target_session_attrs=primary"] {
        plain = plain.replace(asked, "application_name=rekey");
    }
    // There are no floating-point numbers, and poolers refuse what they do not know at the start of a connection.
    let options = PgConnectOptions::from_str(&plain)?
        .application_name("rekey")
        .extra_float_digits(None);
    let is_here = options.get_socket().is_some() || is_this_machine(options.get_host());
    if is_here {
        return Ok(options);
    }
    if !has_parameter(url, "sslmode") && !has_parameter(url, "ssl-mode") {
        return Ok(options.ssl_mode(PgSslMode::VerifyFull));
    }
    if !matches!(options.get_ssl_mode(), PgSslMode::VerifyFull) {
        tracing::warn!(
            "REKEY_DATABASE_URL has an sslmode weaker than verify-full: anyone between this server and the database can \
             read and change everything"
        );
    }
    Ok(options)
}

fn is_this_machine(host: &str) -> bool {
    host == "localhost"
        || host
            .trim_matches(['[', ']'])
            .parse::<std::net::IpAddr>()
            .is_ok_and(|ip| ip.is_loopback())
}

/// A connection on which statements are prepared under a name, or, behind a pooler, under none.
#[derive(Debug)]
pub struct Statements<'c> {
    pub(super) connection: &'c mut PgConnection,
    pub(super) named: bool,
}

impl<'c> Executor<'c> for Statements<'c> {
    type Database = Postgres;

    fn fetch_many<'e, 'q: 'e, E>(self, query: E) -> BoxStream<'e, Result<Either<PgQueryResult, PgRow>, sqlx::Error>>
    where
        'c: 'e,
        E: 'q + Execute<'q, Postgres>,
    {
        let named = self.named;
        self.connection.fetch_many(Statement { query, named })
    }

    fn fetch_optional<'e, 'q: 'e, E>(self, query: E) -> BoxFuture<'e, Result<Option<PgRow>, sqlx::Error>>
    where
        'c: 'e,
        E: 'q + Execute<'q, Postgres>,
    {
        let named = self.named;
        self.connection.fetch_optional(Statement { query, named })
    }

    fn prepare_with<'e>(
        self,
        sql: SqlStr,
        parameters: &'e [PgTypeInfo],
    ) -> BoxFuture<'e, Result<PgStatement, sqlx::Error>>
    where
        'c: 'e,
    {
        self.connection.prepare_with(sql, parameters)
    }

    fn describe<'e>(self, sql: SqlStr) -> BoxFuture<'e, Result<sqlx::Describe<Postgres>, sqlx::Error>>
    where
        'c: 'e,
    {
        self.connection.describe(sql)
    }
}

struct Statement<E> {
    query: E,
    named: bool,
}

impl<'q, E: Execute<'q, Postgres>> Execute<'q, Postgres> for Statement<E> {
    fn sql(self) -> SqlStr {
        self.query.sql()
    }

    fn statement(&self) -> Option<&PgStatement> {
        self.query.statement()
    }

    fn take_arguments(&mut self) -> Result<Option<sqlx::postgres::PgArguments>, BoxDynError> {
        self.query.take_arguments()
    }

    fn persistent(&self) -> bool {
        self.named && self.query.persistent()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn off_this_machine_the_server_shows_a_certificate_for_its_name() {
        for (url, expected) in [
            ("postgres://a:b@db.example.com/rekey", "VerifyFull"),
            ("postgres://a:b@10.0.0.5/rekey?application_name=x", "VerifyFull"),
            ("postgres://a:b@db.example.com/rekey?sslmode=require", "Require"),
            ("postgres://a:b@db.example.com/rekey?ssl-mode=disable", "Disable"),
            ("postgres://a:b@localhost/rekey", "Prefer"),
            ("postgres://a:b@127.0.0.1:5433/rekey", "Prefer"),
            ("postgres://a:b@[::1]/rekey", "Prefer"),
            ("postgres://a:b@%2Fvar%2Frun%2Fpostgresql/rekey", "Prefer"),
            ("postgres://a:b@localhost.example.com/rekey", "VerifyFull"),
            ("postgres:///rekey?host=db.example.com", "VerifyFull"),
        ] {
            let options = options(url).unwrap();
            assert_eq!(format!("{:?}", options.get_ssl_mode()), expected, "{url}");
        }
    }
}
