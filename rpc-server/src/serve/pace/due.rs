//! The next deadline of a connection, and its action: retire, check unread answers, reject a slow head, or close.

use std::io;
use std::pin::Pin;
use std::task::Context;
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite};
use tokio::time::Instant;

use super::last_response::LastResponse;
use super::{Http2State, PacedStream, too_slow};
use crate::http::{HyperRefusal, StalledAnswer, UnreadAnswers};
use crate::serve::state::ConnectionOrder;

/// The action at a deadline.
#[derive(Clone, Copy, Debug)]
pub(super) enum DueAction {
    Retire,
    /// Check the unread answers.
    Turn,
    /// End a connection whose head did not arrive in time.
    Head,
    /// End a connection that was at rest for too long.
    Rest,
    /// End a connection that has an order to end.
    Close,
    /// Refuse new requests: the grace after GOAWAY is over.
    Refuse,
}

impl<S> PacedStream<S> {
    /// Returns the next deadline and its action.
    fn next_due(&mut self) -> Option<(Instant, DueAction)> {
        if self.http2.is_some() {
            return self.next_due_of_http2();
        }
        // Whether a request under way is still arriving is noted where its body is awaited.
        let under_way = self.state.begun() != self.state.ended();
        // The age only affects the next answer, so it does not matter while a request is under way.
        if under_way || self.write_clock.is_set() {
            return self.evicted();
        }
        let rest = self.rest()?;
        if self.state.order() != ConnectionOrder::GoOn {
            self.retires = None;
        }
        match self.retires {
            Some(at) if at < rest.0 => Some((at, DueAction::Retire)),
            _ => Some(rest),
        }
    }

    fn next_due_of_http2(&mut self) -> Option<(Instant, DueAction)> {
        let unread = self.http2.as_ref().is_some_and(|http2| http2.unread.any());
        let under_way = self.state.begun() != self.state.ended();
        if unread {
            // Written answers are noticed only at the next check, but idle time begins before that.
            self.look_at_the_clock();
        }
        if under_way {
            self.note_under_way();
        }
        let rest = if under_way || unread || self.write_clock.is_set() { None } else { self.rest() };
        let turn_time = self.limits().write_progress_timeout / UnreadAnswers::TURNS;
        let turn = self.http2.as_mut().and_then(|http2| http2.next_turn(unread, turn_time));
        if self.state.order() != ConnectionOrder::GoOn {
            self.retires = None;
        }
        let retires = self.retires.map(|at| (at, DueAction::Retire));
        [rest, turn, retires, self.refuses(), self.evicted()].into_iter().flatten().min_by_key(|(at, _)| *at)
    }

    /// Notes that requests are under way over HTTP/2, and whether all of them are still arriving.
    fn note_under_way(&mut self) {
        self.moved = true;
        if !self.state.runs() {
            let since = *self.head_since.get_or_insert_with(Instant::now);
            self.state.arrives(since);
        }
    }

    /// Notes that no request is under way, and returns the deadline for that.
    fn rest(&mut self) -> Option<(Instant, DueAction)> {
        let has_happened = self.look_at_the_clock();
        let in_head = self.head == Some(self.state.begun()) && self.http2.is_none();
        let (deadline, due) = if in_head {
            let since = *self.head_since.get_or_insert(self.active);
            self.state.arrives(since);
            (since.checked_add(self.limits().header_timeout), DueAction::Head)
        } else {
            self.head_since = None;
            // If nothing has happened since the answer was written, the phase was noted then.
            if has_happened || !self.state.is_resting() {
                self.state.rests(self.active);
            }
            (self.active.checked_add(self.limits().idle_timeout), DueAction::Rest)
        };
        let due = deadline.map(|at| (at, due));
        if self.state.order() == ConnectionOrder::GoOn {
            return due;
        }
        let close = self.closes(in_head).map(|at| (at, DueAction::Close));
        [due, close].into_iter().flatten().min_by_key(|(at, _)| *at)
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin> PacedStream<S> {
    /// Starts the next check of the unread answers, and returns whether the peer has fallen behind with them.
    fn is_left_behind(&mut self) -> bool {
        self.http2.as_mut().is_some_and(|http2| http2.begin_turn().is_err()) || self.load.is_overdue()
    }

    /// Performs the actions that are due, and returns how the stream ends if one ends it. With `is_ready` it sets no
    /// timer, since the task does not wait.
    pub(super) fn poll_due(&mut self, cx: &mut Context<'_>, is_ready: bool) -> Option<io::Result<()>> {
        while let Some((deadline, due)) = self.next_due() {
            let is_due = if is_ready { deadline <= Instant::now() } else { self.read_clock.has_struck(cx, deadline) };
            if !is_due {
                break;
            }
            match due {
                DueAction::Retire => self.state.tell(ConnectionOrder::Retire),
                DueAction::Refuse => self.state.refuse(),
                DueAction::Turn if self.is_left_behind() => {
                    return Some(Err(too_slow("answer is not being read")));
                }
                DueAction::Turn => {}
                DueAction::Head => {
                    self.refuse_slow_head(cx);
                    return Some(Err(too_slow("head of a request did not arrive in time")));
                }
                DueAction::Rest => return Some(Err(too_slow("no request arrived in time"))),
                // An orderly end, if the connection is at rest.
                DueAction::Close if self.head != Some(self.state.begun()) && self.http2.is_none() => {
                    return Some(Ok(()));
                }
                DueAction::Close => return Some(Err(too_slow("the connection was told to end"))),
            }
        }
        None
    }

    /// Sends the peer the rejection of its slow head, if that can be written at once. The connection ends in any case.
    fn refuse_slow_head(&mut self, cx: &mut Context<'_>) {
        let mut last_response = LastResponse::new(HyperRefusal::TooSlow.answer(&self.http_state));
        let _ = last_response.poll_write(&mut self.stream, cx);
        let _ = Pin::new(&mut self.stream).poll_flush(cx);
    }
}

impl Http2State {
    /// Returns when the next check of the unread answers is due, if there are any.
    fn next_turn(&mut self, unread: bool, after: Duration) -> Option<(Instant, DueAction)> {
        if !unread {
            self.turn = None;
            return None;
        }
        if self.turn.is_none() {
            self.turn = Instant::now().checked_add(after);
        }
        self.turn.map(|turn| (turn, DueAction::Turn))
    }

    fn begin_turn(&mut self) -> Result<(), StalledAnswer> {
        self.turn = None;
        self.unread.begin_turn()
    }
}
