//! [`Driver`]: one WebSocket until its end. It passes the client's messages to the session, and asks the session for
//! messages while there is room for them.

use std::mem::MaybeUninit;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use rpc_core::contain::contain;
use rpc_core::{Session, SessionEvent};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::{Instant, Sleep, sleep_until};

use super::close::CloseReason;
use super::frame::{FrameReader, Received, begin_text, end_text, retract_text, write_close, write_ping, write_pong};
use super::heartbeat::{Beat, Heartbeat};
use super::output::OutputBuffer;
use super::settings::WebSocketSettings;
use crate::Limits;
use crate::load::ConnectionLoad;

/// How many bytes are read at a time. They are on the stack, so that idle connections keep no buffer.
const READ: usize = 8 << 10;

/// How many turns a driver takes before it lets other tasks run.
const TURNS: usize = 16;

/// How long the server waits for the client after it has sent a close frame.
const GRACE: Duration = Duration::from_secs(1);

/// One WebSocket until its end.
pub(super) struct Driver<S, E> {
    stream: S,
    session: Box<dyn Session>,
    reader: FrameReader,
    output: OutputBuffer,
    heartbeat: Heartbeat,
    /// How many messages of the client may still have an answer that waits in the session.
    unanswered: usize,
    /// How long a message may take to arrive.
    message_timeout: Duration,
    /// When the message that arrives must be whole.
    message_by: Option<Instant>,
    /// Returns whether the connection has to end.
    must_end: E,
    closing: Option<Closing>,
    timer: Option<Pin<Box<Sleep>>>,
}

