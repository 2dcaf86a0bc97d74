use std::any::Any;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context as TaskContext, Poll, ready};

use rpc_core::codec::{Output, Responder};
use rpc_core::{ErrorCode, ErrorObject, IdRef, Message, Request, RequestContext};
use tokio::time::{Sleep, sleep};

use super::{Dispatcher, Executed};
use crate::handler::{IncomingCall, Running, Started};
use crate::table::Row;

/// How a message fares once it was begun.
pub(super) enum Begun<'a> {
    /// It is answered, if there is an answer to give.
    Done(Result<(), ErrorCode>),
    /// Its handler is a future, which has to be polled.
    Running(Execution<'a>),
}

/// Runs one message to its answer, alone or in a batch.
///
/// Whatever a handler does, there is an answer with the call's own id: a panic, wherever it strikes, becomes an internal
/// error, and a handler that takes too long is dropped.
pub(super) struct Execution<'a> {
    dispatcher: &'a Dispatcher,
    id: Option<IdRef<'a>>,
    method: &'a str,
    /// Is gone once it is done.
    handler: Option<Pin<Box<dyn Running>>>,
    timer: Option<Pin<Box<Sleep>>>,
}

impl<'a> Execution<'a> {
    /// Finds the handler of a message, with a hint and for a hint of which was the last, and hands it the params.
    pub(super) fn begin(
        dispatcher: &'a Dispatcher,
        message: &Message<'a>,
        request: &Arc<RequestContext>,
        last: &mut Option<&'a Row>,
        output: &mut Output,
    ) -> Begun<'a> {
        let (id, Request { method, params }) = match message {
            Message::Call(id, call) => (Some(*id), call),
            Message::Notification(call) => (None, call),
            Message::Invalid(invalid) => {
                let error = ErrorObject::invalid_request(invalid.reason);
                return Begun::Done(Responder::new(output, Some(invalid.id)).error(&error));
            }
        };
        let Some(row) = dispatcher.table.find(method, last) else {
            return Begun::Done(Responder::new(output, id).error(&ErrorObject::method_not_found()));
        };
        let call = IncomingCall { method: &row.method, params: *params, id, request };
        let method = &*row.method.name;
        match guard(output, id, method, |responder| row.handler.start(&call, responder)) {
            Ok(Started::Done(result)) => Begun::Done(result),
            Ok(Started::Running(handler)) => {
                Begun::Running(Self { dispatcher, id, method, handler: Some(handler), timer: None })
            }
            Err(code) => Begun::Done(Err(code)),
        }
    }

    /// Returns the id of the answer, if there is one to give.
    pub(super) fn id(&self) -> Option<IdRef<'a>> {
        self.id
    }

    /// Makes progress. When ready, the answer stands in the output, if there is one to give.
    pub(super) fn poll(&mut self, cx: &mut TaskContext<'_>, output: &mut Output) -> Executed {
        let Some(handler) = &mut self.handler else { unreachable!("a message that is answered is not polled again") };
        let done = match guard(output, self.id, self.method, |responder| handler.as_mut().poll(cx, responder)) {
            Ok(Poll::Ready(result)) => result,
            Err(code) => Err(code),
            Ok(Poll::Pending) => match self.time_out(cx, output) {
                Poll::Ready(result) => result,
                Poll::Pending => return Poll::Pending,
            },
        };
        let handler = self.handler.take();
        if let Err(payload) = catch_unwind(AssertUnwindSafe(|| drop(handler))) {
            defuse(payload);
            tracing::error!(method = self.method, "handler panicked while it was dropped");
        }
        Poll::Ready(done)
    }

    /// Answers in the place of a handler that has had its time.
    fn time_out(&mut self, cx: &mut TaskContext<'_>, output: &mut Output) -> Executed {
        let limit = self.dispatcher.limits.handler_timeout;
        // Most handlers are done at once and never need a timer.
        ready!(self.timer.get_or_insert_with(|| Box::pin(sleep(limit))).as_mut().poll(cx));
        tracing::warn!(method = self.method, "handler was dropped: it took longer than {limit:?}");
        let error = ErrorObject::new(ErrorCode::HANDLER_TIMEOUT, "Handler timed out");
        Poll::Ready(Responder::new(output, self.id).error(&error))
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
