//! Metrics for Prometheus, on a separate listener, so that they are not exposed on the public port.

use crate::http::Service;
use axum::Router;
use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use backend::{Clock, SystemClock};
use procfs::process::Process;
use prometheus_client::collector::Collector;
use prometheus_client::encoding::prometheus_text::{CONTENT_TYPE, encode};
use prometheus_client::encoding::{DescriptorEncoder, EncodeMetric};
use prometheus_client::metrics::counter::ConstCounter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::{ConstGauge, Gauge};
use prometheus_client::metrics::{MetricType, TypedMetric};
use prometheus_client::registry::Registry;
use std::sync::Arc;

#[derive(Clone)]
struct Scraped {
    service: Service,
    registry: Arc<Registry>,
}

/// Returns the router of the listener: `GET /metrics` in Prometheus' text format.
pub fn router(service: &Service) -> Router {
    let scraped = Scraped {
        service: service.clone(),
        registry: Arc::new(registry(service)),
    };
    Router::new().route("/metrics", get(scrape)).with_state(scraped)
}

async fn scrape(State(Scraped { service, registry }): State<Scraped>) -> Response {
    service.backend.read_gauges().await;
    let mut text = String::new();
    match encode(&mut text, &registry) {
        Ok(()) => ([(header::CONTENT_TYPE, CONTENT_TYPE)], text).into_response(),
        Err(_) => StatusCode::INTERNAL_SERVER_ERROR.into_response(),
    }
}

fn registry(service: &Service) -> Registry {
    let mut registry = Registry::default();
    let build = Family::<Vec<(&str, &str)>, Gauge>::default();
    build
        .get_or_create(&vec![("version", env!("CARGO_PKG_VERSION"))])
        .set(1);
    registry.register("rekey_build_info", "Version of the program; always 1", build);
    let started = Gauge::<i64>::default();
    started.set(SystemClock::default().now().0 / 1_000);
    registry.register(
        "process_start_time_seconds",
        "Start time, in seconds since 1970",
        started,
    );
    service.requests().register(&mut registry);
    service.backend.register_metrics(&mut registry);
    registry.register_collector(Box::new(ThisProcess));
    registry
}

/// The system's figures for this process, with the names used by Prometheus' own libraries. Unavailable figures are omitted.
#[derive(Debug)]
struct ThisProcess;

impl Collector for ThisProcess {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> Result<(), std::fmt::Error> {
        let Ok(process) = Process::myself() else { return Ok(()) };
        if let Ok(stat) = process.stat() {
            let cpu_s = (stat.utime + stat.stime) as f64 / procfs::ticks_per_second() as f64;
            let cpu = ConstCounter::new(cpu_s);
            tell(&mut encoder, "process_cpu_seconds", "CPU time used, in seconds", &cpu)?;
            let resident = ConstGauge::new(stat.rss.saturating_mul(procfs::page_size()));
            tell(
                &mut encoder,
                "process_resident_memory_bytes",
                "Resident memory, in bytes",
                &resident,
            )?;
            let threads = ConstGauge::new(stat.num_threads);
            tell(&mut encoder, "process_threads", "Threads", &threads)?;
        }
        if let Ok(open) = process.fd_count() {
            let open = ConstGauge::new(u64::try_from(open).unwrap_or(u64::MAX));
            tell(&mut encoder, "process_open_fds", "Open files and connections", &open)?;
        }
        let limit = process.limits().ok().map(|limits| limits.max_open_files.soft_limit);
        if let Some(procfs::process::LimitValue::Value(most)) = limit {
            tell(
                &mut encoder,
                "process_max_fds",
                "Maximum number of open files and connections",
                &ConstGauge::new(most),
            )?;
        }
        Ok(())
    }
}

fn tell<M: EncodeMetric + TypedMetric>(
    encoder: &mut DescriptorEncoder<'_>,
    name: &str,
    help: &str,
    metric: &M,
) -> Result<(), std::fmt::Error> {
    let kind: MetricType = M::TYPE;
    metric.encode(encoder.encode_descriptor(name, help, None, kind)?)
}
