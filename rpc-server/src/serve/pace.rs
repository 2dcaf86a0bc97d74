//! Cuts connections whose peers do not keep pace: nothing asked, a head that trickles in, an answer that nobody reads.

mod clock;

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::task::{Context, Poll};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, ReadBuf};
use tokio::time::Instant;

use crate::Limits;
use clock::Clock;

/// Counts the requests of one connection, which the byte stream below cannot see.
#[derive(Debug, Default)]
pub(super) struct Requests {
    begun: AtomicU64,
    ended: AtomicU64,
    /// Whether the connection is to end.
    ending: AtomicBool,
}

impl Requests {
    /// Notes that a request's head was read.
    pub(super) fn begin(&self) {
        self.begun.fetch_add(1, Ordering::Relaxed);
    }

    /// Notes that a request's answer is ready to be written.
    pub(super) fn end(&self) {
        self.ended.fetch_add(1, Ordering::Relaxed);
    }

    /// Notes that the connection is to end, so that it does not wait long for a request of which only a part has arrived.
    pub(super) fn end_soon(&self) {
        self.ending.store(true, Ordering::Relaxed);
    }

    fn begun(&self) -> u64 {
        self.begun.load(Ordering::Relaxed)
    }

    fn ended(&self) -> u64 {
        self.ended.load(Ordering::Relaxed)
    }
}

/// Is how long a head may take to arrive on a connection that is to end.
const LAST_HEAD_TIMEOUT: Duration = Duration::from_secs(1);

/// A byte stream that fails once its peer has fallen behind.
///
/// Three clocks, of which one runs at a time for each direction: between requests the idle timeout, from a request's
/// first byte to the end of its head the header timeout, and while an answer waits to be written the write timeout. A
/// body has limits of its own. With HTTP/2, heads cannot be told from other frames, so there is only idle time.
///
/// What happens while bytes come and go is only noted. The time is asked for when there is nothing left to do but wait,
/// which is once a request.
#[derive(Debug)]
pub(super) struct Paced<S> {
    stream: S,
    requests: Arc<Requests>,
    idle_timeout: Duration,
    header_timeout: Duration,
    write_timeout: Duration,
    /// The first bytes, which were read to tell the protocol and are given out once more.
    start: Start,
    http2: bool,
    /// Whether something was read or written since `active` was set.
    moved: bool,
    /// When something was last read or written, or a request was last seen under way.
    active: Instant,
    /// How many requests had ended when `active` was last set.
    ended: u64,
    /// How many requests had begun when the last bytes were read with none under way. As long as there are no more, these
    /// bytes are a part of a head.
    head: Option<u64>,
    /// When that head began to arrive.
    head_since: Option<Instant>,
    read_clock: Clock,
    write_clock: Clock,
}

impl<S> Paced<S> {
    pub(super) fn new(stream: S, requests: Arc<Requests>, limits: &Limits) -> Self {
        Self {
            stream,
            requests,
            idle_timeout: limits.idle_timeout,
            header_timeout: limits.header_timeout,
            write_timeout: limits.write_progress_timeout,
            start: Start::default(),
            http2: false,
            moved: false,
            active: Instant::now(),
            ended: 0,
            head: None,
            head_since: None,
            read_clock: Clock::default(),
            write_clock: Clock::default(),
        }
    }

    /// Returns when to give up on reading, or `None` while requests are under way.
    fn read_deadline(&mut self) -> Option<Instant> {
        let (begun, ended) = (self.requests.begun(), self.requests.ended());
        if begun > ended {
            return None;
        }
        if std::mem::take(&mut self.moved) || ended != self.ended {
            self.ended = ended;
            self.active = Instant::now();
        }
        if self.head == Some(begun) && !self.http2 {
            let ending = self.requests.ending.load(Ordering::Relaxed);
            let timeout = if ending { self.header_timeout.min(LAST_HEAD_TIMEOUT) } else { self.header_timeout };
            return self.head_since.get_or_insert(self.active).checked_add(timeout);
        }
        self.head_since = None;
        self.active.checked_add(self.idle_timeout)
    }

    fn note_read(&mut self) {
        self.moved = true;
        let begun = self.requests.begun();
        if begun == self.requests.ended() && self.head != Some(begun) {
            self.head = Some(begun);
            self.head_since = None;
        }
    }

