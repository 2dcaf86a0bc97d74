//! The task that owns the pipe of a connection: it writes what is queued, and passes on what arrives.

use std::future::poll_fn;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use bytes::Bytes;
use rpc_core::SessionEvent;

use super::pipe::{MessagePipe, PipeEnd};
use super::serving::Serving;
use super::shared::SharedState;
use crate::runtime::{Instant, Sleep, sleep, timeout_at};

/// How long the peer may take to agree to the end of a connection that the client closes.
const CLOSE_TIMEOUT: Duration = Duration::from_secs(1);

/// How long the calls of the server may take to end, once the client is gone.
const DRAIN_TIMEOUT: Duration = Duration::from_secs(30);

/// How many messages are received or written before other tasks have their turn.
const MESSAGES_AT_A_TIME: usize = 128;

/// Runs a connection until it ends, or until nothing needs it any more. `serving` answers the server's calls. Without
/// it, they are refused.
pub(super) async fn drive(pipe: Box<dyn MessagePipe>, state: Arc<SharedState>, serving: Option<Serving>) {
    let guard = EndOnDrop(Arc::clone(&state));
    let mut driver =
        Driver { pipe, state, serving, draining: None, is_sessions_turn: false, has_ended: false, is_flushed: true };
    let ended = poll_fn(|cx| driver.poll(cx)).await;
    let is_closed_here = ended.is_none();
    let end = ended.unwrap_or_else(|| PipeEnd::failed("the client has closed the connection"));
    guard.0.with(|state| state.end(end));
    driver.serving = None;
    if is_closed_here {
        let _ = timeout_at(Instant::now() + CLOSE_TIMEOUT, poll_fn(|cx| driver.pipe.poll_close(cx))).await;
    }
}

/// Ends the requests when the task goes, also when its runtime stops.
struct EndOnDrop(Arc<SharedState>);

impl Drop for EndOnDrop {
    fn drop(&mut self) {
        // It has no effect if the connection has ended for another reason.
        self.0.with(|state| state.end(PipeEnd::failed("the task of the connection was stopped")));
    }
}

struct Driver {
    pipe: Box<dyn MessagePipe>,
    state: Arc<SharedState>,
    serving: Option<Serving>,
    /// How long the session may still take, once the client is gone.
    draining: Option<Pin<Box<Sleep>>>,
    /// Whether the session is asked for a message before the requests.
    is_sessions_turn: bool,
    /// Whether the session has said its last.
    has_ended: bool,
    is_flushed: bool,
}

impl Driver {
    /// Receives and writes. Returns how the connection has ended, or `None` if the client closes it.
    fn poll(&mut self, cx: &mut Context<'_>) -> Poll<Option<PipeEnd>> {
        // The waker is kept before the queue is looked at, so that no later request is missed.
        self.state.with(|state| state.register(cx.waker()));
        if let Err(end) = self.receive(cx) {
            return Poll::Ready(Some(end));
        }
        let is_closing = self.state.with(|state| state.is_closing);
        let has_time = !is_closing || self.drain(cx);
        match self.poll_write(cx) {
            Poll::Ready(Err(end)) => Poll::Ready(Some(end)),
            Poll::Ready(Ok(())) if self.has_ended || (is_closing && self.serving.is_none()) => Poll::Ready(None),
            Poll::Ready(Ok(())) | Poll::Pending if has_time => Poll::Pending,
            Poll::Ready(Ok(())) | Poll::Pending => Poll::Ready(None),
        }
    }

    /// Passes on what has arrived. Answers go to their requests first, whatever the session does.
    fn receive(&mut self, cx: &mut Context<'_>) -> Result<(), PipeEnd> {
        let mut received = 0;
        while let Poll::Ready(message) = self.pipe.poll_receive(cx) {
            let message = message?;
            if !self.state.with(|state| state.receive(&message)) {
                match &mut self.serving {
                    Some(serving) => serving.receive(message),
                    None => self.state.with(|state| state.refuse(&message)),
                }
            }
            received += 1;
            if received == MESSAGES_AT_A_TIME {
                cx.waker().wake_by_ref();
                break;
            }
        }
        Ok(())
    }

    /// Ends the session, because the client is gone. Returns whether it has time left.
    fn drain(&mut self, cx: &mut Context<'_>) -> bool {
        let Some(serving) = &mut self.serving else { return true };
        serving.drain();
        let draining = self.draining.get_or_insert_with(|| Box::pin(sleep(DRAIN_TIMEOUT)));
        draining.as_mut().poll(cx).is_pending()
    }

    /// Writes what the requests and the session have to say. It is ready once everything was written.
    fn poll_write(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), PipeEnd>> {
        let mut messages = 0;
        while !self.has_ended && (self.serving.is_some() || self.state.with(|state| state.has_output())) {
            if messages == MESSAGES_AT_A_TIME {
                cx.waker().wake_by_ref();
                return Poll::Pending;
            }
            messages += 1;
            // A session is asked only for messages that have room. So a server that does not read slows its streams.
            if self.pipe.poll_ready(cx)?.is_pending() {
                if let Some(serving) = &mut self.serving {
                    serving.run(cx);
                }
                return Poll::Pending;
            }
            let Some(message) = self.next_message(cx) else { break };
            self.is_flushed = false;
            self.pipe.send(message)?;
        }
        if !self.is_flushed {
            ready!(self.pipe.poll_flush(cx))?;
            self.is_flushed = true;
            self.state.with(|state| state.flushed());
        }
        Poll::Ready(Ok(()))
    }

    /// Returns the next message: of a request, or of the session. Neither delays the messages of the other one.
    fn next_message(&mut self, cx: &mut Context<'_>) -> Option<Bytes> {
        let is_sessions_turn = std::mem::replace(&mut self.is_sessions_turn, false);
        if !is_sessions_turn && let Some(message) = self.state.with(|state| state.next_output()) {
            self.is_sessions_turn = true;
            return Some(message);
        }
        if let Some(serving) = &mut self.serving {
            let mut text = Vec::new();
            match serving.poll_message(cx, &mut text) {
                Poll::Ready(SessionEvent::Ended) => {
                    self.has_ended = true;
                    return None;
                }
                Poll::Ready(_) => return Some(text.into()),
                Poll::Pending => {}
            }
        }
        // The session's poll has run handlers, which may have called the server.
        self.state.with(|state| state.next_output())
    }
}
