//! Timeouts of a connection, as a byte stream around the real one. [`PacedStream`] ends connections that idle, send a
//! head too slowly, or leave answers unread. It also ends them on orders from `state`, tells HTTP/1 from HTTP/2, and
//! replaces hyper's bare error responses. It does not parse requests: `state` says which are under way.

#[cfg(feature = "ipc")]
mod counted;
mod due;
mod ending;
mod last_response;
mod preface_buffer;
#[cfg(test)]
mod tests;

use std::hash::{BuildHasher, RandomState};
use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, ReadBuf};
use tokio::time::Instant;

use super::state::{ConnectionOrder, ConnectionState};
use crate::Limits;
use crate::http::{HttpState, HyperRefusal, UnreadAnswers};
use crate::lazy_timer::LazyTimer;
use crate::load::ConnectionLoad;
#[cfg(feature = "ipc")]
pub(super) use counted::CountedStream;
#[cfg(any(feature = "tls", test))]
pub(super) use ending::GRACE;
use last_response::LastResponse;
use preface_buffer::PrefaceBuffer;

/// A byte stream that fails once its peer has fallen behind.
///
/// Three timeouts apply. The idle timeout runs between requests. The header timeout runs from a request's first byte to
/// the end of its head. The write timeout runs while an answer waits to be written. A body has its own limits. With
/// HTTP/2, heads cannot be told from other frames, so only the idle timeout applies. HTTP/2 also buffers answers
/// itself; they are counted there.
///
/// Activity is only noted while bytes are read and written. The clock is read when the task has to wait, which is once
/// a request.
#[derive(Debug)]
pub(super) struct PacedStream<S> {
    stream: S,
    http_state: Arc<HttpState>,
    state: Arc<ConnectionState>,
    load: Arc<ConnectionLoad>,
    /// The first bytes, which were read to detect the protocol and are returned to the reader again.
    start: PrefaceBuffer,
    http2: Option<Box<Http2State>>,
    /// Whether anything was read or written since `active` was set.
    moved: bool,
    /// When anything was last read or written, or a request was last seen under way.
    active: Instant,
    /// How many requests had ended when `active` was last set.
    ended: u32,
    /// How many requests had begun when the last bytes were read with none under way. While that number stays the same,
    /// these bytes are part of a head.
    head: Option<u32>,
    /// When that head began to arrive, or when its body was first waited for.
    head_since: Option<Instant>,
    /// When the connection retires, if it has not yet.
    retires: Option<Instant>,
    /// When this stream first saw an order to end the connection.
    told: Option<Instant>,
    /// When the peer closed its half of the connection while it waited for an answer.
    half_closed: Option<Instant>,
    last_response: Option<Box<LastResponse>>,
    read_clock: LazyTimer,
    write_clock: LazyTimer,
}

/// State that only HTTP/2 needs, which few connections speak.
#[derive(Debug, Default)]
struct Http2State {
    unread: Arc<UnreadAnswers>,
    /// When the next check of the unread answers is due, if there are any.
    turn: Option<Instant>,
    /// How many reads in a row have returned data. A peer that sends without a pause would otherwise stop all timeouts.
    reads: u8,
}

impl<S> PacedStream<S> {
    pub(super) fn new(stream: S, http_state: Arc<HttpState>, state: Arc<ConnectionState>) -> Self {
        let active = Instant::now();
        let load = Arc::clone(&http_state.load);
        let age = spread(http_state.limits.max_connection_age);
        Self {
            stream,
            http_state,
            state,
            load,
            start: PrefaceBuffer::default(),
            http2: None,
            moved: false,
            active,
            ended: 0,
            head: None,
            head_since: None,
            retires: age.and_then(|age| active.checked_add(age)),
            told: None,
            half_closed: None,
            last_response: None,
            read_clock: LazyTimer::default(),
            write_clock: LazyTimer::default(),
        }
    }

    /// Counts the bytes written in this load, and enforces the load's deadline for reading answers.
    pub(super) fn counted_in(self, load: &Arc<ConnectionLoad>) -> Self {
        Self { load: Arc::clone(load), ..self }
    }

    /// Returns the count of this connection's unread answers, if it speaks HTTP/2.
    pub(super) fn unread(&self) -> Option<Arc<UnreadAnswers>> {
        self.http2.as_ref().map(|http2| Arc::clone(&http2.unread))
    }

    fn limits(&self) -> &Limits {
        &self.http_state.limits
    }

    /// Updates `active` if anything has happened since the last check, and returns whether it has.
    fn look_at_the_clock(&mut self) -> bool {
        let ended = self.state.ended();
        let has_happened = std::mem::take(&mut self.moved) || ended != self.ended;
        if has_happened {
            self.ended = ended;
            self.active = Instant::now();
        }
        has_happened
    }

    fn note_read(&mut self) {
        if let Some(http2) = &mut self.http2 {
            // The bytes may be a request or not, and only requests count. Requests under way are noted elsewhere.
            http2.reads = http2.reads.wrapping_add(1);
            return;
        }
        self.moved = true;
        let begun = self.state.begun();
        if begun == self.state.ended() && self.head != Some(begun) {
            self.head = Some(begun);
            self.head_since = None;
        }
    }

