//! [`Driver`]: the connection of one session until its end. It passes the peer's messages to the session, and asks the
//! session for messages while there is room for them. A [`MessageFraming`] tells the messages apart.

mod framing;
mod heartbeat;
mod output;

use std::mem::MaybeUninit;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use rpc_core::contain::contain;
use rpc_core::{Session, SessionEvent};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::{Instant, Sleep, sleep_until};

use crate::Limits;
use crate::load::ConnectionLoad;
pub(crate) use framing::{InputEnd, MessageFraming, Received, SessionEnd};
use heartbeat::{Beat, Heartbeat};
use output::OutputBuffer;

/// How many bytes are read at a time. They are on the stack, so that idle connections keep no buffer.
const READ: usize = 8 << 10;

/// How many turns a driver takes before it lets other tasks run.
const TURNS: usize = 16;

/// How long the server waits for the peer after it has written the end of the connection.
const GRACE: Duration = Duration::from_secs(1);

/// The connection of one session until its end.
pub(crate) struct Driver<S, F, E> {
    stream: S,
    session: Box<dyn Session>,
    framing: F,
    output: OutputBuffer,
    heartbeat: Heartbeat,
    /// How many messages of the peer may still have an answer that waits in the session.
    unanswered: usize,
    /// How long a message may take to arrive.
    message_timeout: Duration,
    /// When the message that arrives must be whole.
    message_by: Option<Instant>,
    /// Returns whether the connection has to end.
    must_end: E,
    /// Whether the peer may still send.
    is_input_open: bool,
    closing: Option<Closing>,
    timer: Option<Pin<Box<Sleep>>>,
}

