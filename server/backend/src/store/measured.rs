//! Transaction metrics: counts and durations.

use crate::metrics::register;
use crate::metrics::{Kind, SHORT_S, TRACE};
use account::ActivityKind;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::registry::Registry;
use tokio::time::Instant;
use tracing::Span;

/// The metrics of a database. Clones share state.
#[derive(Debug, Clone)]
pub struct Measured {
    events: Family<Kind, Counter>,
    begin_s: Histogram,
    transaction_s: Histogram,
}

/// One transaction's metrics, recorded when it commits.
pub(super) struct Measurement {
    events: Vec<ActivityKind>,
    began: Instant,
    measured: Measured,
    /// Closed on drop.
    _span: Span,
}

impl Default for Measured {
    fn default() -> Self {
        let events = Family::default();
        // Series exist from the start, so that monitoring sees the first event as an increase.
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
    pub(crate) fn register(&self, registry: &mut Registry) {
        register!(registry,
            "rekey_events" "Account events, by kind" self.events;
            "rekey_database_begin_seconds" "Time for a transaction to get a connection and begin" self.begin_s;
            "rekey_database_transaction_seconds" "Duration of committed transactions, including the commit" self.transaction_s;
        );
    }

    /// Awaits and measures the start of a transaction.
    pub(super) async fn measure<C>(
        &self,
        database: &'static str,
        begin: impl Future<Output = Result<C, sqlx::Error>>,
    ) -> Result<(C, Measurement), sqlx::Error> {
        let span = tracing::debug_span!(target: TRACE, "transaction", "db.system.name" = database);
        let asked = Instant::now();
        let conn = begin.await?;
        let began = Instant::now();
        self.begin_s.observe((began - asked).as_secs_f64());
        let measurement = Measurement {
            events: Vec::new(),
            began,
            measured: self.clone(),
            _span: span,
        };
        Ok((conn, measurement))
    }
}

impl Measurement {
    pub(super) fn happened(&mut self, kind: ActivityKind) {
        self.events.push(kind);
    }

    /// Records events only at commit, so that a transaction that is rolled back and retried counts once.
    pub(super) fn committed(self) {
        self.measured.transaction_s.observe(self.began.elapsed().as_secs_f64());
        for kind in self.events {
            let kind = Kind { kind: kind.as_str() };
            self.measured.events.get_or_create(&kind).inc();
        }
    }
}
