//! Traces of requests for an OpenTelemetry collector, over OTLP with protobuf on HTTP. Off by default.
//!
//! Only spans with a fixed set of names and fields are sent, never log lines or text from a request.

use crate::config::Config;
use crate::start;
use async_trait::async_trait;
use axum::http::HeaderMap;
use backend::TrustedRoots;
use opentelemetry::propagation::TextMapPropagator;
use opentelemetry::trace::TracerProvider;
use opentelemetry::{Context, KeyValue};
use opentelemetry_http::{Bytes, HeaderExtractor, HttpClient, HttpError, Request, Response};
use opentelemetry_otlp::{SpanExporter, WithExportConfig, WithHttpConfig};
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::propagation::TraceContextPropagator;
use opentelemetry_sdk::trace::{BatchConfigBuilder, BatchSpanProcessor, Sampler, SdkTracerProvider};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;
use tokio::runtime::Handle;
use tracing::{Span, Subscriber};
use tracing_opentelemetry::OpenTelemetrySpanExt;
use tracing_subscriber::Layer;
use tracing_subscriber::filter::filter_fn;
use tracing_subscriber::registry::LookupSpan;

/// The time limit for sending a batch.
const SEND_TIME: Duration = Duration::from_secs(5);
/// The time limit for the last batch on shutdown.
const LAST_TIME: Duration = Duration::from_secs(2);
/// The maximum number of queued spans; more are dropped, which limits the memory cost of an unreachable collector.
const QUEUE: usize = 4_096;

/// Sends spans in the background, one batch every few seconds.
pub struct Traces(SdkTracerProvider);

impl Traces {
    /// Starts the export if the configuration names a collector. Requires a Tokio runtime.
    ///
    /// # Errors
    /// Returns a message if the collector's URL or the file of authorities is invalid.
    pub fn start(config: &Config) -> Result<Option<Self>, String> {
        let Some(url) = &config.otlp_url else {
            return Ok(None);
        };
        let useless = |_| "REKEY_OTLP_URL: is not a valid collector URL".to_owned();
        let exporter = SpanExporter::builder()
            .with_http()
            .with_http_client(Client::new(&start::trusted_roots(config)?)?)
            .with_endpoint(url.expose())
            .with_timeout(SEND_TIME)
            .build()
            .map_err(useless)?;
        let batches = BatchConfigBuilder::default().with_max_queue_size(QUEUE).build();
        let provider = SdkTracerProvider::builder()
            .with_span_processor(BatchSpanProcessor::builder(exporter).with_batch_config(batches).build())
            .with_sampler(Sampler::ParentBased(Box::new(Sampler::TraceIdRatioBased(
                config.otlp_share,
            ))))
            .with_resource(
                Resource::builder_empty()
                    .with_service_name("rekey")
                    .with_attribute(KeyValue::new("service.version", env!("CARGO_PKG_VERSION")))
                    .build(),
            )
            .build();
        Ok(Some(Self(provider)))
    }

    /// Returns the layer that exports the spans.
    pub fn layer<S>(&self) -> impl Layer<S> + Send + Sync + use<S>
    where
        S: Subscriber + for<'span> LookupSpan<'span> + Send + Sync,
    {
        tracing_opentelemetry::layer()
            .with_tracer(self.0.tracer("rekey"))
            .with_location(false)
            .with_threads(false)
            .with_tracked_inactivity(false)
            .with_target(false)
            // Only spans created for export: no log lines, no spans of libraries.
            .with_filter(filter_fn(|metadata| {
                metadata.is_span() && metadata.target() == backend::TRACE
            }))
    }

    /// Sends the remaining spans, within a time limit.
    pub async fn end(self) {
        let ended = tokio::task::spawn_blocking(move || self.0.shutdown_with_timeout(LAST_TIME)).await;
        if !matches!(ended, Ok(Ok(()))) {
            tracing::warn!("the last traces were not sent");
        }
    }
}

/// Makes a span part of the trace in the headers of a trusted proxy (W3C Trace Context, `traceparent`).
pub fn continue_trace(span: &Span, headers: &HeaderMap) {
    let parent = TraceContextPropagator::new().extract_with_context(&Context::new(), &HeaderExtractor(headers));
    // Fails harmlessly if no traces are exported.
    let _ = span.set_parent(parent);
}

/// Sends the exporter's requests on the program's runtime, because the exporter's thread has none.
#[derive(Debug)]
struct Client {
    http: reqwest::Client,
    runtime: Handle,
    /// Whether the last batch was lost, so that an outage is logged once.
    away: AtomicBool,
}

impl Client {
    fn new(roots: &TrustedRoots) -> Result<Self, String> {
        let http = roots.http()?.timeout(SEND_TIME).build();
        Ok(Self {
            http: http.map_err(|error| error.to_string())?,
            runtime: Handle::current(),
            away: AtomicBool::new(false),
        })
    }
}

#[async_trait]
impl HttpClient for Client {
    async fn send_bytes(&self, request: Request<Bytes>) -> Result<Response<Bytes>, HttpError> {
        let http = self.http.clone();
        let sent = self.runtime.spawn(async move {
            let answer = http.execute(request.try_into()?).await?;
            let status = answer.status();
            let mut response = Response::new(answer.bytes().await?);
            *response.status_mut() = status;
            Ok::<_, reqwest::Error>(response)
        });
        let answered = sent.await?;
        let away = answered.as_ref().map_or(true, |answer| !answer.status().is_success());
        match (self.away.swap(away, Ordering::Relaxed), away) {
            (false, true) => tracing::warn!("traces cannot be sent; they are dropped until the collector answers"),
            (true, false) => tracing::info!("traces are being sent again"),
            _ => {}
        }
        Ok(answered?)
    }
}
