//! Request metrics: counts and durations by route.

use axum::http::{Method, StatusCode};
use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::{Family, MetricConstructor};
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::registry::Registry;
use std::time::Duration;

/// Bucket bounds in seconds: a page takes 1 ms, a password 10 ms and up to 2 s in the queue, and the time limit is 30 s.
const BUCKETS_S: [f64; 13] = [
    0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0,
];

/// Request metrics. Cheap to clone; clones share their counters.
#[derive(Debug, Clone)]
pub struct Requests {
    answered: Family<Answered, Counter>,
    duration_s: Family<Route, Histogram, Buckets>,
}

/// The labels of a request. Attack: made-up paths and methods fill memory with series, and paths leak into the metrics.
#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Answered {
    route: String,
    method: &'static str,
    status: &'static str,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Route {
    route: String,
}

#[derive(Debug, Clone)]
struct Buckets;

impl MetricConstructor<Histogram> for Buckets {
    fn new_metric(&self) -> Histogram {
        Histogram::new(BUCKETS_S)
    }
}

impl Default for Requests {
    fn default() -> Self {
        Self {
            answered: Family::default(),
            duration_s: Family::new_with_constructor(Buckets),
        }
    }
}

impl Requests {
    /// Registers the metrics.
    pub fn register(&self, registry: &mut Registry) {
        registry.register(
            "rekey_http_requests",
            "Requests answered, by route, method and status class",
            self.answered.clone(),
        );
        registry.register(
            "rekey_http_request_duration_seconds",
            "Time to the start of the response",
            self.duration_s.clone(),
        );
    }

    /// Counts an answered request.
    pub fn answered(&self, route: &str, method: &Method, status: StatusCode, took: Duration) {
        let labels = Answered {
            route: route.to_owned(),
            method: method_name(method),
            status: status_class(status),
        };
        self.answered.get_or_create(&labels).inc();
        let route = Route { route: labels.route };
        self.duration_s.get_or_create(&route).observe(took.as_secs_f64());
    }
}

/// Returns a method name from a fixed set.
pub(super) fn method_name(method: &Method) -> &'static str {
    match *method {
        Method::GET => "GET",
        Method::HEAD => "HEAD",
        Method::POST => "POST",
        _ => "other",
    }
}

fn status_class(status: StatusCode) -> &'static str {
    match status.as_u16() / 100 {
        1 => "1xx",
        2 => "2xx",
        3 => "3xx",
        4 => "4xx",
        _ => "5xx",
    }
}
