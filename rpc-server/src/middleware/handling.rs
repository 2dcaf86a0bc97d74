//! The innermost part of a layered call: the future that runs the handler. It refuses a call that is late, for which
//! room is overdrawn, or whose handler `lifecycle` does not let begin. When a layer drops it, a handler that has begun
//! and may have an effect goes on: `drive` detaches it and `in_flight` counts it.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context as TaskContext, Poll};

use bytes::Bytes;
use rpc_core::Effect;

use super::refusal::Refusal;
use super::request::Shared;
use super::response::Response;
use crate::drive::{Active, Run, Time};
use crate::fault::expired;

/// Runs the handler that stands behind all layers.
///
/// It is begun only when this is polled, so in the task of the call, also where a layer passes requests to a task of
/// its own, unless that task polls it. A handler that was begun and may have an effect goes on when a layer drops this,
/// for want of time, say.
pub(super) struct Handling(State);

enum State {
    New(Arc<Shared>, Option<Bytes>),
    Running(Arc<Shared>, Active),
    Over,
}

impl Handling {
    pub(super) fn new(call: Arc<Shared>, params: Option<Bytes>) -> Self {
        Self(State::New(call, params))
    }
}

impl Future for Handling {
    type Output = Response;

    fn poll(mut self: Pin<&mut Self>, cx: &mut TaskContext<'_>) -> Poll<Response> {
        // A handler that panics is gone then, and is not taken for one that goes on.
        let (shared, active, polled) = match std::mem::replace(&mut self.0, State::Over) {
            State::New(shared, params) => {
                if let Some(refusal) = why_not(&shared) {
                    return Poll::Ready(refusal.into());
                }
                let (call, handler) = (shared.call.borrow_with(params.as_ref()), &*shared.pipeline.handler);
                let mut active = Active::default();
                let polled = shared.poll(|responder| active.start(handler, &call, cx, responder));
                (shared, active, polled)
            }
            State::Running(shared, mut active) => {
                let polled = shared.poll(|responder| active.poll(cx, responder));
                (shared, active, polled)
            }
            State::Over => unreachable!("a future that is ready is not polled again"),
        };
        match polled {
            Poll::Ready(_) => shared.lifecycle.end_handler(),
            Poll::Pending => self.0 = State::Running(shared, active),
        }
        polled
    }
}

/// Says why the handler is not begun, if it is not.
fn why_not(shared: &Shared) -> Option<Refusal> {
    let call = &shared.call;
    // The call may have stood in a layer for a while.
    if call.is_late() {
        return Some(Refusal::new(expired()));
    }
    // A handler that was left behind has taken the room, maybe of this very call, which a layer makes again.
    if call.in_flight.is_overdrawn(&call.load) {
        return Some(Refusal::overloaded());
    }
    (!shared.lifecycle.begin_handler()).then(|| Refusal::new(expired()))
}

impl Drop for Handling {
    fn drop(&mut self) {
        let State::Running(shared, active) = std::mem::replace(&mut self.0, State::Over) else { return };
        let call = shared.call.borrow();
        if call.method.effect != Effect::None && !shared.lifecycle.is_ended() {
            let time = Time::left(shared.ambient.inherited, call.in_flight.handler_timeout);
            let counted = call.in_flight.leave_behind(call.load);
            Run::new(active, time).detach(&call, counted, |detached| detached);
        }
    }
}
