//! Thread-local state of a handler: the inherited time and the trace. [`InheritedContext`] captures it before the
//! layers run, and restores it in the handler when a layer moves the call to another task.

use rpc_core::InheritedTimeLimit;

use crate::drive::inherited;

/// The thread-local state of a handler: the time that its calls inherit, and its trace. It is kept for layers that run
/// the handler in another task.
pub(super) struct InheritedContext {
    pub(super) inherited: InheritedTimeLimit,
    #[cfg(feature = "telemetry")]
    trace: Option<rpc_core::TraceContext>,
}

impl InheritedContext {
    /// Captures the state of the current thread.
    pub(super) fn current() -> Self {
        Self {
            inherited: inherited(),
            #[cfg(feature = "telemetry")]
            trace: rpc_core::TraceContext::current(),
        }
    }

    /// Runs a part of the handler with this state. A thread that already has inherited time keeps its own state.
    pub(super) fn enter<R>(&self, run: impl FnOnce() -> R) -> R {
        if InheritedTimeLimit::current() != InheritedTimeLimit::Nothing {
            return run();
        }
        self.inherited.enter(|| self.in_trace(run))
    }

    #[cfg(feature = "telemetry")]
    fn in_trace<R>(&self, run: impl FnOnce() -> R) -> R {
        match &self.trace {
            Some(trace) if rpc_core::TraceContext::current().is_none() => trace.enter(run),
            _ => run(),
        }
    }

    #[cfg(not(feature = "telemetry"))]
    fn in_trace<R>(&self, run: impl FnOnce() -> R) -> R {
        run()
    }
}