    fn note_written<T>(&mut self, cx: &mut Context<'_>, written: Poll<io::Result<T>>) -> Poll<io::Result<T>> {
        if written.is_ready() {
            self.write_clock.stop();
            self.moved = true;
            return written;
        }
        let deadline = self.write_clock.deadline().or_else(|| Instant::now().checked_add(self.write_timeout));
        if deadline.is_some_and(|deadline| self.write_clock.has_struck(cx, deadline)) {
            return Poll::Ready(Err(too_slow("answer is not being read")));
        }
        Poll::Pending
    }
}

impl<S: AsyncRead + Unpin> Paced<S> {
    /// Reads as much as tells whether the peer speaks HTTP/2. What was read is given out again.
    ///
    /// # Errors
    ///
    /// If the stream fails, or the peer falls behind.
    pub(super) async fn speaks_http2(&mut self) -> io::Result<bool> {
        let mut start = Start::default();
        while start.may_be_http2() && usize::from(start.read) < start.bytes.len() {
            match self.read(&mut start.bytes[usize::from(start.read)..]).await? {
                0 => break,
                read => start.read += u8::try_from(read).expect("no more was read than there is room for"),
            }
        }
        self.http2 = start.may_be_http2() && usize::from(start.read) == start.bytes.len();
        self.start = start;
        Ok(self.http2)
    }
}

fn too_slow(what: &'static str) -> io::Error {
    io::Error::new(io::ErrorKind::TimedOut, what)
}

/// Holds the first bytes of a connection, up to where HTTP/2 can be told from HTTP/1.
#[derive(Debug, Default)]
struct Start {
    bytes: [u8; 4],
    read: u8,
    given: u8,
}

impl Start {
    /// Tells whether the bytes begin as HTTP/2's preface does, and no method of HTTP/1.
    fn may_be_http2(&self) -> bool {
        b"PRI ".starts_with(&self.bytes[..usize::from(self.read)])
    }

