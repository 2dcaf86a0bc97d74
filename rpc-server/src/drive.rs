//! Drives handlers. [`ActiveHandler`] starts and polls a handler; [`HandlerRun`] also turns panics into internal errors
//! and enforces the time limits in [`time`]; [`DetachedHandler`] runs a handler to its end after its caller has left.
//! `dispatch` uses `HandlerRun`; keyed calls and middleware use `ActiveHandler`. This file knows no batch, no store and
//! no layer.

mod time;

use std::any::Any;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::Pin;
use std::task::{Context as TaskContext, Poll, ready};

use rpc_core::codec::{Output, Responder};
use rpc_core::contain::defuse;
use rpc_core::{ErrorCode, ErrorObject, IdRef, InheritedTimeLimit, MethodSpec};

use crate::call::{Call, OwnedCall};
use crate::failures;
use crate::fault::{Executed, Fault};
use crate::handler::{Handler, RunningHandler, StartedHandler};
use crate::in_flight::DetachedGuard;
use crate::throttle::Throttle;
use time::ExpiredLimit;
pub(crate) use time::{HandlerTime, inherited};

/// A started handler, until it ends. Only this type knows the forms in which handlers answer.
#[derive(Default)]
pub(crate) struct ActiveHandler(Option<Pin<Box<dyn RunningHandler>>>);

impl ActiveHandler {
    pub(crate) fn new(handler: Pin<Box<dyn RunningHandler>>) -> Self {
        Self(Some(handler))
    }

    /// Returns whether there is a handler that has not ended.
    #[inline]
    pub(crate) fn is_running(&self) -> bool {
        self.0.is_some()
    }

    /// Starts a handler and polls it once. Most are ready then.
    #[inline]
    pub(crate) fn start(
        &mut self,
        handler: &dyn Handler,
        call: &Call<'_>,
        cx: &mut TaskContext<'_>,
        responder: &mut Responder<'_>,
    ) -> Executed {
        match handler.start(call, responder) {
            StartedHandler::Done(result) => Poll::Ready(result),
            StartedHandler::Running(running) => self.0.insert(running).as_mut().poll(cx, responder),
        }
    }

    #[inline]
    pub(crate) fn poll(&mut self, cx: &mut TaskContext<'_>, responder: &mut Responder<'_>) -> Executed {
        let Some(handler) = &mut self.0 else { unreachable!("a handler that has ended is not polled again") };
        handler.as_mut().poll(cx, responder)
    }
}

/// A handler with its time limits.
///
/// Every call gets an answer with its own id. A panic anywhere in the handler becomes an internal error. A handler that
/// exceeds its time is dropped, and its call is answered with -32093.
#[derive(Default)]
pub(crate) struct HandlerRun {
    handler: ActiveHandler,
    time: HandlerTime,
}

impl HandlerRun {
    #[inline]
    pub(crate) fn new(handler: ActiveHandler, time: HandlerTime) -> Self {
        Self { handler, time }
    }

    pub(crate) fn time(&self) -> &HandlerTime {
        &self.time
    }

    /// Returns whether no handler runs: none was started, or it has ended.
    #[inline]
    pub(crate) fn is_over(&self) -> bool {
        !self.handler.is_running()
    }

    /// Starts a handler and polls it once. When ready, the answer is in the output, if the message gets one.
    #[inline]
    pub(crate) fn start(
        &mut self,
        handler: &dyn Handler,
        call: &Call<'_>,
        cx: &mut TaskContext<'_>,
        output: &mut Output,
    ) -> Executed {
        let Self { handler: active, time } = self;
        let polled =
            guard(call, output, |responder| time.inherited.enter(|| active.start(handler, call, cx, responder)));
        self.settle(polled, call, cx, output)
    }

    /// Polls the handler. When ready, the answer is in the output, if the message gets one.
    #[inline]
    pub(crate) fn poll(&mut self, call: &Call<'_>, cx: &mut TaskContext<'_>, output: &mut Output) -> Executed {
        let Self { handler, time } = self;
        let polled = guard(call, output, |responder| time.inherited.enter(|| handler.poll(cx, responder)));
        self.settle(polled, call, cx, output)
    }

    /// Drops a handler that has ended, or checks the time limits of a pending one.
    #[inline(always)]
    fn settle(&mut self, polled: Executed, call: &Call<'_>, cx: &mut TaskContext<'_>, output: &mut Output) -> Executed {
        if polled.is_ready() {
            self.discard(call.method);
            return polled;
        }
        self.wait(call, cx, output)
    }

    /// Checks the time limits of a pending handler.
    #[inline(never)]
    fn wait(&mut self, call: &Call<'_>, cx: &mut TaskContext<'_>, output: &mut Output) -> Executed {
        let done = ready!(self.time_out(call, cx, output));
        // Layers that are dropped while nothing is inherited do not detach their handler.
        InheritedTimeLimit::Nothing.enter(|| self.discard(call.method));
        Poll::Ready(done)
    }

