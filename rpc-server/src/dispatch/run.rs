use std::any::Any;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::Pin;
use std::task::{Context as TaskContext, Poll, ready};
use std::time::Duration;

use rpc_core::codec::{Output, Responder};
use rpc_core::contain::defuse;
use rpc_core::{ErrorCode, ErrorObject, IdRef, Inherited, MethodSpec, RequestContext};

use super::Executed;
use super::time::{Over, Time};
use crate::failures;
use crate::fault::Fault;
use crate::handler::Running;
use crate::throttle::Throttle;

/// What a handler is run for.
pub(super) struct Call<'a> {
    pub(super) id: Option<IdRef<'a>>,
    pub(super) method: &'a MethodSpec,
    pub(super) request: &'a RequestContext,
    /// Whether the request holds other calls, too.
    pub(super) single: bool,
    /// How long a handler may take.
    pub(super) limit: Duration,
}

/// A handler that was begun, and its time.
///
/// Whatever it does, there is an answer with the call's own id: a panic, wherever it strikes, becomes an internal error, and
/// a handler that takes too long is dropped.
#[derive(Default)]
pub(super) struct Run {
    /// Is gone once it is done.
    handler: Option<Pin<Box<dyn Running>>>,
    time: Time,
}

impl Run {
    pub(super) fn new(handler: Option<Pin<Box<dyn Running>>>, time: Time) -> Self {
        Self { handler, time }
    }

    pub(super) fn is_over(&self) -> bool {
        self.handler.is_none()
    }

    /// Takes the handler out, as for dropping it.
    pub(super) fn take(&mut self) -> Option<Pin<Box<dyn Running>>> {
        self.handler.take()
    }

    /// Makes progress. When ready, the answer stands in the output, if there is one to give.
    #[inline]
    pub(super) fn poll(&mut self, call: &Call<'_>, cx: &mut TaskContext<'_>, output: &mut Output) -> Executed {
        let Some(handler) = &mut self.handler else { unreachable!("a message that is answered is not polled again") };
        let inherited = self.time.inherited;
        let polled =
            guard(output, call.id, call.method, |responder| inherited.enter(|| handler.as_mut().poll(cx, responder)));
        match polled {
            Poll::Ready(_) => {
                discard(self.take(), call.method);
                polled
            }
            Poll::Pending => self.wait(call, cx, output),
        }
    }

    /// Looks at the time of a handler that was just polled and is not done.
    pub(super) fn wait(&mut self, call: &Call<'_>, cx: &mut TaskContext<'_>, output: &mut Output) -> Executed {
        let done = ready!(self.time_out(call, cx, output));
        // It is really over, and layers must not let it go on.
        Inherited::Nothing.enter(|| discard(self.take(), call.method));
        Poll::Ready(done)
    }

    /// Answers in the place of a handler that has had its time.
    #[inline(never)]
    fn time_out(&mut self, call: &Call<'_>, cx: &mut TaskContext<'_>, output: &mut Output) -> Executed {
        let &Call { id, method, request, single, limit } = call;
        while let Over::Caller = ready!(self.time.poll(method, request, limit, cx)) {
            // The time that a method has by default is its own, and says nothing of the other calls of a batch.
            if single || request.deadline().is_some() {
                request.cancel();
            }
        }
        static LATE: Throttle = Throttle::with(LINES_PER_SECOND);
        if let Some(suppressed) = LATE.pass() {
            tracing::warn!(method = &*method.name, suppressed, "handler was dropped: its time was up");
        }
        let error = ErrorCode::HANDLER_TIMEOUT.into();
        Poll::Ready(Responder::new(output, id).error(&error).map_err(Fault::from))
    }
}

/// How many lines of a kind the process logs in a second of handlers that panic or take too long.
const LINES_PER_SECOND: u32 = 10;

/// Drops a handler, which may panic once more.
#[inline(always)]
pub(super) fn discard(handler: Option<Pin<Box<dyn Running>>>, method: &MethodSpec) {
    if let Err(payload) = catch_unwind(AssertUnwindSafe(|| drop(handler))) {
        defuse(payload);
        static DISCARDED: Throttle = Throttle::with(LINES_PER_SECOND);
        if let Some(suppressed) = DISCARDED.pass() {
            tracing::error!(method = &*method.name, suppressed, "handler panicked while it was dropped");
        }
    }
}

/// Runs a part of a handler. If it panics, the call is answered as an internal error, without a word of the panic.
///
/// Unwinding is safe to assert: what the handler may have left half done is dropped and never seen again, and the output
/// is cut back to where it was.
#[inline]
pub(super) fn guard(
    output: &mut Output,
    id: Option<IdRef<'_>>,
    method: &MethodSpec,
    run: impl FnOnce(&mut Responder<'_>) -> Executed,
) -> Executed {
    let start = output.len();
    let ran = catch_unwind(AssertUnwindSafe(|| run(&mut Responder::new(output, id))));
    if output.has_source() {
        failures::log_source(output, &method.name, id);
    }
    match ran {
        Ok(polled) => polled,
        Err(payload) => Poll::Ready(Err(panicked(payload, start, output, id, method))),
    }
}

#[cold]
fn panicked(
    payload: Box<dyn Any + Send>,
    start: usize,
    output: &mut Output,
    id: Option<IdRef<'_>>,
    method: &MethodSpec,
) -> Fault {
    defuse(payload);
    static PANICKED: Throttle = Throttle::with(LINES_PER_SECOND);
    if let Some(suppressed) = PANICKED.pass() {
        tracing::error!(method = &*method.name, suppressed, "handler panicked");
    }
    output.truncate(start);
    let _ = Responder::new(output, id).error(&ErrorObject::internal());
    ErrorCode::INTERNAL_ERROR.into()
}
