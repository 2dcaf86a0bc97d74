//! Detects whether the server closes connections after each answer without announcing it. If it does, each connection
//! is used once for a while.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};
use std::task::{Context, Poll};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::Instant;

/// What a transport has learned about how its peer treats connections.
///
/// Some servers close each connection just after its first answer, without the header `Connection: close`. The end may
/// arrive after the next request was written, which is then lost. So the transport uses each connection to such a
/// server only once.
#[derive(Clone, Debug)]
pub(super) struct ConnectionReuse(Arc<ConnectionReuseInner>);

#[derive(Debug)]
struct ConnectionReuseInner {
    start: Instant,
    /// The number of requests begun.
    requests: AtomicU64,
    /// How many connections in a row ended just after their first answer.
    in_a_row: AtomicU32,
    /// Until when connections are used once, in milliseconds since the start. 0 if the habit was never seen.
    once_until: AtomicU64,
}

/// An end counts if it comes this soon after the first answer. Keep-alive timeouts are longer.
const SOON: Duration = Duration::from_secs(1);

/// This many connections in a row are a habit. The restart of a server may end one or two connections like this.
const ENOUGH: u32 = 3;

/// How long a habit is remembered. After that the transport tries to reuse connections again.
const MEMORY: Duration = Duration::from_secs(60);

impl ConnectionReuse {
    pub(super) fn new() -> Self {
        Self(Arc::new(ConnectionReuseInner {
            start: Instant::now(),
            requests: AtomicU64::new(0),
            in_a_row: AtomicU32::new(0),
            once_until: AtomicU64::new(0),
        }))
    }

    /// Notes that a request is about to be handed to a connection.
    #[inline]
    pub(super) fn begin_request(&self) {
        self.0.requests.fetch_add(1, Ordering::Relaxed);
    }

    /// Returns the number of requests begun. The channel that hands a request to a connection orders this read after
    /// the increment.
    #[inline]
    pub(super) fn requests(&self) -> u64 {
        self.0.requests.load(Ordering::Relaxed)
    }

    /// Returns whether a connection should end with its first answer.
    #[inline]
    pub(super) fn use_once(&self) -> bool {
        let until = self.0.once_until.load(Ordering::Relaxed);
        until > 0 && until > millis(self.0.start.elapsed())
    }

    fn ended_after_first_answer(&self) {
        if self.0.in_a_row.fetch_add(1, Ordering::Relaxed) + 1 >= ENOUGH {
            self.0.once_until.store(millis(self.0.start.elapsed() + MEMORY), Ordering::Relaxed);
        }
    }

    fn answered_twice(&self) {
        self.0.in_a_row.store(0, Ordering::Relaxed);
    }
}

fn millis(time: Duration) -> u64 {
    u64::try_from(time.as_millis()).unwrap_or(u64::MAX)
}

/// A connection that is observed until its second answer.
#[derive(Debug)]
pub(super) struct ObservedConnection<T> {
    io: T,
    stage: ConnectionStage,
    reuse: ConnectionReuse,
}

#[derive(Clone, Copy, Debug)]
enum ConnectionStage {
    /// Nothing was written yet.
    New,
    /// The first request is in flight.
    First,
    /// The first answer has arrived, its last part at this time.
    AnsweredOnce(Instant),
    /// The second request is in flight.
    Second,
    /// There is nothing more to learn.
    Done,
}

impl<T> ObservedConnection<T> {
    /// Observes an HTTP/1.1 connection. Over HTTP/2 a single request cannot ask for the end of its connection.
    pub(super) fn new(io: T, reuse: ConnectionReuse, is_http2: bool) -> Self {
        Self { io, reuse, stage: if is_http2 { ConnectionStage::Done } else { ConnectionStage::New } }
    }

    #[inline]
    fn written(&mut self) {
        match self.stage {
            ConnectionStage::New => self.stage = ConnectionStage::First,
            ConnectionStage::AnsweredOnce(_) => self.stage = ConnectionStage::Second,
            ConnectionStage::First | ConnectionStage::Second | ConnectionStage::Done => {}
        }
    }

    /// Notes that this many bytes arrived. 0 means the end.
    #[inline]
    fn read(&mut self, bytes: usize) {
        if !matches!(self.stage, ConnectionStage::Done) {
            self.learn(bytes);
        }
    }

    #[cold]
    fn learn(&mut self, bytes: usize) {
        self.stage = match self.stage {
            ConnectionStage::First | ConnectionStage::AnsweredOnce(_) if bytes > 0 => {
                ConnectionStage::AnsweredOnce(Instant::now())
            }
            ConnectionStage::AnsweredOnce(at) if at.elapsed() < SOON => {
                self.reuse.ended_after_first_answer();
                ConnectionStage::Done
            }
            ConnectionStage::Second if bytes > 0 => {
                self.reuse.answered_twice();
                ConnectionStage::Done
            }
            _ => ConnectionStage::Done,
        };
    }
}

impl<T: AsyncRead + Unpin> AsyncRead for ObservedConnection<T> {
    fn poll_read(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        let before = buf.filled().len();
        let poll = Pin::new(&mut this.io).poll_read(cx, buf);
        match &poll {
            Poll::Ready(Ok(())) => this.read(buf.filled().len() - before),
            // A reset is also an end.
            Poll::Ready(Err(_)) => this.read(0),
            Poll::Pending => {}
        }
        poll
    }
}

impl<T: AsyncWrite + Unpin> AsyncWrite for ObservedConnection<T> {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        let this = self.get_mut();
        this.written();
        Pin::new(&mut this.io).poll_write(cx, buf)
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().io).poll_flush(cx)
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().io).poll_shutdown(cx)
    }

    fn is_write_vectored(&self) -> bool {
        self.io.is_write_vectored()
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let this = self.get_mut();
        this.written();
        Pin::new(&mut this.io).poll_write_vectored(cx, bufs)
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use tokio::time::advance;

    use super::{ConnectionReuse, ObservedConnection};

    /// Ends a connection this long after its first answer.
    async fn once(reuse: &ConnectionReuse, rest: Duration) {
        let mut connection = ObservedConnection::new((), reuse.clone(), false);
        connection.written();
        connection.read(100);
        connection.read(100);
        advance(rest).await;
        connection.read(0);
    }

    /// Gives a connection two answers.
    fn twice(reuse: &ConnectionReuse) {
        let mut connection = ObservedConnection::new((), reuse.clone(), false);
        for _ in 0..2 {
            connection.written();
            connection.read(100);
        }
        connection.read(0);
    }

    #[tokio::test(start_paused = true)]
    async fn a_peer_that_ends_three_connections_after_their_first_answer_is_known_for_a_minute() {
        let reuse = ConnectionReuse::new();
        for known in [false, false, true] {
            once(&reuse, Duration::from_millis(10)).await;
            assert_eq!(reuse.use_once(), known);
        }
        advance(Duration::from_secs(59)).await;
        assert!(reuse.use_once());
        advance(Duration::from_secs(1)).await;
        assert!(!reuse.use_once());
    }

    #[tokio::test(start_paused = true)]
    async fn connections_that_rest_or_are_answered_twice_are_no_habit() {
        let reuse = ConnectionReuse::new();
        for _ in 0..10 {
            once(&reuse, Duration::from_secs(1)).await;
            once(&reuse, Duration::ZERO).await;
            once(&reuse, Duration::ZERO).await;
            twice(&reuse);
        }
        assert!(!reuse.use_once());
    }
}
