//! Accepts connections, and drains them on shutdown.

use crate::http::Peer;
use crate::slow_reader::SlowReader;
use axum::Router;
use axum::extract::Request;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::server::graceful::GracefulShutdown;
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;
use tokio::net::{TcpListener, TcpSocket, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, watch};
use tokio::time::{sleep, timeout};
use tower::ServiceExt;

/// The time limit for request headers and for idle connections. Attack: a client holds a connection by sending a byte a minute.
const HEADER_TIME: Duration = Duration::from_secs(30);
/// The maximum useful number of connections.
const CONNECTIONS: u64 = 4_096;
/// Maximum number of connections completed by the system and not yet accepted.
const BACKLOG: u32 = 1_024;
/// Send buffer of a connection in bytes, doubled by the kernel. Attack: clients that do not read their responses fill kernel
/// memory, by default with megabytes each.
const SEND_BUFFER: u32 = 128 * 1024;
/// File descriptors for the database, the mail server and the log.
const OTHER_FILES: u64 = 128;
/// The time limit for requests in progress on shutdown.
const DRAIN_TIME: Duration = Duration::from_millis(9_500);
/// The time for new connections to send a request on shutdown, before idle ones are closed.
const LAST_REQUESTS: Duration = Duration::from_millis(300);

/// Raises the limit of file descriptors and returns the maximum number of connections. Attack: connections use up the descriptors
/// that the database needs.
fn connections() -> usize {
    let mut limit = getrlimit(Resource::Nofile);
    let wanted = CONNECTIONS + OTHER_FILES;
    if limit.current.is_some_and(|current| current < wanted) {
        let raised = Rlimit {
            current: Some(limit.maximum.map_or(wanted, |most| most.min(wanted))),
            ..limit
        };
        if setrlimit(Resource::Nofile, raised).is_ok() {
            limit = raised;
        }
    }
    let open = limit.current.map_or(CONNECTIONS, |current| {
        current.saturating_sub(OTHER_FILES).clamp(16, CONNECTIONS)
    });
    usize::try_from(open).unwrap_or(usize::MAX)
}

/// Listens on an address.
///
/// # Errors
/// Fails if the address is unavailable.
pub fn at(address: SocketAddr) -> std::io::Result<TcpListener> {
    let socket = if address.is_ipv4() {
        TcpSocket::new_v4()
    } else {
        TcpSocket::new_v6()
    }?;
    // Connections of the previous run must not prevent the start.
    socket.set_reuseaddr(true)?;
    socket.set_send_buffer_size(SEND_BUFFER)?;
    socket.bind(address)?;
    socket.listen(BACKLOG)
}

/// Discards unsent data together with the connection.
fn cut(stream: &TcpStream) {
    let _ = stream.set_zero_linger();
}

/// Serves until `stopping` turns true, then drains the connections.
///
/// # Errors
/// Fails if the listener fails.
pub async fn run(listener: TcpListener, router: Router, mut stopping: watch::Receiver<bool>) -> std::io::Result<()> {
    let open = Arc::new(Semaphore::new(connections()));
    let draining = GracefulShutdown::new();
    loop {
        let accepted = tokio::select! {
            accepted = async {
                let place = open.clone().acquire_owned().await;
                (place, listener.accept().await)
            } => accepted,
            _ = stopping.wait_for(|stopping| *stopping) => break,
        };
        let (Ok(place), Ok((stream, peer))) = accepted else {
            // Out of file descriptors: other connections must close first.
            sleep(Duration::from_millis(50)).await;
            continue;
        };
        serve(stream, peer, place, &router, &draining);
    }
    // Completed connections are still served, so that a rolling restart goes unnoticed. The runtime may not know the last ones,
    // so they are accepted from the system.
    let listener = listener.into_std()?;
    while let Ok((stream, peer)) = listener.accept() {
        let taken = stream.set_nonblocking(true).and_then(|()| TcpStream::from_std(stream));
        if let (Ok(stream), Ok(place)) = (taken, open.clone().try_acquire_owned()) {
            serve(stream, peer, place, &router, &draining);
        }
    }
    drop(listener);
    // A connection without a request would be closed as idle.
    sleep(LAST_REQUESTS).await;
    if timeout(DRAIN_TIME, draining.shutdown()).await.is_err() {
        tracing::warn!("some requests took too long and were cut off");
    }
    Ok(())
}

/// Serves a connection in its own task until it closes or the server stops.
fn serve(
    stream: TcpStream,
    peer: SocketAddr,
    place: OwnedSemaphorePermit,
    router: &Router,
    draining: &GracefulShutdown,
) {
    // Send small responses immediately.
    let _ = stream.set_nodelay(true);
    let router = router.clone();
    let service = service_fn(move |mut request: Request<Incoming>| {
        request.extensions_mut().insert(Peer(peer));
        router.clone().oneshot(request)
    });
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(HEADER_TIME)
        .max_buf_size(64 * 1024)
        .serve_connection(TokioIo::new(SlowReader::new(stream, cut)), service);
    let connection = draining.watch(connection);
    tokio::spawn(async move {
        // Errors mean that the client disconnected or did not speak HTTP.
        let _ = connection.await;
        drop(place);
    });
}

#[cfg(test)]
mod tests {
    use super::*;
    use tokio::io::AsyncWriteExt;

    #[tokio::test]
    async fn little_is_buffered_for_a_client_that_does_not_read() {
        let listener = at(SocketAddr::from(([127, 0, 0, 1], 0))).unwrap();
        let _client = TcpStream::connect(listener.local_addr().unwrap()).await.unwrap();
        let (mut stream, _) = listener.accept().await.unwrap();
        let mut taken = 0;
        while let Ok(Ok(bytes)) = timeout(Duration::from_millis(200), stream.write(&[0; 16 * 1024])).await {
            taken += bytes;
        }
        // The buffers of both sides together.
        assert!(taken < 1024 * 1024, "{taken}");
    }
}
