//! Property 37: a collector over HTTPS must present a certificate for its name before it receives traces.

use super::{Collector, find};
use crate::running::Running;
use axum::serve::Listener;
use blackbox::authority::Authority;
use std::net::SocketAddr;
use tempfile::NamedTempFile;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::{AlertDescription, Error};
use tokio_rustls::server::TlsStream;

/// Makes the server send each span at once instead of a batch every few seconds.
const SPAN_BY_SPAN: (&str, &str) = ("OTEL_BSP_MAX_EXPORT_BATCH_SIZE", "1");

/// A collector with a certificate of a private authority.
struct SecureCollector {
    collector: Collector,
    authority: NamedTempFile,
    handshakes: UnboundedReceiver<Handshake>,
}

impl SecureCollector {
    /// Starts a collector on 127.0.0.1 with a certificate for `name`.
    async fn with_certificate_for(name: &str) -> Self {
        let issuer = Authority::new().unwrap();
        let authority = NamedTempFile::new().unwrap();
        std::fs::write(authority.path(), issuer.pem()).unwrap();
        let (reports, handshakes) = unbounded_channel();
        let listener = TlsListener {
            tcp: TcpListener::bind("127.0.0.1:0").await.unwrap(),
            tls: TlsAcceptor::from(issuer.server_config(name).unwrap()),
            reports,
        };
        Self {
            collector: Collector::on("https", listener),
            authority,
            handshakes,
        }
    }

    fn url(&self) -> (&str, &str) {
        ("REKEY_OTLP_URL", &self.collector.url)
    }

    fn ca_file(&self) -> (&str, &str) {
        ("REKEY_CA_FILE", self.authority.path().to_str().unwrap())
    }
}

/// The outcome of a handshake: the alert if the client refused the certificate.
type Handshake = Result<(), AlertDescription>;

/// Accepts connections over TLS and reports every handshake.
struct TlsListener {
    tcp: TcpListener,
    tls: TlsAcceptor,
    reports: UnboundedSender<Handshake>,
}

impl Listener for TlsListener {
    type Io = TlsStream<TcpStream>;
    type Addr = SocketAddr;

    async fn accept(&mut self) -> (Self::Io, Self::Addr) {
        loop {
            let (stream, peer) = self.tcp.accept().await.unwrap();
            let accepted = self.tls.accept(stream).await.map_err(std::io::Error::downcast);
            let (handshake, stream) = match accepted {
                Ok(stream) => (Ok(()), Some(stream)),
                Err(Ok(Error::AlertReceived(alert))) => (Err(alert), None),
                Err(error) => panic!("{error:?}"),
            };
            let _ = self.reports.send(handshake);
            if let Some(stream) = stream {
                return (stream, peer);
            }
        }
    }

    fn local_addr(&self) -> std::io::Result<SocketAddr> {
        self.tcp.local_addr()
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_operators_authorities_apply_to_the_collector() {
    let secure = SecureCollector::with_certificate_for("127.0.0.1").await;
    let running = Running::start(&[secure.url(), secure.ca_file()]);
    running.get("/signin").send().await.unwrap();
    running.end();
    find(&secure.collector.spans(), "GET /signin");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_collector_of_an_unknown_authority_is_treated_as_unavailable() {
    let mut secure = SecureCollector::with_certificate_for("127.0.0.1").await;
    let running = Running::start(&[secure.url(), SPAN_BY_SPAN]);
    for _ in 0..3 {
        assert_eq!(running.get("/signin").send().await.unwrap().status(), 200);
        assert_eq!(secure.handshakes.recv().await, Some(Err(AlertDescription::UnknownCA)));
    }
    let log = running.end();
    assert_eq!(log.matches("traces cannot be sent").count(), 1, "{log}");
    assert_eq!(secure.collector.requests(), []);
}

/// Attack: a machine with another certificate of the trusted authority poses as the collector.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_collector_with_a_certificate_for_another_name_gets_no_traces() {
    let mut secure = SecureCollector::with_certificate_for("collector.example.com").await;
    let running = Running::start(&[secure.url(), secure.ca_file(), SPAN_BY_SPAN]);
    running.get("/signin").send().await.unwrap();
    assert_eq!(
        secure.handshakes.recv().await,
        Some(Err(AlertDescription::BadCertificate))
    );
    running.end();
    assert_eq!(secure.collector.requests(), []);
}
