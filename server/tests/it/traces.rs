//! Traces received by a collector over HTTP and decoded with the protocol's own types.

use crate::running::Running;
use axum::Router;
use axum::body::Bytes;
use axum::extract::State;
use axum::routing::post;
use axum::serve::Listener;
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::tonic::trace::v1::Span;
use prost::Message;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use tokio::net::TcpListener;

mod tls;

const PARENT: &str = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
const PARENT_TRACE: [u8; 16] = 0x0af7_6519_16cd_43dd_8448_eb21_1c80_319c_u128.to_be_bytes();

/// A collector that stores received requests.
struct Collector {
    url: String,
    kept: Arc<Mutex<Vec<Bytes>>>,
}

impl Collector {
    async fn start() -> Self {
        Self::on("http", TcpListener::bind("127.0.0.1:0").await.unwrap())
    }

    fn on(scheme: &str, listener: impl Listener<Addr = SocketAddr>) -> Self {
        let kept = Arc::new(Mutex::new(Vec::new()));
        let router = Router::new().route("/v1/traces", post(keep)).with_state(kept.clone());
        let url = format!("{scheme}://{}", listener.local_addr().unwrap());
        tokio::spawn(axum::serve(listener, router).into_future());
        Self { url, kept }
    }

    fn requests(&self) -> Vec<ExportTraceServiceRequest> {
        let kept = self.kept.lock().unwrap();
        let read = |bytes: &Bytes| ExportTraceServiceRequest::decode(bytes.clone()).unwrap();
        kept.iter().map(read).collect()
    }

    fn spans(&self) -> Vec<Span> {
        let requests = self.requests().into_iter();
        requests
            .flat_map(|request| request.resource_spans)
            .flat_map(|resource| resource.scope_spans)
            .flat_map(|scope| scope.spans)
            .collect()
    }
}

async fn keep(State(kept): State<Arc<Mutex<Vec<Bytes>>>>, body: Bytes) {
    kept.lock().unwrap().push(body);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_request_creates_a_trace_without_secrets() {
    let collector = Collector::start().await;
    let running = Running::start(&[("REKEY_OTLP_URL", &collector.url)]);
    let begun = running
        .call("/api/sign_in/begin", "email=ada@example.com")
        .send()
        .await
        .unwrap();
    let cookie = begun.headers()["set-cookie"].to_str().unwrap();
    let cookie = cookie.split(';').next().unwrap().to_owned();
    let password = running
        .call("/api/sign_in/password", "password=correct+horse+battery+staple")
        .header("cookie", &cookie)
        .send()
        .await
        .unwrap();
    assert_eq!(password.status(), 200);
    running.get("/signin?s3cret=ada@example.com").send().await.unwrap();
    running.end();

    let spans = collector.spans();
    let request = find(&spans, "POST /api/sign_in/password");
    for (key, value) in [
        ("http.route", "/api/sign_in/password"),
        ("http.request.method", "POST"),
        ("http.response.status_code", "200"),
        ("request_id", password.headers()["x-request-id"].to_str().unwrap()),
    ] {
        let attribute = request.attributes.iter().find(|attribute| attribute.key == key);
        let text = format!("{:?}", attribute.unwrap().value);
        assert!(text.contains(value), "{key}: {text}");
    }
    for name in ["hash", "transaction"] {
        let inner = spans
            .iter()
            .find(|span| span.name == name && span.trace_id == request.trace_id);
        assert_eq!(inner.unwrap().parent_span_id, request.span_id, "{name}");
    }
    find(&spans, "GET /signin");
    find(&spans, "send e-mail");
    let sent = format!("{:?}", collector.requests());
    let token = cookie.split('=').nth(1).unwrap();
    for secret in ["@", "example.com", "s3cret", "horse", "127.0.0.1", token] {
        assert!(!token.is_empty() && !sent.contains(secret), "{secret}: {sent}");
    }
}

/// Attack: a client sends trace IDs to have all its requests recorded, or to add them to other traces.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn only_a_trusted_proxy_can_continue_a_trace() {
    for (proxies, continued) in [("", false), ("127.0.0.1", true)] {
        let collector = Collector::start().await;
        let running = Running::start(&[("REKEY_OTLP_URL", &collector.url), ("REKEY_TRUSTED_PROXIES", proxies)]);
        let request = running.get("/healthz").header("traceparent", PARENT);
        request.send().await.unwrap();
        running.end();
        let spans = collector.spans();
        let span = find(&spans, "GET /healthz");
        assert_eq!(span.trace_id == PARENT_TRACE, continued, "{proxies}");
        assert_eq!(span.parent_span_id.is_empty(), !continued, "{proxies}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_unavailable_collector_is_logged_once_and_blocks_no_request() {
    let running = Running::start(&[("REKEY_OTLP_URL", "http://127.0.0.1:1")]);
    for _ in 0..5 {
        assert_eq!(running.get("/signin").send().await.unwrap().status(), 200);
    }
    let log = running.end();
    assert_eq!(log.matches("traces cannot be sent").count(), 1, "{log}");
}

fn find<'spans>(spans: &'spans [Span], name: &str) -> &'spans Span {
    let names: Vec<_> = spans.iter().map(|span| &span.name).collect();
    let found = spans.iter().find(|span| span.name == name);
    found.unwrap_or_else(|| panic!("{name} is not among {names:?}"))
}
