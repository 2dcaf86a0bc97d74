//! The innermost part of a layered call: the future that runs the handler. It refuses a call past its deadline, any
//! call while more calls run than the limit allows, and a call that middleware has refused before. When a layer drops
//! the future, a handler that has begun and may have an effect continues: `drive` detaches it and `in_flight` counts
//! it.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context as TaskContext, Poll};

use bytes::Bytes;
use rpc_core::Effect;

use super::refusal::Refusal;
use super::request::SharedRequest;
use super::response::Response;
use crate::drive::{ActiveHandler, HandlerRun, HandlerTime};
use crate::fault::expired;

/// The future that runs the handler behind all layers.
///
/// The handler begins when this future is first polled, and runs in the task that polls it. That is the task of the
/// call, even if a layer passes its requests to another task, as tower's `Buffer` does. Only if the other task also
/// polls this future does the handler run there. When a layer drops this future, for example at a timeout, a handler
/// that has begun and may have an effect continues.
pub(super) struct HandlerFuture(HandlerFutureState);

enum HandlerFutureState {
    New(Arc<SharedRequest>, Option<Bytes>),
    Running(Arc<SharedRequest>, ActiveHandler),
    Over,
}

impl HandlerFuture {
    pub(super) fn new(call: Arc<SharedRequest>, params: Option<Bytes>) -> Self {
        Self(HandlerFutureState::New(call, params))
    }
}

impl Future for HandlerFuture {
    type Output = Response;

    fn poll(mut self: Pin<&mut Self>, cx: &mut TaskContext<'_>) -> Poll<Response> {
        // After a panic of the handler the state stays `Over`. So `drop` does not detach the handler.
        let (shared, active, polled) = match std::mem::replace(&mut self.0, HandlerFutureState::Over) {
            HandlerFutureState::New(shared, params) => {
                if let Some(refusal) = why_not(&shared) {
                    return Poll::Ready(refusal.into());
                }
                let (call, handler) = (shared.call.borrow_with(params.as_ref()), &*shared.pipeline.handler);
                let mut active = ActiveHandler::default();
                let polled = shared.poll(|responder| active.start(handler, &call, cx, responder));
                (shared, active, polled)
            }
            HandlerFutureState::Running(shared, mut active) => {
                let polled = shared.poll(|responder| active.poll(cx, responder));
                (shared, active, polled)
            }
            HandlerFutureState::Over => unreachable!("a future that is ready is not polled again"),
        };
        match polled {
            Poll::Ready(_) => shared.lifecycle.end_handler(),
            Poll::Pending => self.0 = HandlerFutureState::Running(shared, active),
        }
        polled
    }
}

/// Returns a refusal if the handler must not begin.
fn why_not(shared: &SharedRequest) -> Option<Refusal> {
    let call = &shared.call;
    // A layer may have delayed the call.
    if call.is_late() {
        return Some(Refusal::new(expired()));
    }
    // A detached handler has taken the room. It may be a handler of this very call, which a layer now retries.
    if call.in_flight.is_overdrawn(&call.load) {
        return Some(Refusal::overloaded());
    }
    // Fails if a layer has refused the call before. No caller sees this second refusal.
    (!shared.lifecycle.begin_handler()).then(|| Refusal::new(expired()))
}

impl Drop for HandlerFuture {
    fn drop(&mut self) {
        let HandlerFutureState::Running(shared, active) = std::mem::replace(&mut self.0, HandlerFutureState::Over)
        else {
            return;
        };
        let call = shared.call.borrow();
        // Once the server itself has ended the call, none of its handlers continues.
        if call.method.effect != Effect::None && !shared.lifecycle.is_ended() {
            let time = HandlerTime::left(shared.inherited_context.inherited, call.in_flight.handler_timeout);
            let counted = call.in_flight.leave_behind(call.load);
            HandlerRun::new(active, time).detach(&call, counted, |detached| detached);
        }
    }
}
