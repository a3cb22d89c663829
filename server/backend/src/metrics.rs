//! The service's metrics. Labels come from fixed lists and never contain addresses or user input. Attack: a reader of the
//! metrics learns who has an account; arbitrary requests exhaust memory with new time series.

use crate::store::outbox::{self, Waiting};
use crate::{Backend, Fault};
use account::Refusal;
use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::registry::Registry;
use std::sync::atomic::AtomicU64;
use std::time::Duration;
use tokio::time::timeout;

/// Target of trace spans; excluded from the log.
pub const TRACE: &str = "rekey::trace";
/// Histogram buckets for work on this machine, in seconds: 0.5 ms to 5 s.
pub(crate) const SHORT_S: [f64; 13] = [
    0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0,
];
/// Database timeout. Prometheus itself waits 10 s.
const DATABASE_TIME: Duration = Duration::from_secs(2);
/// Maximum number of pending e-mails that are counted.
const EMAILS_COUNTED: i64 = 10_000;

/// The label for a kind.
#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
pub(crate) struct Kind {
    pub kind: &'static str,
}

/// The label for the final state of an e-mail.
#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct State {
    state: &'static str,
}

/// The label for a mail server's reply.
#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct SmtpResult {
    result: &'static str,
}

/// The labels for what a product did or got.
#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct ClientEvent {
    client: String,
    event: &'static str,
}

/// The labels for connections.
#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Pool {
    pool: &'static str,
    state: &'static str,
}

/// The metrics of the account service, one set per [`Backend`].
#[derive(Debug, Default)]
pub struct Metrics {
    refusals: Family<Kind, Counter>,
    faults: Family<Kind, Counter>,
    emails: Family<State, Counter>,
    email_attempts: Counter,
    smtp_results: Family<SmtpResult, Counter>,
    client_events: Family<ClientEvent, Counter>,
    accounts_deleted: Counter,
    emails_waiting: Gauge<f64, AtomicU64>,
    oldest_email_s: Gauge<f64, AtomicU64>,
    database_up: Gauge,
    connections: Family<Pool, Gauge>,
}

impl Metrics {
    /// Counts a refusal.
    pub fn refused(&self, refusal: &Refusal) {
        self.refusals.get_or_create(&Kind { kind: refusal.code() }).inc();
    }

    /// Counts a fault by kind: [`Fault::kind`], `panic`, `library` or `no_answer`.
    pub fn failed(&self, kind: &'static str) {
        self.faults.get_or_create(&Kind { kind }).inc();
    }

    /// Counts a delivery attempt by the mail server's reply.
    pub(crate) fn email_tried(&self, result: &'static str) {
        self.email_attempts.inc();
        self.smtp_results.get_or_create(&SmtpResult { result }).inc();
    }

    /// Counts an event of a registered client, one of [`CLIENT_EVENTS`].
    pub(crate) fn client_event(&self, client: &str, event: &'static str) {
        let client = client.to_owned();
        self.client_events.get_or_create(&ClientEvent { client, event }).inc();
    }

    /// Begins to count the events of a client.
    pub(crate) fn count_client(&self, client: &str) {
        for event in CLIENT_EVENTS {
            let client = client.to_owned();
            drop(self.client_events.get_or_create(&ClientEvent { client, event }));
        }
    }

    /// Counts a deleted account.
    pub(crate) fn account_deleted(&self) {
        self.accounts_deleted.inc();
    }

    /// Counts an e-mail in its final state: `sent` or `failed`.
    pub(crate) fn email_done(&self, state: &'static str) {
        self.emails.get_or_create(&State { state }).inc();
    }
}

/// The events of clients. `logout_failed` counts attempts, `logout_given_up` notices.
const CLIENT_EVENTS: [&str; 8] = [
    "code",
    "tokens",
    "refreshed",
    "revoked",
    "site_session",
    "logout_sent",
    "logout_failed",
    "logout_given_up",
];

