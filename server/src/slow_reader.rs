//! Closes connections to clients that do not read.

use std::io::{Error, ErrorKind, IoSlice, Result};
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::{Instant, Sleep, sleep_until};

/// The total time for which a client may block writes.
const PATIENCE: Duration = Duration::from_secs(30);
/// The reading rate that restores as much patience as it costs: slower than any line that can load a page.
const BYTES_A_SECOND: u32 = 2_048;

/// A stream with a limit on the waiting time of its writes.
///
/// Attack: a few thousand clients request much data and read a byte now and then, and so hold all connections indefinitely.
pub struct SlowReader<S> {
    stream: S,
    abort: fn(&S),
    left: Duration,
    waits: Option<(Instant, Pin<Box<Sleep>>)>,
}

impl<S> SlowReader<S> {
    /// Wraps a new connection. `abort` discards unsent data, which would otherwise stay in kernel memory.
    pub const fn new(stream: S, abort: fn(&S)) -> Self {
        Self {
            stream,
            abort,
            left: PATIENCE,
            waits: None,
        }
    }

    /// Counts how long a write waits, and restores some patience for data that was read.
    fn judge(&mut self, context: &mut Context<'_>, written: Poll<Result<usize>>) -> Poll<Result<usize>> {
        let Poll::Ready(written) = written else {
            let until = Instant::now() + self.left;
            let (_, end) = self
                .waits
                .get_or_insert_with(|| (Instant::now(), Box::pin(sleep_until(until))));
            ready!(end.as_mut().poll(context));
            (self.abort)(&self.stream);
            return Poll::Ready(Err(Error::new(ErrorKind::TimedOut, "the client does not read")));
        };
        if let Some((since, _)) = self.waits.take() {
            self.left = self.left.saturating_sub(since.elapsed());
        }
        if let Ok(bytes) = written {
            let earned = Duration::from_secs(1) * u32::try_from(bytes).unwrap_or(u32::MAX) / BYTES_A_SECOND;
            self.left = PATIENCE.min(self.left.saturating_add(earned));
        }
        Poll::Ready(written)
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for SlowReader<S> {
    fn poll_read(mut self: Pin<&mut Self>, context: &mut Context<'_>, buffer: &mut ReadBuf<'_>) -> Poll<Result<()>> {
        Pin::new(&mut self.stream).poll_read(context, buffer)
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for SlowReader<S> {
    fn poll_write(mut self: Pin<&mut Self>, context: &mut Context<'_>, bytes: &[u8]) -> Poll<Result<usize>> {
        let written = Pin::new(&mut self.stream).poll_write(context, bytes);
        self.judge(context, written)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        slices: &[IoSlice<'_>],
    ) -> Poll<Result<usize>> {
        let written = Pin::new(&mut self.stream).poll_write_vectored(context, slices);
        self.judge(context, written)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Result<()>> {
        Pin::new(&mut self.stream).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(context)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tokio::io::{AsyncReadExt, AsyncWriteExt, duplex};
    use tokio::time::sleep;

    /// Returns how long a client is served at a reading rate.
    async fn served(bytes_a_second: usize) -> (Result<()>, Duration) {
        let (ours, mut theirs) = duplex(1_024);
        let reads = tokio::spawn(async move {
            let mut buffer = vec![0; bytes_a_second];
            loop {
                sleep(Duration::from_secs(1)).await;
                if theirs.read_exact(&mut buffer).await.is_err() {
                    break;
                }
            }
        });
        let began = Instant::now();
        let written = SlowReader::new(ours, |_| ()).write_all(&[0; 600_000]).await;
        reads.abort();
        (written, began.elapsed())
    }

    #[tokio::test(start_paused = true)]
    async fn a_client_that_reads_a_byte_a_second_is_disconnected() {
        let (written, took) = served(1).await;
        assert_eq!(written.unwrap_err().kind(), ErrorKind::TimedOut);
        assert!(took < PATIENCE + Duration::from_secs(3), "{took:?}");
    }

    #[tokio::test(start_paused = true)]
    async fn a_client_on_a_slow_connection_gets_the_whole_response() {
        let (written, took) = served(3_000).await;
        assert!(written.is_ok(), "{written:?}");
        assert!(took > PATIENCE * 3, "{took:?}");
    }
}