/// A WebSocket for which a close frame was queued.
struct Closing {
    /// When the connection ends, whatever the client does, once everything is written.
    until: Instant,
    step: ClosingStep,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum ClosingStep {
    /// The client has not closed its side yet.
    AwaitsPeer,
    /// The client's bytes make no sense any more. The server closes its half, and discards what still comes.
    Discards,
    /// Both sides have closed. The connection ends once everything is written.
    Done,
}

/// The connection has ended.
struct Ended;

impl<S, E> Driver<S, E>
where
    S: AsyncRead + AsyncWrite + Unpin,
    E: Fn() -> bool,
{
    pub(super) fn new(
        stream: S,
        session: Box<dyn Session>,
        parts: (&Arc<ConnectionLoad>, &Limits, &WebSocketSettings),
        must_end: E,
    ) -> Self {
        let (load, limits, settings) = parts;
        Self {
            stream,
            session,
            reader: FrameReader::new(limits.max_request_bytes, load),
            output: OutputBuffer::new(load, limits.write_progress_timeout),
            heartbeat: Heartbeat::new(settings.ping_interval, Instant::now()),
            unanswered: 0,
            message_timeout: limits.body_timeout,
            message_by: None,
            must_end,
            closing: None,
            timer: None,
        }
    }

    /// Takes the bytes that came with the request that opened the WebSocket.
    pub(super) fn take_first(&mut self, bytes: &[u8]) {
        self.take(&mut bytes.to_vec());
    }

    /// Drives the connection. It is ready at the end.
    pub(super) fn poll(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        for _ in 0..TURNS {
            match self.turn(cx) {
                Ok(true) => {}
                Ok(false) => match self.poll_timer(cx) {
                    Poll::Ready(Ok(())) => {}
                    Poll::Ready(Err(Ended)) => return Poll::Ready(()),
                    Poll::Pending => return Poll::Pending,
                },
                Err(Ended) => return Poll::Ready(()),
            }
        }
        cx.waker().wake_by_ref();
        Poll::Pending
    }

    /// Reads, runs and writes once. Returns whether another turn may find something to do.
    fn turn(&mut self, cx: &mut Context<'_>) -> Result<bool, Ended> {
        if self.closing.is_none() && (self.must_end)() {
            self.guard(|session| session.drain());
        }
        // A client that does not read is not read from either, so its answers cannot pile up. Neither can those that
        // are larger than their messages.
        let may_read = self.output.has_room() && self.unanswered == 0;
        let has_read = may_read && self.read(cx)?;
        let is_pulled = self.pull(cx);
        // Once a close frame is queued, no message follows.
        let has_more = !may_read || (!is_pulled && self.closing.is_none());
        let has_waited = self.output.write_by().is_some();
        match self.output.poll_write(&mut self.stream, cx) {
            Poll::Ready(Ok(())) => {
                if let Some(closing) = &mut self.closing {
                    if has_waited {
                        closing.until = Instant::now() + GRACE;
                    }
                    match closing.step {
                        ClosingStep::Done => return Err(Ended),
                        // The client learns at once that nothing more comes.
                        ClosingStep::Discards => drop(Pin::new(&mut self.stream).poll_shutdown(cx)),
                        ClosingStep::AwaitsPeer => {}
                    }
                }
                Ok(has_read || has_more)
            }
            Poll::Ready(Err(error)) => {
                tracing::debug!(%error, "a WebSocket ended early");
                Err(Ended)
            }
            Poll::Pending => Ok(has_read || (has_more && self.output.has_room())),
        }
    }

    /// Reads once. Returns whether anything has come.
    fn read(&mut self, cx: &mut Context<'_>) -> Result<bool, Ended> {
        let mut space = [const { MaybeUninit::uninit() }; READ];
        let mut buf = ReadBuf::uninit(&mut space);
        match Pin::new(&mut self.stream).poll_read(cx, &mut buf) {
            Poll::Pending => Ok(false),
            Poll::Ready(Ok(())) if !buf.filled().is_empty() => {
                self.heartbeat.note_heard();
                self.take(buf.filled_mut());
                Ok(true)
            }
            Poll::Ready(result) => {
                if let Err(error) = result {
                    tracing::debug!(%error, "a WebSocket ended early");
                }
                Err(Ended)
            }
        }
    }

    /// Takes bytes of the client.
    fn take(&mut self, mut bytes: &mut [u8]) {
        loop {
            if self.closing.as_ref().is_some_and(|closing| closing.step != ClosingStep::AwaitsPeer) {
                return;
            }
            match self.reader.read(&mut bytes) {
                Ok(None) => return self.note_arriving(),
                Ok(Some(Received::Close(code))) => self.end_by_peer(code),
                Ok(Some(_)) if self.closing.is_some() => {}
                Ok(Some(Received::Text(message))) => {
                    self.unanswered += 1;
                    self.message_by = None;
                    self.guard(|session| session.receive(message));
                }
                Ok(Some(Received::Ping(payload))) => write_pong(&mut self.output.bytes, &payload),
                Ok(Some(Received::Pong)) => {}
                Err(reason) => self.close(reason, ClosingStep::Discards),
            }
        }
    }

    /// Notes whether a part of a message has arrived.
    fn note_arriving(&mut self) {
        if !self.reader.is_within_message() {
            self.message_by = None;
        } else if self.message_by.is_none() {
            self.message_by = Instant::now().checked_add(self.message_timeout);
        }
    }

    /// Calls the session, which may be the user's code. A panic closes the connection.
    fn guard(&mut self, call: impl FnOnce(&mut dyn Session)) {
        if contain(|| call(&mut *self.session)).is_none() {
            self.close(CloseReason::Panicked, ClosingStep::AwaitsPeer);
        }
    }

    /// Takes messages of the session while there is room. Returns whether the session has none left.
    fn pull(&mut self, cx: &mut Context<'_>) -> bool {
        while self.closing.is_none() && self.output.has_room() {
            let start = begin_text(&mut self.output.bytes);
            let Self { session, output, .. } = self;
            let begun = output.bytes.len();
            match contain(|| session.poll_message(cx, &mut output.bytes)) {
                Some(Poll::Ready(SessionEvent::Message)) if output.bytes.len() >= begun => {
                    end_text(&mut output.bytes, start);
                    self.unanswered = self.unanswered.saturating_sub(1);
                }
                Some(Poll::Pending) => {
                    retract_text(&mut output.bytes, start);
                    self.unanswered = 0;
                    return true;
                }
                Some(Poll::Ready(SessionEvent::Ended)) => {
                    retract_text(&mut output.bytes, start);
                    let reason = if (self.must_end)() { CloseReason::GoingAway } else { CloseReason::Ended };
                    self.close(reason, ClosingStep::AwaitsPeer);
                }
                Some(_) | None => {
                    retract_text(&mut output.bytes, start);
                    self.close(CloseReason::Panicked, ClosingStep::AwaitsPeer);
                }
            }
        }
        if self.closing.is_none() {
            self.guard(|session| session.run(cx));
        }
        false
    }

    /// Queues a close frame.
    fn close(&mut self, reason: CloseReason, step: ClosingStep) {
        if self.closing.is_none() {
            tracing::debug!(code = reason.code(), "a WebSocket is closed: {}", reason.text());
            write_close(&mut self.output.bytes, Some(reason.code()), reason.text());
        }
        self.closing = Some(Closing { until: Instant::now() + GRACE, step });
        // No message follows.
        self.unanswered = 0;
    }

    /// Replies to the client's close frame, unless it is a reply itself.
    fn end_by_peer(&mut self, code: Option<u16>) {
        if self.closing.is_none() {
            write_close(&mut self.output.bytes, code, "");
        }
        self.closing = Some(Closing { until: Instant::now() + GRACE, step: ClosingStep::Done });
    }

    /// Waits for the next deadline, and acts on it.
    fn poll_timer(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Ended>> {
        let write_by = self.output.write_by();
        let ends = self.closing.as_ref().map(|closing| closing.until).filter(|_| write_by.is_none());
        let is_open = self.closing.is_none();
        let beats = self.heartbeat.next().filter(|_| is_open);
        let message_by = self.message_by.filter(|_| is_open);
        loop {
            let Some(due) = [ends, beats, write_by, message_by].into_iter().flatten().min() else {
                return Poll::Pending;
            };
            let timer = self.timer.get_or_insert_with(|| Box::pin(sleep_until(due)));
            if timer.deadline() > due {
                timer.as_mut().reset(due);
            }
            if timer.as_mut().poll(cx).is_pending() {
                return Poll::Pending;
            }
            if timer.deadline() >= due {
                break;
            }
            // The timer was set for an earlier time. It is not reset whenever a deadline moves, since that costs more.
            timer.as_mut().reset(due);
        }
        self.timer = None;
        let now = Instant::now();
        let is_over = |deadline: Option<Instant>| deadline.is_some_and(|deadline| deadline <= now);
        if is_over(write_by) {
            tracing::debug!("a WebSocket was cut: its client does not read");
            return Poll::Ready(Err(Ended));
        }
        if is_over(ends) {
            return Poll::Ready(Err(Ended));
        }
        if is_over(message_by) {
            if self.output.has_room() {
                self.close(CloseReason::TooSlow, ClosingStep::Discards);
                return Poll::Ready(Ok(()));
            }
            // The server does not read at the moment.
            self.message_by = now.checked_add(self.message_timeout);
        }
        if is_over(beats) {
            if !self.output.has_room() {
                // The time for writing bounds this wait.
                self.heartbeat.put_off(now);
            } else if self.heartbeat.beat(now) == Beat::End {
                tracing::debug!("a WebSocket was cut: its client has not answered two pings");
                return Poll::Ready(Err(Ended));
            } else {
                write_ping(&mut self.output.bytes);
            }
        }
        Poll::Ready(Ok(()))
    }

    /// Returns the stream. The session is dropped.
    pub(super) fn into_stream(self) -> S {
        let Self { stream, session, .. } = self;
        contain(|| drop(session));
        stream
    }
}

#[cfg(test)]
mod tests;
