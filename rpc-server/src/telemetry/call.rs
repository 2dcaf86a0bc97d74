//! Watches one call from start to end: its span, trace, duration and log lines, and what `meter` counts for it. A
//! [`CallTelemetry`] that is dropped early records the call as cancelled. Only `dispatch` calls it. It changes no
//! answer, and shows params only if `log_params` is set.

use std::sync::Arc;
use std::task::Poll;
use std::time::Duration;

use rpc_core::contain::contain;
use rpc_core::{ErrorCode, IdRef, KeyRefusal, Message, Principal, RequestContext, TraceContext};
use tokio::time::Instant;
use tracing::Span;

use super::method::{CANCELLED, MethodTelemetry};
use super::request::RequestTelemetry;
use super::span::{self, text_of};
use super::state::{MessageFacts, TelemetryState};
use crate::fault::{Executed, Fault, FaultCause};
use crate::meter::{Gauge, RaisedGauge};
use crate::throttle::Throttle;

/// The watch of a call, if calls are watched.
pub(crate) type OptCallTelemetry = Option<Box<CallTelemetry>>;

/// The watch of one call from start to end: its span, its position in a trace, and its duration.
#[derive(Debug)]
pub(crate) struct CallTelemetry {
    state: Arc<TelemetryState>,
    request: Arc<RequestContext>,
    known: Option<usize>,
    span: Span,
    trace: Option<TraceContext>,
    begun: Instant,
    /// The params, if logs show them.
    params: Option<Box<str>>,
    in_flight: Option<RaisedGauge>,
    is_over: bool,
}

/// The maximum length of params in logs, in bytes.
const MAX_PARAMS: usize = 1024;

impl RequestTelemetry {
    /// Starts to watch a call of the request.
    pub(crate) fn watch(&self, request: &Arc<RequestContext>, message: &Message<'_>) -> CallTelemetry {
        let Self { state, caller } = self;
        let telemetry = &state.telemetry;
        let MessageFacts { known, original, id, params } = MessageFacts::of(state, message);
        let trace = self.trace(request);
        let span = if telemetry.spans {
            let span = span::open(state.known(known), original, id, request, caller.as_ref(), trace.as_ref());
            if let Some(propagator) = telemetry.propagator().filter(|_| telemetry.continue_traces) {
                let extracted = contain(|| propagator.extract(&request.headers, &span));
                static PANICKED: Throttle = Throttle::new();
                if extracted.is_none()
                    && let Some(suppressed) = PANICKED.pass()
                {
                    tracing::error!(suppressed, "the propagator of traces panicked");
                }
            }
            span
        } else {
            Span::none()
        };
        CallTelemetry {
            state: Arc::clone(state),
            request: Arc::clone(request),
            known,
            span,
            trace,
            begun: Instant::now(),
            params: params.filter(|_| telemetry.log_params).map(|params| start_of(params).into()),
            in_flight: None,
            is_over: false,
        }
    }
}

impl CallTelemetry {
    /// Runs a part of the call in its span and its trace.
    pub(crate) fn enter<R>(&self, run: impl FnOnce() -> R) -> R {
        self.span.in_scope(|| match &self.trace {
            Some(trace) => trace.enter(run),
            None => run(),
        })
    }

    /// Counts the call as in flight, because it is pending.
    pub(crate) fn wait(mut self) -> OptCallTelemetry {
        self.in_flight = Some(self.state.meter.raise(Gauge::CallsInFlight));
        Some(Box::new(self))
    }