/// Registers each metric with its name and help.
macro_rules! register {
    ($registry:ident, $($name:literal $help:literal $metric:expr;)*) => {
        $($registry.register($name, $help, $metric.clone());)*
    };
}
pub(crate) use register;

impl Backend {
    /// Returns the metrics of the account service.
    #[must_use]
    pub fn metrics(&self) -> &Metrics {
        &self.metrics
    }

    /// Registers all metrics of the account service.
    pub fn register_metrics(&self, registry: &mut Registry) {
        let metrics = self.metrics();
        for kind in Fault::KINDS.into_iter().chain(["panic", "library", "no_answer"]) {
            drop(metrics.faults.get_or_create(&Kind { kind }));
        }
        for client in self.clients().ids() {
            metrics.count_client(&client);
        }
        for state in ["sent", "failed"] {
            drop(metrics.emails.get_or_create(&State { state }));
        }
        for result in ["taken", "4xx", "5xx", "set_up", "timeout", "connection", "unfit"] {
            drop(metrics.smtp_results.get_or_create(&SmtpResult { result }));
        }
        register!(registry,
            "rekey_refusals" "Refusals shown to users, by kind" metrics.refusals;
            "rekey_faults" "Server faults, by kind" metrics.faults;
            "rekey_emails" "E-mails that are done: sent, or dropped as too old or permanently rejected" metrics.emails;
            "rekey_email_attempts" "Attempts to send an e-mail, including retries" metrics.email_attempts;
            "rekey_smtp_results" "Results of attempts: taken, 4xx, 5xx, set_up, timeout, connection, or unfit to be sent" metrics.smtp_results;
            "rekey_client_events" "Events of products: code, tokens, refreshed, revoked, site_session, logout_sent, logout_failed, logout_given_up" metrics.client_events;
            "rekey_accounts_deleted" "Accounts that this server has deleted" metrics.accounts_deleted;
            "rekey_emails_waiting" "Queued e-mails of all servers, counted up to 10000" metrics.emails_waiting;
            "rekey_emails_oldest_waiting_seconds" "Age of the oldest queued e-mail; 0 without one" metrics.oldest_email_s;
            "rekey_database_up" "Whether the database answered at the time of the scrape" metrics.database_up;
            "rekey_database_connections" "Connections to the database: in use, idle, and the maximum" metrics.connections;
        );
        self.parts.db.metrics().register(registry);
        self.parts.hashing.register_metrics(registry);
    }

    /// Updates the gauges for pending e-mails, connections and the hashing queue. One query, which also shows whether
    /// the database responds.
    pub async fn read_gauges(&self) {
        let metrics = self.metrics();
        self.parts.hashing.read_gauges();
        for connections in self.parts.db.pools() {
            let most = usize::try_from(connections.most).unwrap_or_default();
            for (state, count) in [
                ("in_use", connections.in_use),
                ("idle", connections.idle),
                ("max", most),
            ] {
                let pool = connections.pool;
                let gauge = metrics.connections.get_or_create_owned(&Pool { pool, state });
                gauge.set(i64::try_from(count).unwrap_or(i64::MAX));
            }
        }
        let asked = outbox::waiting(&self.parts.db, EMAILS_COUNTED);
        let waiting = match timeout(DATABASE_TIME, asked).await {
            Ok(Ok(waiting)) => Some(waiting),
            Ok(Err(_)) | Err(_) => None,
        };
        metrics.database_up.set(waiting.is_some().into());
        // Not a number if the database doesn't respond.
        let (count, age_s) = waiting.map_or((f64::NAN, f64::NAN), |waiting| self.count_and_age_s(&waiting));
        metrics.emails_waiting.set(count);
        metrics.oldest_email_s.set(age_s);
    }

    fn count_and_age_s(&self, waiting: &Waiting) -> (f64, f64) {
        let now = self.now();
        let age_ms = waiting
            .oldest_written_at
            .map_or(0, |written| (now.0 - written.0).max(0));
        (waiting.count as f64, age_ms as f64 / 1_000.0)
    }
}
