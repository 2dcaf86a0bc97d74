//! The task that owns the pipe of a connection: it writes what is queued, and passes on what arrives.

use std::future::poll_fn;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use super::pipe::{MessagePipe, PipeEnd};
use super::shared::SharedState;
use crate::runtime::{Instant, timeout_at};

/// How long the peer may take to agree to the end of a connection that the client closes.
const CLOSE_TIMEOUT: Duration = Duration::from_secs(1);

/// How many messages are received before other tasks have their turn.
const MESSAGES_AT_A_TIME: usize = 128;

/// Runs a connection until it ends, or until nothing needs it any more.
pub(super) async fn drive(mut pipe: Box<dyn MessagePipe>, state: Arc<SharedState>) {
    let guard = EndOnDrop(state);
    let mut is_flushed = true;
    let ended = poll_fn(|cx| poll(&mut *pipe, &guard.0, &mut is_flushed, cx)).await;
    match ended {
        Some(end) => guard.0.with(|state| state.end(end)),
        None => {
            let _ = timeout_at(Instant::now() + CLOSE_TIMEOUT, poll_fn(|cx| pipe.poll_close(cx))).await;
        }
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

/// Receives and writes. Returns how the connection has ended, or `None` if the client closes it.
fn poll(
    pipe: &mut dyn MessagePipe,
    state: &SharedState,
    is_flushed: &mut bool,
    cx: &mut Context<'_>,
) -> Poll<Option<PipeEnd>> {
    // The waker is kept before the queue is looked at, so that no later request is missed.
    state.with(|state| state.register(cx.waker()));
    let mut received = 0;
    while let Poll::Ready(message) = pipe.poll_receive(cx) {
        match message {
            Ok(message) => state.with(|state| state.receive(message)),
            Err(end) => return Poll::Ready(Some(end)),
        }
        received += 1;
        if received == MESSAGES_AT_A_TIME {
            cx.waker().wake_by_ref();
            break;
        }
    }
    match poll_write(pipe, state, is_flushed, cx) {
        Poll::Ready(Err(end)) => Poll::Ready(Some(end)),
        Poll::Ready(Ok(())) if state.with(|state| state.is_closing) => Poll::Ready(None),
        Poll::Ready(Ok(())) | Poll::Pending => Poll::Pending,
    }
}

/// Writes what is queued. It is ready once everything was written.
fn poll_write(
    pipe: &mut dyn MessagePipe,
    state: &SharedState,
    is_flushed: &mut bool,
    cx: &mut Context<'_>,
) -> Poll<Result<(), PipeEnd>> {
    while state.with(|state| state.has_output()) {
        ready!(pipe.poll_ready(cx))?;
        let Some(message) = state.with(|state| state.next_output()) else { break };
        *is_flushed = false;
        pipe.send(message)?;
    }
    if !*is_flushed {
        ready!(pipe.poll_flush(cx))?;
        *is_flushed = true;
        state.with(|state| state.flushed());
    }
    Poll::Ready(Ok(()))
}