    /// Records how the call ended.
    pub(crate) fn end(mut self, id: Option<IdRef<'_>>, result: Result<(), Fault>) {
        self.is_over = true;
        let took = self.begun.elapsed();
        let telemetry = &self.state.telemetry;
        let known = self.state.known(self.known);
        if telemetry.metrics {
            known.record(took, Poll::Ready(result));
            match result {
                Err(Fault { cause: FaultCause::Key(_), .. }) => self.state.meter.key("refused"),
                Err(Fault { cause: FaultCause::Refused, code: ErrorCode::OVERLOADED }) => {
                    self.state.meter.shed("calls", 1)
                }
                _ => {}
            }
        }
        if let Err(fault) = result {
            let code = fault.code.get();
            self.span.record("rpc.status_code", tracing::field::display(code));
            self.span.record("error.type", tracing::field::display(code));
            self.span.record("otel.status_code", "ERROR");
        }
        let is_slow = telemetry.slow_call.is_some_and(|limit| took >= limit);
        if is_slow || (result.is_err() && telemetry.log_errors) {
            self.log(known, id, took, result, is_slow);
        }
    }

    #[cold]
    fn log(
        &self,
        known: &MethodTelemetry,
        id: Option<IdRef<'_>>,
        took: Duration,
        result: Result<(), Fault>,
        is_slow: bool,
    ) {
        let id = id.and_then(text_of);
        let principal = self.request.principal().map(Principal::subject);
        let (method, params) = (&*known.name, self.params.as_deref());
        if is_slow && let Some(suppressed) = known.logs.slow.pass() {
            let code = result.err().map(|fault| fault.code.get());
            tracing::warn!(
                target: "rpc::server", parent: &self.span,
                method, id, principal, duration = ?took, code, params, suppressed, "call was slow"
            );
        }
        let Err(fault) = result else { return };
        if !self.state.telemetry.log_errors {
            return;
        }
        let code = fault.code.get();
        macro_rules! failed {
            ($level:ident, $throttle:ident) => {
                if let Some(suppressed) = known.logs.$throttle.pass() {
                    tracing::$level!(
                        target: "rpc::server", parent: &self.span,
                        method, id, principal, duration = ?took, code, params, suppressed, "call failed"
                    )
                }
            };
        }
        match Severity::of(fault) {
            Severity::Broken => failed!(error, broken),
            Severity::Refused => failed!(warn, refused),
            Severity::Answered => failed!(info, answered),
        }
    }
}

/// The party that should look at an error.
enum Severity {
    /// The authors of the server.
    Broken,
    /// The operators of the server.
    Refused,
    /// The caller.
    Answered,
}

impl Severity {
    fn of(fault: Fault) -> Self {
        if fault.code == ErrorCode::INTERNAL_ERROR {
            Self::Broken
        } else if fault.cause == FaultCause::Key(KeyRefusal::InProgress) {
            // The caller retries.
            Self::Answered
        } else if fault.code.is_framework() {
            Self::Refused
        } else {
            Self::Answered
        }
    }
}

impl Drop for CallTelemetry {
    fn drop(&mut self) {
        if self.is_over {
            return;
        }
        // The caller has left, and the call was dropped with its request.
        self.span.record("error.type", CANCELLED);
        if self.state.telemetry.metrics {
            self.state.known(self.known).record(self.begun.elapsed(), Poll::Pending);
        }
    }
}

/// Runs a part of a call, in its span if it is watched.
pub(crate) fn entered<R>(watching: &OptCallTelemetry, run: impl FnOnce() -> R) -> R {
    match watching {
        Some(watch) => watch.enter(run),
        None => run(),
    }
}

/// Polls a call, in its span if it is watched, and records its end.
#[inline]
pub(crate) fn watched(
    watching: &mut OptCallTelemetry,
    id: Option<IdRef<'_>>,
    poll: impl FnOnce() -> Executed,
) -> Executed {
    let Some(watch) = watching else { return poll() };
    let polled = watch.enter(poll);
    if let Poll::Ready(result) = polled
        && let Some(watch) = watching.take()
    {
        watch.end(id, result);
    }
    polled
}

/// Truncates params to the length that logs show.
fn start_of(params: &str) -> &str {
    let end = (0..=MAX_PARAMS.min(params.len())).rev().find(|end| params.is_char_boundary(*end));
    &params[..end.unwrap_or_default()]
}
