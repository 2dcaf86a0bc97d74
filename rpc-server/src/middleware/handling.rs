use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context as TaskContext, Poll};

use bytes::Bytes;
use rpc_core::Effect;

use super::request::Call;
use super::{Refusal, Response};
use crate::fault::expired;
use crate::handler::{IncomingCall, Running, Started};

/// Runs the handler that stands behind all layers.
///
/// It is begun only when this is polled, so in the task of the call, also where a layer passes requests to a task of its
/// own, unless that task polls it. A handler that was begun and may have an effect goes on when a layer drops this, for want of time, say.
pub(super) struct Handling(State);

enum State {
    New(Arc<Call>, Option<Bytes>),
    Running(Arc<Call>, Pin<Box<dyn Running>>),
    Over,
}

impl Handling {
    pub(super) fn new(call: Arc<Call>, params: Option<Bytes>) -> Self {
        Self(State::New(call, params))
    }
}

impl Future for Handling {
    type Output = Response;

    fn poll(mut self: Pin<&mut Self>, cx: &mut TaskContext<'_>) -> Poll<Response> {
        // A handler that panics is gone then, and is not taken for one that goes on.
        let mut running = match std::mem::replace(&mut self.0, State::Over) {
            State::New(call, _) if is_late(&call) => return Poll::Ready(Refusal::new(expired()).into()),
            // A handler that was left behind has taken the room, maybe of this very call, which a layer makes again.
            State::New(call, _) if call.pipeline.in_flight.is_overdrawn(&call.load) => {
                return Poll::Ready(Refusal::overloaded().into());
            }
            State::New(call, _) if !call.begin() => return Poll::Ready(Refusal::new(expired()).into()),
            State::New(call, params) => return self.begin(call, params.as_ref(), cx),
            State::Running(call, running) => (call, running),
            State::Over => unreachable!("a future that is ready is not polled again"),
        };
        let (call, handler) = (&running.0, &mut running.1);
        let polled = Response::poll_of(&call.context, call.limit(), |responder| {
            call.place.enter(|| handler.as_mut().poll(cx, responder))
        });
        match polled {
            Poll::Ready(_) => call.end_handler(),
            Poll::Pending => self.0 = State::Running(running.0, running.1),
        }
        polled
    }
}

impl Handling {
    fn begin(&mut self, call: Arc<Call>, params: Option<&Bytes>, cx: &mut TaskContext<'_>) -> Poll<Response> {
        let mut waits = None;
        let polled = Response::poll_of(&call.context, call.limit(), |responder| {
            let (method, request, deadline) = call.context.parts();
            let nothing = Bytes::new();
            let incoming = IncomingCall {
                method,
                name: &method.name,
                params: params.and_then(|params| std::str::from_utf8(params).ok()),
                id: None,
                request,
                deadline,
                key: None,
                body: params.unwrap_or(&nothing),
                load: &call.load,
                context: Some(&call.context),
                place: None,
            };
            call.place.enter(|| match call.pipeline.handler.start(&incoming, responder) {
                Started::Done(result) => Poll::Ready(result),
                Started::Running(mut running) => {
                    let polled = running.as_mut().poll(cx, responder);
                    waits = polled.is_pending().then_some(running);
                    polled
                }
            })
        });
        match waits {
            Some(running) => self.0 = State::Running(call, running),
            None => call.end_handler(),
        }
        polled
    }
}

/// Tells whether nobody waits for the call any longer, which may have stood in a layer for a while.
fn is_late(call: &Call) -> bool {
    let (_, request, deadline) = call.context.parts();
    request.is_cancelled() || deadline.is_some_and(|deadline| deadline <= request.now())
}

impl Drop for Handling {
    fn drop(&mut self) {
        let State::Running(call, running) = std::mem::replace(&mut self.0, State::Over) else { return };
        let (method, request, _) = call.context.parts();
        if method.effect != Effect::None && !call.is_ended() {
            let (in_flight, left) = (&call.pipeline.in_flight, call.place.inherited);
            in_flight.adopt(running, method.clone(), Arc::clone(request), left, &call.load);
        }
    }
}