    /// Writes the timeout error once the handler's time is over. The caller's own deadline only cancels the request.
    fn time_out(&mut self, call: &Call<'_>, cx: &mut TaskContext<'_>, output: &mut Output) -> Executed {
        while let ExpiredLimit::Caller = ready!(self.time.poll(call, cx)) {
            call.expire();
        }
        static LATE: Throttle = Throttle::with(LINES_PER_SECOND);
        if let Some(suppressed) = LATE.pass() {
            tracing::warn!(method = &*call.method.name, suppressed, "handler was dropped: its time was up");
        }
        let error = ErrorCode::HANDLER_TIMEOUT.into();
        Poll::Ready(Responder::new(output, call.id).error(&error).map_err(Fault::from))
    }

    /// Drops the handler, and contains a panic of its destructor.
    #[inline(always)]
    pub(crate) fn discard(&mut self, method: &MethodSpec) {
        // A handler that answers at once is no future, and leaves nothing to drop.
        let Some(handler) = self.handler.0.take() else { return };
        if let Err(payload) = catch_unwind(AssertUnwindSafe(|| drop(handler))) {
            defuse(payload);
            static DISCARDED: Throttle = Throttle::with(LINES_PER_SECOND);
            if let Some(suppressed) = DISCARDED.pass() {
                tracing::error!(method = &*method.name, suppressed, "handler panicked while it was dropped");
            }
        }
    }

    /// Continues the handler in its own task, without its caller, so that a method with an effect is not stopped
    /// halfway. It counts as a call in flight. `watch` wraps the future for telemetry.
    #[cold]
    pub(crate) fn detach<F>(self, call: &Call<'_>, counted: DetachedGuard, watch: impl FnOnce(DetachedHandler) -> F)
    where
        F: Future<Output = Result<(), Fault>> + Send + 'static,
    {
        let output = Output::lazy(call.in_flight.max_response_bytes);
        let method = call.method.clone();
        let id = call.context().id().map(|id| id.to_string().into());
        let ended = watch(DetachedHandler { run: self, call: call.without_params(), id, output });
        counted.spawn(async move {
            let result = ended.await;
            tracing::debug!(method = &*method.name, failed = result.is_err(), "handler ended without its caller");
        });
    }
}

/// A handler that continues without its caller. Its answer is discarded.
pub(crate) struct DetachedHandler {
    run: HandlerRun,
    call: OwnedCall,
    /// The text of the call's id, which logs show.
    id: Option<Box<str>>,
    output: Output,
}

impl DetachedHandler {
    /// Returns the id of the call.
    pub(crate) fn id(&self) -> Option<IdRef<'_>> {
        self.id.as_deref().and_then(IdRef::from_json)
    }
}

impl Future for DetachedHandler {
    type Output = Result<(), Fault>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut TaskContext<'_>) -> Executed {
        let Self { run, call, id, output } = &mut *self;
        let call = Call { id: id.as_deref().and_then(IdRef::from_json), ..call.borrow() };
        run.poll(&call, cx, output)
    }
}

impl Drop for DetachedHandler {
    fn drop(&mut self) {
        if !self.run.is_over() {
            self.run.discard(self.call.method());
        }
    }
}

/// Log lines per second and kind, for handlers that panic or time out.
const LINES_PER_SECOND: u32 = 10;

/// Runs a part of a handler. A panic becomes an internal error that reveals nothing of the panic.
///
/// `AssertUnwindSafe` is sound: a panicked handler is dropped and never used again, and the output is truncated to its
/// previous length.
#[inline]
fn guard(call: &Call<'_>, output: &mut Output, run: impl FnOnce(&mut Responder<'_>) -> Executed) -> Executed {
    let start = output.len();
    let ran = catch_unwind(AssertUnwindSafe(|| run(&mut Responder::new(output, call.id))));
    if output.has_source() {
        failures::log_source(output, &call.method.name, call.id);
    }
    match ran {
        Ok(polled) => polled,
        Err(payload) => Poll::Ready(Err(panicked(payload, start, call, output))),
    }
}

#[cold]
fn panicked(payload: Box<dyn Any + Send>, start: usize, call: &Call<'_>, output: &mut Output) -> Fault {
    defuse(payload);
    static PANICKED: Throttle = Throttle::with(LINES_PER_SECOND);
    if let Some(suppressed) = PANICKED.pass() {
        tracing::error!(method = &*call.method.name, suppressed, "handler panicked");
    }
    output.truncate(start);
    let _ = Responder::new(output, call.id).error(&ErrorObject::internal());
    ErrorCode::INTERNAL_ERROR.into()
}
