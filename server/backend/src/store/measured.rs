//! Transactions, counted and timed for those who watch over the service.

use super::later::Later;
use super::server::Statements;
use super::writer::Writing;
use crate::metrics::{Kind, SHORT_S, TRACE};
use account::ActivityKind;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::registry::Registry;
use sqlx::pool::PoolConnection;
use sqlx::{Database, PgConnection, Postgres, Sqlite, SqliteConnection, Transaction};
use std::future::Future;
use std::ops::{Deref, DerefMut};
use tokio::time::Instant;
use tracing::Span;

/// What is counted of a database. Cheap to clone; every clone counts together.
#[derive(Debug, Clone)]
pub struct Measured {
    events: Family<Kind, Counter>,
    begin_s: Histogram,
    transaction_s: Histogram,
}

/// A transaction under way, and what will have happened when it lasts. Rolled back unless committed.
pub struct Open<H: Holds> {
    held: H,
    /// What has not run yet, on SQLite.
    pub(super) later: Later,
    events: Vec<ActivityKind>,
    began: Instant,
    measured: Measured,
    /// Ends with it.
    _span: Span,
}

/// What statements run on.
pub trait Holds {
    /// In which database.
    type In: Database;
}

impl Holds for OnFile {
    type In = Sqlite;
}

impl Holds for OnServer {
    type In = Postgres;
}

/// What statements run on, in a SQLite file.
pub enum OnFile {
    /// A transaction of several, or one that is whole by itself.
    Writing(Writing),
    /// One that only reads, whole by itself.
    Reading(PoolConnection<Sqlite>),
}

/// What statements run on, on a PostgreSQL server.
pub struct OnServer {
    pub(super) held: BrowserTokens,
    /// Whether statements stay prepared.
    pub(super) named: bool,
}

/// A connection of a server.
pub enum BrowserTokens {
    /// A transaction of several.
    Transaction(Transaction<'static, Postgres>),
    /// A connection: each statement is whole by itself.
    Connection(PoolConnection<Postgres>),
}

impl Default for Measured {
    fn default() -> Self {
        let events = Family::default();
        // Each is there from the start, so that its first time is seen as a rise.
        for kind in ActivityKind::ALL {
            drop(events.get_or_create(&Kind { kind: kind.as_str() }));
        }
        Self {
            events,
            begin_s: Histogram::new(SHORT_S),
            transaction_s: Histogram::new(SHORT_S),
        }
    }
}

impl Measured {
    /// Makes it known to those who read metrics.
    pub(crate) fn register(&self, registry: &mut Registry) {
        registry.register("rekey_events", "Account events, by kind", self.events.clone());
        registry.register(
            "rekey_database_begin_seconds",
            "Time for a transaction to get a connection and begin",
            self.begin_s.clone(),
        );
        registry.register(
            "rekey_database_transaction_seconds",
            "Duration of committed transactions, including the commit",
            self.transaction_s.clone(),
        );
    }

    /// Begins in that way.
    pub(super) async fn open<H: Holds>(
        &self,
        begin: impl Future<Output = Result<H, sqlx::Error>>,
    ) -> Result<Open<H>, sqlx::Error> {
        let span = tracing::debug_span!(target: TRACE, "transaction", "db.system.name" = H::In::NAME);
        let asked = Instant::now();
        let held = begin.await?;
        let began = Instant::now();
        self.begin_s.observe((began - asked).as_secs_f64());
        Ok(Open {
            held,
            later: Later::default(),
            events: Vec::new(),
            began,
            measured: self.clone(),
            _span: span,
        })
    }

    /// Only what lasts has happened: what is put back and done again is counted once.
    fn committed(&self, began: Instant, events: Vec<ActivityKind>) {
        self.transaction_s.observe(began.elapsed().as_secs_f64());
        for kind in events {
            self.events.get_or_create(&Kind { kind: kind.as_str() }).inc();
        }
    }
}

impl<H: Holds> Open<H> {
    pub(super) fn happened(&mut self, kind: ActivityKind) {
        self.events.push(kind);
    }
}

impl Open<OnFile> {
    /// Runs what waits, so that what comes next finds it done.
    pub(super) async fn catch_up(&mut self) -> Result<(), sqlx::Error> {
        self.later.run(self.held.deref_mut()).await
    }

    /// Makes it last.
    pub(super) async fn commit(self) -> Result<(), sqlx::Error> {
        if let OnFile::Writing(writing) = self.held {
            writing.commit(self.later).await?;
        }
        self.measured.committed(self.began, self.events);
        Ok(())
    }
}

impl Open<OnServer> {
    /// What the next statement runs on.
    pub(super) fn statements(&mut self) -> Statements<'_> {
        self.held.statements()
    }

    /// Makes it last.
    pub(super) async fn commit(self) -> Result<(), sqlx::Error> {
        if let BrowserTokens::Transaction(transaction) = self.held.held {
            transaction.commit().await?;
        }
        self.measured.committed(self.began, self.events);
        Ok(())
    }
}

impl<H: Holds + Deref> Deref for Open<H> {
    type Target = H::Target;
    fn deref(&self) -> &H::Target {
        &self.held
    }
}

impl<H: Holds + DerefMut> DerefMut for Open<H> {
    fn deref_mut(&mut self) -> &mut H::Target {
        &mut self.held
    }
}

impl Deref for OnFile {
    type Target = SqliteConnection;
    fn deref(&self) -> &SqliteConnection {
        match self {
            Self::Writing(writing) => writing.connection(),
            Self::Reading(connection) => connection,
        }
    }
}

impl DerefMut for OnFile {
    fn deref_mut(&mut self) -> &mut SqliteConnection {
        match self {
            Self::Writing(writing) => writing.connection_mut(),
            Self::Reading(connection) => connection,
        }
    }
}

impl OnServer {
    fn statements(&mut self) -> Statements<'_> {
        Statements {
            named: self.named,
            connection: self,
        }
    }
}

impl Deref for OnServer {
    type Target = PgConnection;
    fn deref(&self) -> &PgConnection {
        match &self.held {
            BrowserTokens::Transaction(transaction) => transaction,
            BrowserTokens::Connection(connection) => connection,
        }
    }
}

impl DerefMut for OnServer {
    fn deref_mut(&mut self) -> &mut PgConnection {
        match &mut self.held {
            BrowserTokens::Transaction(transaction) => transaction,
            BrowserTokens::Connection(connection) => connection,
        }
    }
}