    /// Gives out what fits of what was not given out yet.
    fn give(&mut self, buf: &mut ReadBuf<'_>) {
        let rest = &self.bytes[usize::from(self.given)..usize::from(self.read)];
        let given = rest.len().min(buf.remaining());
        buf.put_slice(&rest[..given]);
        self.given += u8::try_from(given).expect("no more was given than there is");
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Paced<S> {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let this = &mut *self;
        let given = this.start.given < this.start.read;
        if given {
            this.start.give(buf);
        }
        let read = match Pin::new(&mut this.stream).poll_read(cx, buf) {
            Poll::Ready(Err(error)) => Poll::Ready(Err(error)),
            // The end, if this is the end, will be told of again.
            _ if given => Poll::Ready(Ok(())),
            read => read,
        };
        if read.is_ready() {
            this.note_read();
            return read;
        }
        match this.read_deadline() {
            Some(deadline) if this.read_clock.has_struck(cx, deadline) => {
                Poll::Ready(Err(too_slow("no request arrived in time")))
            }
            _ => Poll::Pending,
        }
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Paced<S> {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.stream).poll_write(cx, buf);
        self.note_written(cx, written)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.stream).poll_write_vectored(cx, bufs);
        self.note_written(cx, written)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::time::Duration;

    use tokio::io::{AsyncReadExt, AsyncWriteExt, DuplexStream, duplex};
    use tokio::time::{Instant, advance, sleep};

    use super::{Paced, Requests};
    use crate::Limits;

    struct Pair {
        peer: DuplexStream,
        paced: Paced<DuplexStream>,
        requests: Arc<Requests>,
    }

    fn pair() -> Pair {
        let (peer, stream) = duplex(16);
        let requests = Arc::new(Requests::default());
        Pair { peer, paced: Paced::new(stream, Arc::clone(&requests), &Limits::default()), requests }
    }

    /// Reads until it fails and returns after how many seconds it did.
    async fn cut_after(paced: &mut Paced<DuplexStream>) -> u64 {
        let start = Instant::now();
        let mut bytes = [0; 16];
        while paced.read(&mut bytes).await.is_ok() {}
        start.elapsed().as_secs()
    }

    #[tokio::test(start_paused = true)]
    async fn a_connection_without_a_request_is_cut_when_idle_too_long() {
        let mut pair = pair();
        assert_eq!(cut_after(&mut pair.paced).await, 75);
    }

    #[tokio::test(start_paused = true)]
    async fn a_head_that_trickles_in_is_cut_at_the_header_timeout() {
        let Pair { mut peer, mut paced, .. } = pair();
        let trickle = tokio::spawn(async move {
            while peer.write_all(b"P").await.is_ok() {
                sleep(Duration::from_secs(3)).await;
            }
        });
        assert_eq!(cut_after(&mut paced).await, 10);
        drop(paced);
        trickle.await.unwrap();
    }

    #[tokio::test(start_paused = true)]
    async fn a_head_has_a_second_on_a_connection_that_is_to_end() {
        let Pair { mut peer, mut paced, requests } = pair();
        peer.write_all(b"POST").await.unwrap();
        paced.read_exact(&mut [0; 4]).await.unwrap();
        requests.end_soon();
        assert_eq!(cut_after(&mut paced).await, 1);
    }

    #[tokio::test(start_paused = true)]
    async fn a_request_under_way_stops_the_clock_and_its_end_starts_it_anew() {
        let Pair { mut peer, mut paced, requests } = pair();
        peer.write_all(b"POST").await.unwrap();
        paced.read_exact(&mut [0; 4]).await.unwrap();
        requests.begin();
        tokio::spawn(async move {
            sleep(Duration::from_secs(300)).await;
            requests.end();
            // The answer's bytes are what wakes the connection in a server.
            peer.write_all(b"P").await.unwrap();
            sleep(Duration::from_secs(1000)).await;
        });
        assert_eq!(cut_after(&mut paced).await, 310);
    }

    #[tokio::test(start_paused = true)]
    async fn idle_time_counts_from_the_last_answer() {
        let Pair { mut peer, mut paced, requests } = pair();
        peer.write_all(b"POST").await.unwrap();
        paced.read_exact(&mut [0; 4]).await.unwrap();
        requests.begin();
        requests.end();
        advance(Duration::from_secs(50)).await;
        paced.write_all(b"200").await.unwrap();
        assert_eq!(cut_after(&mut paced).await, 75);
    }

    #[tokio::test(start_paused = true)]
    async fn http2_is_idle_between_frames_and_never_in_a_head() {
        for pieces in [&["PRI * HTTP/2.0"][..], &["PR", "I ", "* HTTP/2.0"]] {
            let Pair { mut peer, mut paced, .. } = pair();
            let pieces = pieces.to_vec();
            let sending = tokio::spawn(async move {
                for piece in pieces {
                    peer.write_all(piece.as_bytes()).await.unwrap();
                    tokio::task::yield_now().await;
                }
                peer
            });
            assert!(paced.speaks_http2().await.unwrap());
            let mut start = [0; 14];
            paced.read_exact(&mut start).await.unwrap();
            assert_eq!(&start, b"PRI * HTTP/2.0");
            assert_eq!(cut_after(&mut paced).await, 75);
            drop(sending.await.unwrap());
        }
    }

    #[tokio::test(start_paused = true)]
    async fn what_is_read_to_tell_the_protocol_is_read_again() {
        for text in ["", "P", "PO", "PRI", "GET", "POST / HTTP/1.1"] {
            let Pair { mut peer, mut paced, .. } = pair();
            peer.write_all(text.as_bytes()).await.unwrap();
            drop(peer);
            assert!(!paced.speaks_http2().await.unwrap(), "{text}");
            let mut read = String::new();
            paced.read_to_string(&mut read).await.unwrap();
            assert_eq!(read, text);
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_peer_that_sends_nothing_or_half_a_method_is_cut_before_its_protocol_is_known() {
        for (text, after) in [("", 75), ("P", 10)] {
            let Pair { mut peer, mut paced, .. } = pair();
            peer.write_all(text.as_bytes()).await.unwrap();
            let start = Instant::now();
            assert!(paced.speaks_http2().await.is_err());
            assert_eq!(start.elapsed().as_secs(), after);
        }
    }

    #[tokio::test(start_paused = true)]
    async fn an_answer_that_nobody_reads_is_cut_and_one_that_is_read_slowly_is_not() {
        let Pair { mut peer, mut paced, .. } = pair();
        let slow = tokio::spawn(async move {
            for _ in 0..4 {
                sleep(Duration::from_secs(20)).await;
                peer.read_exact(&mut [0; 16]).await.unwrap();
            }
            peer
        });
        let start = Instant::now();
        let error = paced.write_all(&[0; 1000]).await.unwrap_err();
        assert_eq!(error.kind(), std::io::ErrorKind::TimedOut);
        assert_eq!(start.elapsed().as_secs(), 4 * 20 + 30);
        drop(slow.await.unwrap());
    }
}
