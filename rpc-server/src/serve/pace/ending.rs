//! How long a connection may linger after an order to close, or after its peer has closed its half.

use std::task::Context;
use std::time::Duration;

use tokio::time::Instant;

use super::PacedStream;
use super::due::DueAction;
use crate::serve::state::ConnectionOrder;

/// How long a connection with an order to close stays open once no request is under way. In this time the peer can send
/// the rest of a head, or receive HTTP/2's GOAWAY.
pub(in crate::serve) const GRACE: Duration = Duration::from_secs(1);

/// How long a connection at rest with an order to close is still polled. The server sees bytes that the system already
/// has within this time, since timers fire only after the system was polled.
const LOOK: Duration = Duration::from_millis(2);

/// How long a new connection with an order to close is given to send its first request. It was most likely opened for
/// one.
const FIRST_GRACE: Duration = Duration::from_millis(200);

/// How long an HTTP/2 connection that is evicted may take to receive GOAWAY.
const EVICT_GRACE: Duration = Duration::from_millis(200);

/// How long the server waits for a peer that has closed its half of the connection, and may still read.
const HALF_CLOSED: Duration = Duration::from_secs(1);

/// How long the server waits for that peer if its request seems incomplete. The server may only not have read all of it
/// yet.
const BROKEN_OFF: Duration = Duration::from_millis(100);

impl<S> PacedStream<S> {
    /// Returns when a connection at rest closes, if it has an order to end.
    #[cold]
    pub(super) fn closes(&mut self, in_head: bool) -> Option<Instant> {
        let order = self.state.order();
        let is_told =
            if self.http2.is_some() { order > ConnectionOrder::GoOn } else { order >= ConnectionOrder::Close };
        if !is_told {
            return None;
        }
        let told = *self.told.get_or_insert_with(Instant::now);
        let since = told.max(self.head_since.unwrap_or(self.active));
        let asked = self.state.begun() > 0;
        Some(match order {
            _ if self.state.refuses() => told,
            ConnectionOrder::Evict if in_head => told,
            ConnectionOrder::Evict if self.http2.is_some() && asked => told + EVICT_GRACE,
            ConnectionOrder::Evict => told + LOOK,
            _ if in_head || self.http2.is_some() => since + GRACE,
            _ if asked => since + LOOK,
            _ => (told + LOOK).max(self.active + FIRST_GRACE),
        })
    }

    /// Returns when the connection begins to refuse new requests over HTTP/2, if the peer was sent GOAWAY.
    pub(super) fn refuses(&mut self) -> Option<(Instant, DueAction)> {
        if self.http2.is_none() || self.state.order() == ConnectionOrder::GoOn || self.state.refuses() {
            return None;
        }
        let told = *self.told.get_or_insert_with(Instant::now);
        Some((told + GRACE, DueAction::Refuse))
    }

    /// Returns when to close, if the connection is evicted while a request is still arriving.
    pub(super) fn evicted(&self) -> Option<(Instant, DueAction)> {
        let state = &self.state;
        let is_evicted = state.order() == ConnectionOrder::Evict && state.begun() != state.ended() && !state.runs();
        is_evicted.then_some((self.active, DueAction::Close))
    }

    /// Notes that part of an answer was written over HTTP/2. Answers may wait inside HTTP/2 even when nothing waits to
    /// be written. Once no request is under way, the server waits for a half-closed peer as long as it reads.
    pub(super) fn note_progress(&mut self) {
        if self.half_closed.is_some() && self.state.begun() == self.state.ended() {
            self.half_closed = Some(Instant::now());
        }
    }

    /// Returns whether to hide the peer's end of stream for now, since the peer may still read. It is hidden for a
    /// limited time while requests run, and while answers are written.
    #[cold]
    pub(super) fn waits_at_the_end(&mut self, cx: &mut Context<'_>) -> bool {
        let is_first = self.half_closed.is_none();
        let under_way = self.state.begun() != self.state.ended();
        let unread = self.http2.as_ref().is_some_and(|http2| http2.unread.any());
        let is_written = self.write_clock.is_set();
        if !(under_way || unread || is_written) {
            // HTTP/2 reads to the end before it handles the requests that it has read.
            let looks_again = is_first && self.http2.is_some();
            if looks_again {
                self.half_closed = Some(Instant::now());
                cx.waker().wake_by_ref();
            }
            return looks_again;
        }
        let since = *self.half_closed.get_or_insert_with(Instant::now);
        if self.http2.is_none() {
            // The next answer is the last one.
            self.state.tell(ConnectionOrder::Retire);
        }
        if is_written && !under_way {
            // The write timeout bounds this wait.
            return true;
        }
        let has_arrived = !under_way || self.state.runs();
        let wait = if has_arrived { HALF_CLOSED } else { BROKEN_OFF };
        !self.read_clock.has_struck(cx, since + wait)
    }
}
