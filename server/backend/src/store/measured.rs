//! Transactions, counted and timed for those who watch over the service.

use super::later::Later;
use crate::metrics::{Kind, SHORT_S, TRACE};
use account::ActivityKind;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::registry::Registry;
use sqlx::pool::PoolConnection;
use sqlx::{Database, Sqlite, Transaction};
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
pub struct Open<D: Database> {
    held: Held<D>,
    /// What has not run yet; SQLite's only.
    pub(super) later: Later,
    events: Vec<ActivityKind>,
    began: Instant,
    measured: Measured,
    /// Ends with it.
    _span: Span,
}

/// What statements run on.
pub(super) enum Held<D: Database> {
    /// A transaction of several.
    Transaction(Transaction<'static, D>),
    /// A connection: each statement is whole by itself. On SQLite a `BEGIN` and a `COMMIT` more are two more changes of threads, on
    /// a server two more ways there and back.
    Connection(PoolConnection<D>),
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
        registry.register(
            "rekey_events",
            "What happened to accounts, by kind",
            self.events.clone(),
        );
        registry.register(
            "rekey_database_begin_seconds",
            "Time until a transaction had its connection and had begun",
            self.begin_s.clone(),
        );
        registry.register(
            "rekey_database_transaction_seconds",
            "Time from the begin to the end of the commit of transactions that were committed",
            self.transaction_s.clone(),
        );
    }

    /// Begins in that way.
    pub(super) async fn open<D: Database>(
        &self,
        begin: impl Future<Output = Result<Held<D>, sqlx::Error>>,
    ) -> Result<Open<D>, sqlx::Error> {
        let span = tracing::debug_span!(target: TRACE, "transaction", "db.system.name" = D::NAME);
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
}

impl<D: Database> Open<D> {
    pub(super) fn happened(&mut self, kind: ActivityKind) {
        self.events.push(kind);
    }

    /// Makes it last. Only then it has happened: what is put back and done again is counted once.
    pub(super) async fn commit(self) -> Result<(), sqlx::Error> {
        if let Held::Transaction(transaction) = self.held {
            transaction.commit().await?;
        }
        self.measured.transaction_s.observe(self.began.elapsed().as_secs_f64());
        for kind in self.events {
            self.measured.events.get_or_create(&Kind { kind: kind.as_str() }).inc();
        }
        Ok(())
    }
}

impl Open<Sqlite> {
    /// Runs what waits, so that what comes next finds it done.
    pub(super) async fn catch_up(&mut self) -> Result<(), sqlx::Error> {
        let connection = match &mut self.held {
            Held::Transaction(transaction) => &mut **transaction,
            Held::Connection(connection) => &mut **connection,
        };
        self.later.run(connection).await
    }
}

impl<D: Database> Deref for Open<D> {
    type Target = D::Connection;
    fn deref(&self) -> &D::Connection {
        match &self.held {
            Held::Transaction(transaction) => transaction,
            Held::Connection(connection) => connection,
        }
    }
}

impl<D: Database> DerefMut for Open<D> {
    fn deref_mut(&mut self) -> &mut D::Connection {
        match &mut self.held {
            Held::Transaction(transaction) => transaction,
            Held::Connection(connection) => connection,
        }
    }
}
