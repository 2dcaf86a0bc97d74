use std::any::Any;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context as TaskContext, Poll};

use rpc_core::codec::{Output, Responder};
use rpc_core::{ErrorCode, ErrorObject, IdRef, Message, Request, RequestContext};
use tokio::time::{Sleep, sleep};

use super::{Dispatcher, Executed};
use crate::handler::{IncomingCall, Running, Started};

/// Runs one message to its answer, alone or in a batch.
///
/// Whatever a handler does, there is an answer with the call's own id: a panic, wherever it strikes, becomes an internal
/// error, and a handler that takes too long is dropped.
pub(super) struct Execution<'a> {
    dispatcher: &'a Dispatcher,
    id: Option<IdRef<'a>>,
    state: State<'a>,
}

enum State<'a> {
    New(Message<'a>, &'a Arc<RequestContext>),
    Running { handler: Pin<Box<dyn Running>>, method: &'a str, timer: Option<Pin<Box<Sleep>>> },
    Done,
}

impl<'a> Execution<'a> {
    pub(super) fn new(dispatcher: &'a Dispatcher, message: Message<'a>, request: &'a Arc<RequestContext>) -> Self {
        let id = match &message {
            Message::Call(id, _) => Some(*id),
            Message::Notification(_) => None,
            Message::Invalid(invalid) => Some(invalid.id),
        };
        Self { dispatcher, id, state: State::New(message, request) }
    }

    /// Returns the id of the answer, if there is one to give.
    pub(super) fn id(&self) -> Option<IdRef<'a>> {
        self.id
    }

    /// Makes progress. When ready, the answer stands in the output, if there is one to give.
    pub(super) fn poll(&mut self, cx: &mut TaskContext<'_>, output: &mut Output) -> Executed {
        if let State::New(..) = self.state
            && let Poll::Ready(done) = self.start(output)
        {
            return Poll::Ready(done);
        }
        self.resume(cx, output)
    }

    fn start(&mut self, output: &mut Output) -> Executed {
        let State::New(message, request) = std::mem::replace(&mut self.state, State::Done) else {
            unreachable!("a message starts once");
        };
        let mut responder = Responder::new(output, self.id);
        let Request { method, params } = match message {
            Message::Call(_, call) | Message::Notification(call) => call,
            Message::Invalid(invalid) => {
                return Poll::Ready(responder.error(&ErrorObject::invalid_request(invalid.reason)));
            }
        };
        let Some(row) = self.dispatcher.table.find(&method) else {
            return Poll::Ready(responder.error(&ErrorObject::method_not_found()));
        };
        let call = IncomingCall { method: &row.method, params, id: self.id, request };
        let started = guard(output, self.id, &row.method.name, |responder| row.handler.start(&call, responder));
        match started {
            Ok(Started::Done(result)) => Poll::Ready(result),
            Ok(Started::Running(handler)) => {
                self.state = State::Running { handler, method: &row.method.name, timer: None };
                Poll::Pending
            }
            Err(code) => Poll::Ready(Err(code)),
        }
    }

    fn resume(&mut self, cx: &mut TaskContext<'_>, output: &mut Output) -> Executed {
        let State::Running { handler, method, timer } = &mut self.state else {
            unreachable!("a message that is answered is not polled again");
        };
        let polled = guard(output, self.id, method, |responder| handler.as_mut().poll(cx, responder));
        let done = match polled {
            Ok(Poll::Ready(result)) => result,
            Err(code) => Err(code),
            Ok(Poll::Pending) => {
                // Most handlers are done at once and never need a timer.
                let limit = self.dispatcher.limits.handler_timeout;
                if timer.get_or_insert_with(|| Box::pin(sleep(limit))).as_mut().poll(cx).is_pending() {
                    return Poll::Pending;
                }
                tracing::warn!(method, "handler was dropped: it took longer than {limit:?}");
                let error = ErrorObject::new(ErrorCode::HANDLER_TIMEOUT, "Handler timed out");
                Responder::new(output, self.id).error(&error)
            }
        };
        let method = *method;
        let state = std::mem::replace(&mut self.state, State::Done);
        if let Err(payload) = catch_unwind(AssertUnwindSafe(|| drop(state))) {
            defuse(payload);
            tracing::error!(method, "handler panicked while it was dropped");
        }
        Poll::Ready(done)
    }
}

/// Runs a part of a handler. If it panics, the call is answered as an internal error, without a word of the panic.
///
/// Unwinding is safe to assert: what the handler may have left half done is dropped and never seen again, and the output
/// is cut back to where it was.
fn guard<R>(
    output: &mut Output,
    id: Option<IdRef<'_>>,
    method: &str,
    run: impl FnOnce(&mut Responder<'_>) -> R,
) -> Result<R, ErrorCode> {
    let start = output.len();
    let outcome = catch_unwind(AssertUnwindSafe(|| run(&mut Responder::new(output, id))));
    outcome.map_err(|payload| {
        defuse(payload);
        tracing::error!(method, "handler panicked");
        output.truncate(start);
        let _ = Responder::new(output, id).error(&ErrorObject::internal());
        ErrorCode::INTERNAL_ERROR
    })
}

/// Drops what was panicked with. It may be any value, whose own drop may panic once more; what that panics with is
/// better leaked than dropped.
fn defuse(payload: Box<dyn Any + Send>) {
    if let Err(again) = catch_unwind(AssertUnwindSafe(|| drop(payload))) {
        std::mem::forget(again);
    }
}
