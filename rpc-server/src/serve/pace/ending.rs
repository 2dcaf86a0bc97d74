//! How long a connection may linger after an order to close, or after its peer has closed its half.

use std::task::Context;
use std::time::Duration;

use tokio::time::Instant;

use super::Paced;
use super::due::Due;
use crate::serve::state::Order;

/// How long a connection that is told to close may take to do so once nothing is under way: to send the rest of a head,
/// or to see HTTP/2's goodbye.
pub(in crate::serve) const GRACE: Duration = Duration::from_secs(1);

/// How long a connection at rest that is told to close is looked at: bytes that the system has already are noticed
/// within this time, since timers strike only after the system was asked.
const LOOK: Duration = Duration::from_millis(2);

/// How long the first request of a new connection is waited for that is told to close: it was most likely made for one.
const FIRST_GRACE: Duration = Duration::from_millis(200);

/// How long a connection that has to make room for others may take to see HTTP/2's goodbye.
const EVICT_GRACE: Duration = Duration::from_millis(200);

/// How long a peer is waited for that has closed its half of the connection, and may read on.
const HALF_CLOSED: Duration = Duration::from_secs(1);

/// How long that peer is waited for where its request seems to have broken off. It may only not have been looked at.
const BROKEN_OFF: Duration = Duration::from_millis(100);

impl<S> Paced<S> {
    /// Returns when a connection at rest closes, if it was told to end.
    #[cold]
    pub(super) fn closes(&mut self, in_head: bool) -> Option<Instant> {
        let order = self.state.order();
        let is_told = if self.http2.is_some() { order > Order::GoOn } else { order >= Order::Close };
        if !is_told {
            return None;
        }
        let told = *self.told.get_or_insert_with(Instant::now);
        let since = told.max(self.head_since.unwrap_or(self.active));
        let asked = self.state.begun() > 0;
        Some(match order {
            _ if self.state.refuses() => told,
            Order::Evict if in_head => told,
            Order::Evict if self.http2.is_some() && asked => told + EVICT_GRACE,
            Order::Evict => told + LOOK,
            _ if in_head || self.http2.is_some() => since + GRACE,
            _ if asked => since + LOOK,
            _ => (told + LOOK).max(self.active + FIRST_GRACE),
        })
    }

    /// Returns from when on new requests are refused over HTTP/2, if the peer was told to send no more.
    pub(super) fn refuses(&mut self) -> Option<(Instant, Due)> {
        if self.http2.is_none() || self.state.order() == Order::GoOn || self.state.refuses() {
            return None;
        }
        let told = *self.told.get_or_insert_with(Instant::now);
        Some((told + GRACE, Due::Refuse))
    }

    /// Tells whether the connection has to make room while something arrives.
    pub(super) fn evicted(&self) -> Option<(Instant, Due)> {
        let state = &self.state;
        let is_evicted = state.order() == Order::Evict && state.begun() != state.ended() && !state.runs();
        is_evicted.then_some((self.active, Due::Close))
    }

    /// Notes that a part of an answer was written over HTTP/2, where answers may wait though nothing waits to be
    /// written: once no request is under way, a peer that has closed its half is waited for as long as it reads.
    pub(super) fn note_progress(&mut self) {
        if self.half_closed.is_some() && self.state.begun() == self.state.ended() {
            self.half_closed = Some(Instant::now());
        }
    }

    /// Tells whether the end of what the peer sends is not told yet, since it may still read: for a while as long as
    /// requests run, and while answers are written.
    #[cold]
    pub(super) fn waits_at_the_end(&mut self, cx: &mut Context<'_>) -> bool {
        let is_first = self.half_closed.is_none();
        let under_way = self.state.begun() != self.state.ended();
        let unread = self.http2.as_ref().is_some_and(|http2| http2.unread.any());
        let is_written = self.write_clock.is_set();
        if !(under_way || unread || is_written) {
            // HTTP/2 reads to the end before it looks at the requests that it has read.
            let looks_again = is_first && self.http2.is_some();
            if looks_again {
                self.half_closed = Some(Instant::now());
                cx.waker().wake_by_ref();
            }
            return looks_again;
        }
        let since = *self.half_closed.get_or_insert_with(Instant::now);
        if self.http2.is_none() {
            // Its answer is the last one.
            self.state.tell(Order::Retire);
        }
        if is_written && !under_way {
            // This time is kept elsewhere.
            return true;
        }
        let has_arrived = !under_way || self.state.runs();
        let wait = if has_arrived { HALF_CLOSED } else { BROKEN_OFF };
        !self.read_clock.has_struck(cx, since + wait)
    }
}
