//! Metrics of the hashing queue.

use super::Hashing;
use crate::metrics::SHORT_S;
use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::registry::Registry;
use std::time::Duration;

/// The label of a refused request.
#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Reason {
    reason: &'static str,
}

/// The queue's metrics. Clones share counters.
#[derive(Debug, Clone)]
pub(super) struct Measured {
    at_once: usize,
    slots: Gauge,
    running: Gauge,
    waiting: Gauge,
    refused: Family<Reason, Counter>,
    wait_s: Histogram,
    hash_s: Histogram,
}

impl Measured {
    pub(super) fn new(at_once: usize) -> Self {
        let refused = Family::default();
        for reason in ["queue_full", "too_slow"] {
            drop(refused.get_or_create(&Reason { reason }));
        }
        Self {
            at_once,
            slots: Gauge::default(),
            running: Gauge::default(),
            waiting: Gauge::default(),
            refused,
            wait_s: Histogram::new(SHORT_S),
            hash_s: Histogram::new(SHORT_S),
        }
    }

    pub(super) fn refused(&self, reason: &'static str) {
        self.refused.get_or_create(&Reason { reason }).inc();
    }

    pub(super) fn waited(&self, time: Duration) {
        self.wait_s.observe(time.as_secs_f64());
    }

    pub(super) fn hashed(&self, time: Duration) {
        self.hash_s.observe(time.as_secs_f64());
    }
}

impl Hashing {
    /// Registers the queue's metrics.
    pub(crate) fn register_metrics(&self, registry: &mut Registry) {
        let Measured {
            slots,
            running,
            waiting,
            refused,
            wait_s,
            hash_s,
            ..
        } = self.measured.clone();
        registry.register(
            "rekey_hashing_slots",
            "Maximum number of passwords hashed at the same time",
            slots,
        );
        registry.register("rekey_hashing_running", "Passwords being hashed", running);
        registry.register("rekey_hashing_waiting", "Passwords waiting to be hashed", waiting);
        registry.register(
            "rekey_hashing_refused",
            "Passwords rejected with 503 because the queue was full or too slow",
            refused,
        );
        registry.register(
            "rekey_hashing_wait_seconds",
            "Time a password waited to be hashed",
            wait_s,
        );
        registry.register("rekey_hashing_duration_seconds", "Time to hash a password", hash_s);
    }

    /// Updates the gauges from the queue's current state.
    pub(crate) fn read_gauges(&self) {
        let (running, waiting) = self.queue.counts();
        for (gauge, count) in [
            (&self.measured.slots, self.measured.at_once),
            (&self.measured.running, running),
            (&self.measured.waiting, waiting),
        ] {
            gauge.set(i64::try_from(count).unwrap_or(i64::MAX));
        }
    }
}
