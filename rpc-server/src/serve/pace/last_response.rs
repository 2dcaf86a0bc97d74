//! The last response on a connection after the server has rejected a request's head. It is written below hyper. Then
//! the connection lingers, so that the peer can read the response.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::Instant;

use crate::lazy_timer::LazyTimer;

/// How long the server discards further bytes from a peer, and how many bytes at most.
const MAX_TIME: Duration = Duration::from_secs(1);
const MAX_BYTES: usize = 4 << 20;

/// The last answer of a connection, which says why the server rejects the head of a request.
#[derive(Debug)]
pub(super) struct LastResponse {
    answer: Vec<u8>,
    written: usize,
    linger: Option<LingerState>,
}

#[derive(Debug)]
struct LingerState {
    until: Instant,
    bytes: usize,
}

impl LastResponse {
    pub(super) fn new(answer: Vec<u8>) -> Self {
        Self { answer, written: 0, linger: None }
    }

    /// Writes the answer to its end.
    pub(super) fn poll_write<S: AsyncWrite + Unpin>(
        &mut self,
        stream: &mut S,
        cx: &mut Context<'_>,
    ) -> Poll<io::Result<()>> {
        while self.written < self.answer.len() {
            match ready!(Pin::new(&mut *stream).poll_write(cx, &self.answer[self.written..]))? {
                0 => return Poll::Ready(Err(io::ErrorKind::WriteZero.into())),
                written => self.written += written,
            }
        }
        Poll::Ready(Ok(()))
    }

    /// Closes for writing, and then reads and discards for a while. A connection that is closed with unread bytes is
    /// reset, and its peer would not see the answer.
    pub(super) fn poll_linger<S: AsyncRead + AsyncWrite + Unpin>(
        &mut self,
        stream: &mut S,
        clock: &mut LazyTimer,
        cx: &mut Context<'_>,
    ) -> Poll<io::Result<()>> {
        if self.linger.is_none() {
            ready!(Pin::new(&mut *stream).poll_shutdown(cx))?;
        }
        let linger = self.linger.get_or_insert_with(|| LingerState { until: Instant::now() + MAX_TIME, bytes: 0 });
        let mut scratch = [0; 4096];
        while linger.bytes < MAX_BYTES {
            let mut read = ReadBuf::new(&mut scratch);
            match Pin::new(&mut *stream).poll_read(cx, &mut read) {
                Poll::Ready(Ok(())) if !read.filled().is_empty() => linger.bytes += read.filled().len(),
                Poll::Pending if !clock.has_struck(cx, linger.until) => return Poll::Pending,
                _ => break,
            }
        }
        Poll::Ready(Ok(()))
    }
}
