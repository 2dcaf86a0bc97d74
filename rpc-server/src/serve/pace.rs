//! Cuts connections whose peers do not keep pace: nothing asked, a head that trickles in, an answer that nobody reads.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::task::{Context, Poll};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::{Instant, Sleep, sleep_until};

use crate::Limits;

/// Counts the requests of one connection, which the byte stream below cannot see.
#[derive(Debug, Default)]
pub(super) struct Requests {
    begun: AtomicU64,
    ended: AtomicU64,
}

impl Requests {
    /// Notes that a request's head was read; dropping the guard notes that its answer is ready to be written.
    pub(super) fn begin(self: &Arc<Self>) -> RequestGuard {
        self.begun.fetch_add(1, Ordering::Relaxed);
        RequestGuard(Arc::clone(self))
    }

    fn begun(&self) -> u64 {
        self.begun.load(Ordering::Relaxed)
    }

    fn ended(&self) -> u64 {
        self.ended.load(Ordering::Relaxed)
    }
}

pub(super) struct RequestGuard(Arc<Requests>);

impl Drop for RequestGuard {
    fn drop(&mut self) {
        self.0.ended.fetch_add(1, Ordering::Relaxed);
    }
}

/// A byte stream that fails once its peer has fallen behind.
///
/// Three clocks, of which one runs at a time for each direction: between requests the idle timeout, from a request's
/// first byte to the end of its head the header timeout, and while an answer waits to be written the write timeout. A
/// body has limits of its own. With HTTP/2, heads cannot be told from other frames, so there is only idle time.
#[derive(Debug)]
pub(super) struct Paced<S> {
    stream: S,
    requests: Arc<Requests>,
    idle_timeout: Duration,
    header_timeout: Duration,
    write_timeout: Duration,
    /// How much of HTTP/2's preface was read, or `None` once it is something else.
    preface: Option<usize>,
    /// When something was last read or written, or a request was last seen under way.
    active: Instant,
    /// How many requests had ended when `active` was last set.
    ended: u64,
    /// When the head that is arriving began, and how many requests had begun before it.
    head: Option<(Instant, u64)>,
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
            preface: Some(0),
            active: Instant::now(),
            ended: 0,
            head: None,
            read_clock: Clock::default(),
            write_clock: Clock::default(),
        }
    }

    /// Returns when to give up on reading, or `None` while requests are under way.
    fn read_deadline(&mut self) -> Option<Instant> {
        let begun = self.requests.begun();
        let ended = self.requests.ended();
        if begun > ended {
            return None;
        }
        if ended != self.ended {
            self.ended = ended;
            self.active = Instant::now();
        }
        match self.head {
            Some((since, before)) if before == begun => since.checked_add(self.header_timeout),
            _ => self.active.checked_add(self.idle_timeout),
        }
    }

    /// Tells whether the connection speaks HTTP/2, whose preface may come in pieces.
    fn is_http2(&mut self, bytes: &[u8]) -> bool {
        const PREFACE: &[u8] = b"PRI ";
        if let Some(read) = self.preface {
            let more = bytes.len().min(PREFACE.len() - read);
            self.preface = (PREFACE[read..read + more] == bytes[..more]).then_some(read + more);
        }
        self.preface == Some(PREFACE.len())
    }

    fn note_read(&mut self, bytes: &[u8]) {
        self.active = Instant::now();
        let http2 = self.is_http2(bytes);
        if http2 {
            self.head = None;
        }
        let begun = self.requests.begun();
        let arriving = self.head.is_some_and(|(_, before)| before == begun);
        if !http2 && !arriving && begun == self.requests.ended() {
            self.head = Some((self.active, begun));
        }
    }

    fn note_written<T>(&mut self, cx: &mut Context<'_>, written: Poll<io::Result<T>>) -> Poll<io::Result<T>> {
        if written.is_ready() {
            self.write_clock = Clock::default();
            self.active = Instant::now();
            return written;
        }
        let deadline = self.write_clock.deadline().or_else(|| Instant::now().checked_add(self.write_timeout));
        if deadline.is_some_and(|deadline| self.write_clock.has_struck(cx, deadline)) {
            return Poll::Ready(Err(too_slow("answer is not being read")));
        }
        Poll::Pending
    }
}

fn too_slow(what: &'static str) -> io::Error {
    io::Error::new(io::ErrorKind::TimedOut, what)
}

impl<S: AsyncRead + Unpin> AsyncRead for Paced<S> {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let this = &mut *self;
        let filled = buf.filled().len();
        if let Poll::Ready(read) = Pin::new(&mut this.stream).poll_read(cx, buf) {
            this.note_read(&buf.filled()[filled..]);
            return Poll::Ready(read);
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

/// A timer that is set only when it is looked at, so that a deadline that moves on with every request costs nothing.
#[derive(Debug, Default)]
struct Clock(Option<Pin<Box<Sleep>>>);

impl Clock {
    fn deadline(&self) -> Option<Instant> {
        self.0.as_ref().map(|sleep| sleep.deadline())
    }

    fn has_struck(&mut self, cx: &mut Context<'_>, deadline: Instant) -> bool {
        let sleep = self.0.get_or_insert_with(|| Box::pin(sleep_until(deadline)));
        if deadline < sleep.deadline() {
            sleep.as_mut().reset(deadline);
        }
        while sleep.as_mut().poll(cx).is_ready() {
            if sleep.deadline() >= deadline {
                return true;
            }
            sleep.as_mut().reset(deadline);
        }
        false
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
    async fn a_request_under_way_stops_the_clock_and_its_end_starts_it_anew() {
        let Pair { mut peer, mut paced, requests } = pair();
        peer.write_all(b"POST").await.unwrap();
        paced.read_exact(&mut [0; 4]).await.unwrap();
        let request = requests.begin();
        tokio::spawn(async move {
            sleep(Duration::from_secs(300)).await;
            drop(request);
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
        drop(requests.begin());
        advance(Duration::from_secs(50)).await;
        paced.write_all(b"200").await.unwrap();
        assert_eq!(cut_after(&mut paced).await, 75);
    }

    #[tokio::test(start_paused = true)]
    async fn http2_is_idle_between_frames_and_never_in_a_head() {
        for pieces in [&["PRI * HTTP/2.0"][..], &["PR", "I ", "* HTTP/2.0"]] {
            let Pair { mut peer, mut paced, .. } = pair();
            for piece in pieces {
                peer.write_all(piece.as_bytes()).await.unwrap();
                paced.read_exact(&mut [0; 16][..piece.len()]).await.unwrap();
            }
            assert_eq!(cut_after(&mut paced).await, 75);
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