/// A connection whose end was queued.
struct Closing {
    /// When the connection ends, whatever the peer does, once everything is written.
    until: Instant,
    step: ClosingStep,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum ClosingStep {
    /// The peer has not closed its side yet.
    AwaitsPeer,
    /// The peer's bytes mean nothing any more. The server closes its half, and discards what still comes.
    Discards,
    /// Both sides have closed. The connection ends once everything is written.
    Done,
}

/// The connection has ended.
struct Ended;

impl<S, F, E> Driver<S, F, E>
where
    S: AsyncRead + AsyncWrite + Unpin,
    F: MessageFraming,
    E: Fn() -> bool,
{
    pub(crate) fn new(
        stream: S,
        session: Box<dyn Session>,
        framing: F,
        parts: (&Arc<ConnectionLoad>, &Limits, E),
    ) -> Self {
        let (load, limits, must_end) = parts;
        Self {
            stream,
            session,
            output: OutputBuffer::new(load, limits.write_progress_timeout),
            heartbeat: Heartbeat::new(framing.ping_interval(), Instant::now()),
            framing,
            unanswered: 0,
            message_timeout: limits.body_timeout,
            message_by: None,
            must_end,
            is_input_open: true,
            closing: None,
            timer: None,
        }
    }

    /// Takes the bytes that came with the request that opened the connection.
    #[cfg_attr(not(feature = "websocket"), allow(dead_code, reason = "only WebSockets have such requests"))]
    pub(crate) fn take_first(&mut self, bytes: &[u8]) {
        self.take(&mut bytes.to_vec());
    }

    /// Drives the connection. It is ready at the end.
    pub(crate) fn poll(&mut self, cx: &mut Context<'_>) -> Poll<()> {
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
        // A peer that does not read is not read from either, so its answers cannot pile up. Neither can those that
        // are larger than their messages.
        let may_read = self.output.has_room() && self.unanswered == 0;
        let has_read = may_read && self.is_input_open && self.read(cx)?;
        let is_pulled = self.pull(cx);
        // Once the end is queued, no message follows.
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
                        // The peer learns at once that nothing more comes.
                        ClosingStep::Discards => drop(Pin::new(&mut self.stream).poll_shutdown(cx)),
                        ClosingStep::AwaitsPeer => {}
                    }
                }
                Ok(has_read || has_more)
            }
            Poll::Ready(Err(error)) => {
                tracing::debug!(%error, "{} ended early", F::NAME);
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
            Poll::Ready(Ok(())) => self.end_input(cx),
            Poll::Ready(Err(error)) => {
                tracing::debug!(%error, "{} ended early", F::NAME);
                Err(Ended)
            }
        }
    }

    /// Takes the end of the peer's bytes. Its calls in flight are still answered if the framing says so.
    #[cold]
    fn end_input(&mut self, cx: &mut Context<'_>) -> Result<bool, Ended> {
        let InputEnd::Drains(last) = self.framing.finish() else { return Err(Ended) };
        // A socket whose peer has closed both directions fails at once. Its peer has left, and reads no answer.
        if let Poll::Ready(Err(error)) = Pin::new(&mut self.stream).poll_write(cx, &[]) {
            tracing::debug!(%error, "the peer of {} has left", F::NAME);
            return Err(Ended);
        }
        self.is_input_open = false;
        self.message_by = None;
        if let Some(closing) = &mut self.closing {
            closing.step = ClosingStep::Done;
        } else {
            self.guard(|session| {
                last.into_iter().for_each(|message| session.receive(message));
                session.drain();
            });
        }
        Ok(true)
    }

    /// Takes bytes of the peer.
    fn take(&mut self, mut bytes: &mut [u8]) {
        loop {
            if self.closing.as_ref().is_some_and(|closing| closing.step != ClosingStep::AwaitsPeer) {
                return;
            }
            match self.framing.read(&mut bytes) {
                Ok(None) => return self.note_arriving(),
                Ok(Some(Received::Close(code))) => self.end_by_peer(code),
                Ok(Some(_)) if self.closing.is_some() => {}
                Ok(Some(Received::Message(message))) => {
                    self.unanswered += 1;
                    self.message_by = None;
                    self.guard(|session| session.receive(message));
                }
                Ok(Some(Received::Refused(answer))) => self.answer(&answer),
                Ok(Some(Received::Ping(payload))) => self.framing.write_pong(&mut self.output.bytes, &payload),
                Ok(Some(Received::Pong)) => {}
                Err(reason) => self.close(&reason, ClosingStep::Discards),
            }
        }
    }

    /// Notes whether a part of a message has arrived.
    fn note_arriving(&mut self) {
        if !self.framing.is_within_message() {
            self.message_by = None;
        } else if self.message_by.is_none() {
            self.message_by = Instant::now().checked_add(self.message_timeout);
        }
    }

    /// Writes an answer that is not the session's.
    #[cold]
    fn answer(&mut self, text: &[u8]) {
        self.message_by = None;
        let output = &mut self.output.bytes;
        let start = self.framing.begin_message(output);
        output.extend_from_slice(text);
        self.framing.end_message(output, start);
    }

    /// Calls the session, which may be the user's code. A panic ends the connection.
    fn guard(&mut self, call: impl FnOnce(&mut dyn Session)) {
        if contain(|| call(&mut *self.session)).is_none() {
            self.close(&SessionEnd::Panicked.into(), ClosingStep::AwaitsPeer);
        }
    }

    /// Takes messages of the session while there is room. Returns whether the session has none left.
    fn pull(&mut self, cx: &mut Context<'_>) -> bool {
        while self.closing.is_none() && self.output.has_room() {
            let start = self.framing.begin_message(&mut self.output.bytes);
            let Self { session, framing, output, .. } = self;
            let begun = output.bytes.len();
            match contain(|| session.poll_message(cx, &mut output.bytes)) {
                Some(Poll::Ready(SessionEvent::Message)) if output.bytes.len() >= begun => {
                    framing.end_message(&mut output.bytes, start);
                    self.unanswered = self.unanswered.saturating_sub(1);
                }
                Some(Poll::Pending) => {
                    output.bytes.truncate(start);
                    self.unanswered = 0;
                    return true;
                }
                Some(Poll::Ready(SessionEvent::Ended)) => {
                    output.bytes.truncate(start);
                    let reason = if (self.must_end)() { SessionEnd::GoingAway } else { SessionEnd::Ended };
                    self.close(&reason.into(), ClosingStep::AwaitsPeer);
                }
                Some(_) | None => {
                    output.bytes.truncate(start);
                    self.close(&SessionEnd::Panicked.into(), ClosingStep::AwaitsPeer);
                }
            }
        }
        if self.closing.is_none() {
            self.guard(|session| session.run(cx));
        }
        false
    }

    /// Queues the end of the connection.
    fn close(&mut self, reason: &F::Reason, step: ClosingStep) {
        if self.closing.is_none() {
            self.framing.write_close(&mut self.output.bytes, reason);
        }
        self.begin_closing(match step {
            _ if !self.is_input_open => ClosingStep::Done,
            ClosingStep::AwaitsPeer if !F::AWAITS_CLOSE => ClosingStep::Discards,
            step => step,
        });
        // No message follows.
        self.unanswered = 0;
    }

    /// Replies to the peer's close, unless it is a reply itself.
    fn end_by_peer(&mut self, code: Option<u16>) {
        if self.closing.is_none() {
            self.framing.write_close_reply(&mut self.output.bytes, code);
        }
        self.begin_closing(ClosingStep::Done);
    }

    fn begin_closing(&mut self, step: ClosingStep) {
        self.closing = Some(Closing { until: Instant::now() + GRACE, step });
    }

    /// Returns what tells the messages apart.
    #[cfg_attr(not(feature = "ipc"), allow(dead_code, reason = "WebSockets are not evicted"))]
    pub(crate) fn framing(&self) -> &F {
        &self.framing
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
            tracing::debug!("{} was cut: its peer does not read", F::NAME);
            return Poll::Ready(Err(Ended));
        }
        if is_over(ends) {
            return Poll::Ready(Err(Ended));
        }
        if is_over(message_by) {
            if self.output.has_room() {
                self.close(&SessionEnd::TooSlow.into(), ClosingStep::Discards);
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
                tracing::debug!("{} was cut: its peer has not answered two pings", F::NAME);
                return Poll::Ready(Err(Ended));
            } else {
                self.framing.write_ping(&mut self.output.bytes);
            }
        }
        Poll::Ready(Ok(()))
    }

    /// Returns the stream. The session is dropped.
    pub(crate) fn into_stream(self) -> S {
        let Self { stream, session, .. } = self;
        contain(|| drop(session));
        stream
    }
}
