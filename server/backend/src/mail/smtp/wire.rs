//! The byte stream of a conversation: plain at first, later within TLS.

use super::transcript::Transcript;
use lettre::transport::smtp::client::AsyncTokioStream;
use rustls::ClientConfig;
use rustls::pki_types::ServerName;
use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

/// The stream that lettre reads and writes. Clones share one connection, which can switch to TLS below lettre.
#[derive(Clone)]
pub(super) struct Wire(Arc<Mutex<State>>);

struct State {
    stream: Stream,
    peer: SocketAddr,
    /// Read before the stream.
    greeting: &'static [u8],
    transcript: Option<Transcript>,
}

enum Stream {
    Plain(TcpStream),
    Secure(Box<TlsStream<TcpStream>>),
    /// During the TLS handshake, and after it failed.
    Gone,
}

impl Wire {
    pub(super) async fn connect(host: &str, port: u16, transcript: Option<Transcript>) -> io::Result<Self> {
        let stream = TcpStream::connect((host, port)).await?;
        Ok(Self(Arc::new(Mutex::new(State {
            peer: stream.peer_addr()?,
            stream: Stream::Plain(stream),
            greeting: b"",
            transcript,
        }))))
    }

    /// Begins TLS with a server that presents a certificate for this name.
    pub(super) async fn secure(&self, config: Arc<ClientConfig>, name: ServerName<'static>) -> io::Result<()> {
        let Stream::Plain(stream) = std::mem::replace(&mut self.state().stream, Stream::Gone) else {
            return Err(io::ErrorKind::NotConnected.into());
        };
        let secure = TlsConnector::from(config).connect(name, stream).await?;
        self.state().stream = Stream::Secure(Box::new(secure));
        Ok(())
    }

    /// Returns the same connection for a new reader, with a simulated greeting: servers send none after STARTTLS (RFC 3207 §4.2).
    pub(super) fn greeting_again(&self) -> Self {
        self.state().greeting = b"220 TLS\r\n";
        self.clone()
    }

    /// Replaces sent text with `behind` in the transcript until [`show`](Self::show).
    pub(super) fn hide(&self, behind: &str) {
        if let Some(transcript) = &mut self.state().transcript {
            transcript.hide(behind);
        }
    }

    /// Ends [`hide`](Self::hide).
    pub(super) fn show(&self) {
        if let Some(transcript) = &mut self.state().transcript {
            transcript.show();
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl AsyncRead for Wire {
    fn poll_read(self: Pin<&mut Self>, context: &mut Context<'_>, buffer: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let mut state = self.state();
        if !state.greeting.is_empty() {
            let (now, later) = state.greeting.split_at(state.greeting.len().min(buffer.remaining()));
            buffer.put_slice(now);
            state.greeting = later;
            return Poll::Ready(Ok(()));
        }
        let before = buffer.filled().len();
        let read = match &mut state.stream {
            Stream::Plain(stream) => Pin::new(stream).poll_read(context, buffer),
            Stream::Secure(stream) => Pin::new(stream).poll_read(context, buffer),
            Stream::Gone => Poll::Ready(Err(io::ErrorKind::NotConnected.into())),
        };
        if let Some(transcript) = &mut state.transcript {
            transcript.heard(&buffer.filled()[before..]);
        }
        read
    }
}

impl AsyncWrite for Wire {
    fn poll_write(self: Pin<&mut Self>, context: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let mut state = self.state();
        let written = match &mut state.stream {
            Stream::Plain(stream) => Pin::new(stream).poll_write(context, bytes),
            Stream::Secure(stream) => Pin::new(stream).poll_write(context, bytes),
            Stream::Gone => Poll::Ready(Err(io::ErrorKind::NotConnected.into())),
        };
        if let (Some(transcript), Poll::Ready(Ok(count))) = (&mut state.transcript, &written) {
            transcript.said(&bytes[..*count]);
        }
        written
    }

    fn poll_flush(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        match &mut self.state().stream {
            Stream::Plain(stream) => Pin::new(stream).poll_flush(context),
            Stream::Secure(stream) => Pin::new(stream).poll_flush(context),
            Stream::Gone => Poll::Ready(Ok(())),
        }
    }

    fn poll_shutdown(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        match &mut self.state().stream {
            Stream::Plain(stream) => Pin::new(stream).poll_shutdown(context),
            Stream::Secure(stream) => Pin::new(stream).poll_shutdown(context),
            Stream::Gone => Poll::Ready(Ok(())),
        }
    }
}

impl AsyncTokioStream for Wire {
    fn peer_addr(&self) -> io::Result<SocketAddr> {
        Ok(self.state().peer)
    }
}

impl std::fmt::Debug for Wire {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Wire({})", self.state().peer)
    }
}