    /// Notes that an answer was written. hyper does not look for the next request until something wakes it, so this may
    /// be the last event of the connection for a while.
    fn note_answered(&mut self, cx: &Context<'_>) {
        if self.half_closed.is_some() || self.told.is_some() {
            cx.waker().wake_by_ref();
        }
        if self.http2.is_some() {
            self.note_progress();
            self.look_at_the_clock();
        } else if self.state.begun() == self.state.ended() {
            self.look_at_the_clock();
            self.state.rests(self.active);
            if self.state.order() >= ConnectionOrder::Close {
                // The order arrived while the answer was written, and the timer may fire only at the end of the idle
                // timeout.
                cx.waker().wake_by_ref();
            } else {
                self.read_clock.wake_unless_set(cx);
            }
        }
    }

    fn count_written(&self, written: &Poll<io::Result<usize>>) {
        if let Poll::Ready(Ok(bytes)) = written {
            self.load.note_written(*bytes);
        }
    }

    /// Returns the time by which the peer must have read more, or must have read everything.
    fn write_by(&self) -> Option<Instant> {
        let progress = Instant::now().checked_add(self.limits().write_progress_timeout);
        [progress, self.load.read_by()].into_iter().flatten().min()
    }

    fn note_written<T>(&mut self, cx: &mut Context<'_>, written: Poll<io::Result<T>>) -> Poll<io::Result<T>> {
        if written.is_ready() {
            self.write_clock.stop();
            self.moved |= match &self.http2 {
                // It must be part of an answer, not only frames of the connection itself.
                Some(http2) => http2.unread.any(),
                None => true,
            };
            self.note_answered(cx);
            return written;
        }
        self.state.is_busy();
        let deadline = self.write_clock.deadline().or_else(|| self.write_by());
        if deadline.is_some_and(|deadline| self.write_clock.has_struck(cx, deadline)) {
            return Poll::Ready(Err(too_slow("answer is not being read")));
        }
        Poll::Pending
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin> PacedStream<S> {
    /// Reads enough bytes to tell whether the peer speaks HTTP/2. They are returned to the reader again.
    ///
    /// # Errors
    ///
    /// If the stream fails, or the peer falls behind.
    pub(super) async fn speaks_http2(&mut self) -> io::Result<bool> {
        let mut start = PrefaceBuffer::default();
        while start.may_be_http2() && !start.is_full() {
            match self.read(start.room()).await? {
                0 => break,
                read => start.fill(read),
            }
        }
        let http2 = start.may_be_http2() && start.is_full();
        self.http2 = http2.then(Box::default);
        self.start = start;
        Ok(http2)
    }

    /// Writes our own answer where hyper would write one without a body, and then reports hyper's bytes as written.
    fn poll_refuse(&mut self, cx: &mut Context<'_>, answer: &[u8]) -> Poll<Option<io::Result<usize>>> {
        if self.last_response.is_none() {
            let Some(refusal) = HyperRefusal::of_hyper(answer).filter(|_| self.http2.is_none()) else {
                return Poll::Ready(None);
            };
            self.last_response = Some(Box::new(LastResponse::new(refusal.answer(&self.http_state))));
        }
        let Self { last_response: Some(last_response), stream, .. } = self else { return Poll::Ready(None) };
        let written = last_response.poll_write(stream, cx);
        Poll::Ready(Some(ready!(self.note_written(cx, written)).map(|()| answer.len())))
    }
}

/// After how many reads with data in a row the timeouts are checked regardless.
const READS: u8 = 64;

/// Returns a random age within 10 % of this one, so that connections that began together do not end together.
fn spread(age: Duration) -> Option<Duration> {
    // Each `RandomState` has different keys, which makes it a source of randomness.
    let random = RandomState::new().hash_one(0_u8) >> 32;
    let tenth = age / 10;
    (age - tenth).checked_add(tenth.mul_f64(random as f64 / f64::from(1_u32 << 31)))
}

fn too_slow(what: &'static str) -> io::Error {
    io::Error::new(io::ErrorKind::TimedOut, what)
}

impl<S: AsyncRead + AsyncWrite + Unpin> AsyncRead for PacedStream<S> {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let this = &mut *self;
        let given = this.start.has_more();
        if given {
            this.start.give(buf);
        }
        let before = buf.remaining();
        let read = match Pin::new(&mut this.stream).poll_read(cx, buf) {
            Poll::Ready(Err(error)) => Poll::Ready(Err(error)),
            // If this is the end of the stream, the next read reports it again.
            _ if given => Poll::Ready(Ok(())),
            read => read,
        };
        if read.is_ready() {
            let is_end = !given && before == buf.remaining() && before > 0;
            if is_end && matches!(read, Poll::Ready(Ok(()))) && this.waits_at_the_end(cx) {
                return Poll::Pending;
            }
            this.note_read();
            if this.http2.as_ref().is_none_or(|http2| !http2.reads.is_multiple_of(READS)) {
                return read;
            }
        }
        match this.poll_due(cx, read.is_ready()) {
            Some(end) => Poll::Ready(end),
            None => read,
        }
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin> AsyncWrite for PacedStream<S> {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        if let Some(refused) = ready!(self.poll_refuse(cx, buf)) {
            return Poll::Ready(refused);
        }
        let written = Pin::new(&mut self.stream).poll_write(cx, buf);
        self.count_written(&written);
        self.note_written(cx, written)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        if let Some(head) = bufs.first()
            && let Some(refused) = ready!(self.poll_refuse(cx, head))
        {
            return Poll::Ready(refused);
        }
        let written = Pin::new(&mut self.stream).poll_write_vectored(cx, bufs);
        self.count_written(&written);
        self.note_written(cx, written)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let Self { last_response, stream, read_clock, .. } = &mut *self;
        match last_response {
            Some(last_response) => last_response.poll_linger(stream, read_clock, cx),
            None => Pin::new(stream).poll_shutdown(cx),
        }
    }
}
