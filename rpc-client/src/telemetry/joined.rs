//! The place of joined calls in traces. Each call has its own span, in the trace of its caller. The span of their
//! request follows from all of them.

use rpc_core::TraceContext;
use tracing::Span;

use super::watch::{DeliveryWatch, MaybeWatch};

/// The span of a call that may share its request with calls of other callers.
#[derive(Debug, Default)]
pub(crate) struct CallSpan {
    span: Option<Span>,
    /// The trace context in which the call was made.
    caller: Option<TraceContext>,
    /// The trace context of the span.
    own: Option<TraceContext>,
}

impl CallSpan {
    pub(crate) fn of(watching: &MaybeWatch) -> Self {
        let of = |watch: &DeliveryWatch| Self {
            span: Some(watch.span.clone()),
            caller: watch.caller.clone(),
            own: watch.trace.clone(),
        };
        watching.as_deref().map(of).unwrap_or_default()
    }
}

/// Runs a function in the trace that a request with these calls continues: that of its only call, or that of the caller
/// that made all of them. Otherwise the request begins a trace of its own.
pub(crate) fn in_trace_of<R>(calls: &[CallSpan], run: impl FnOnce() -> R) -> R {
    match calls {
        [CallSpan { span: Some(span), own, caller }] => span.in_scope(|| enter(own.as_ref().or(caller.as_ref()), run)),
        [first, others @ ..] if others.iter().all(|other| other.caller == first.caller) => {
            enter(first.caller.as_ref(), run)
        }
        _ => run(),
    }
}

fn enter<R>(trace: Option<&TraceContext>, run: impl FnOnce() -> R) -> R {
    match trace {
        Some(trace) => trace.enter(run),
        None => run(),
    }
}

/// Notes that the span of a request follows from the spans of its calls.
pub(crate) fn link(watching: &MaybeWatch, calls: &[CallSpan]) {
    if let Some(watch) = watching {
        for call in calls.iter().filter_map(|call| call.span.as_ref()) {
            watch.span.follows_from(call);
        }
    }
}
