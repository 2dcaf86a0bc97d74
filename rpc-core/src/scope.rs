//! Carries the values that calls inherit into another task: time limit, trace and span. [`InheritedScope`] captures
//! them in the handler, and `Context` offers it to users.

use std::future::poll_fn;
use std::pin::pin;
use std::time::Instant;

use crate::InheritedTimeLimit;

/// The values that a handler's own calls inherit: its time limit, its place in a trace, and its span.
pub(crate) struct InheritedScope {
    inherited: InheritedTimeLimit,
    #[cfg(feature = "telemetry")]
    trace: Option<crate::TraceContext>,
    #[cfg(feature = "telemetry")]
    span: tracing::Span,
}

impl InheritedScope {
    /// Captures the values that calls inherit here. A time limit that has only just begun counts from the time of this
    /// clock.
    pub(crate) fn here(clock: impl FnOnce() -> Instant) -> Self {
        let inherited = match InheritedTimeLimit::current() {
            // A time beyond the range of the clock is no limit.
            InheritedTimeLimit::Within(left) => {
                clock().checked_add(left).map_or(InheritedTimeLimit::Nothing, InheritedTimeLimit::Until)
            }
            inherited => inherited,
        };
        Self {
            inherited,
            #[cfg(feature = "telemetry")]
            trace: crate::TraceContext::current(),
            #[cfg(feature = "telemetry")]
            span: tracing::Span::current(),
        }
    }

    /// Runs a future. Its calls inherit these values.
    pub(crate) async fn run<F: Future>(self, future: F) -> F::Output {
        let mut future = pin!(future);
        poll_fn(|cx| self.enter(|| future.as_mut().poll(cx))).await
    }

    fn enter<R>(&self, run: impl FnOnce() -> R) -> R {
        self.inherited.enter(|| self.in_trace(run))
    }

    #[cfg(feature = "telemetry")]
    fn in_trace<R>(&self, run: impl FnOnce() -> R) -> R {
        self.span.in_scope(|| match &self.trace {
            Some(trace) => trace.enter(run),
            None => run(),
        })
    }

    #[cfg(not(feature = "telemetry"))]
    #[expect(clippy::unused_self, reason = "with the feature, there is a trace to enter")]
    fn in_trace<R>(&self, run: impl FnOnce() -> R) -> R {
        run()
    }
}
