//! Telemetry of calls: spans of calls, batches and attempts, durations and logs, and changes of circuits and health.
//! [`Observer`] belongs to the client, and a `DeliveryWatch` to a delivery. `off` replaces this module without the
//! feature. `meter` has the other metrics.

mod circuits;
mod discovery;
mod health_checks;
mod joined;
mod labels;
mod span;
mod watch;

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use rpc_core::Telemetry;

use crate::meter::Meter;
use crate::reliability::budget::RetryBudget;
use crate::runtime::Instant;
pub(crate) use joined::{CallSpan, in_trace_of, link};
pub(crate) use labels::EndpointLabels;
pub(crate) use watch::{MaybeWatch, attempted, hedge_ended, identified, moved, settled, wrap, wrap_hedge};

/// Observes the calls of a client, if telemetry is on.
#[derive(Clone, Debug, Default)]
pub(crate) struct Observer {
    observing: Option<Arc<ObserverInner>>,
    meter: Meter,
}

/// The state that the observed calls share.
#[derive(Debug)]
struct ObserverInner {
    telemetry: Telemetry,
    meter: Meter,
    budget: RetryBudget,
    /// When the rest of the budget was last reported, in seconds since the budget was made.
    told: AtomicU64,
}

impl Observer {
    /// Makes the observer of a client with this retry budget.
    pub(crate) fn new(telemetry: Telemetry, budget: RetryBudget) -> Self {
        let meter = Meter::new(telemetry.metrics);
        let observing = ObserverInner { telemetry, meter, budget, told: AtomicU64::new(u64::MAX) };
        Self { observing: Some(Arc::new(observing)), meter }
    }

    pub(crate) fn meter(&self) -> Meter {
        self.meter
    }
}

/// Logs that the hook of `ClientBuilder::on_attempt` has panicked. The client continues to call the hook.
#[cold]
pub(crate) fn hook_panicked() {
    tracing::error!(target: "rpc::client", "on_attempt panicked: calls go on, and further panics are not logged");
}

impl ObserverInner {
    /// Reports the rest of the budget at most once a second, since it is computed anew each time.
    fn tell_budget(&self, now: Instant) {
        let second = self.budget.age(now).as_secs();
        if self.telemetry.metrics && self.told.swap(second, Ordering::Relaxed) != second {
            self.meter.budget_remaining(self.budget.remaining(now));
        }
    }

    fn is_slow(&self, took: Duration) -> bool {
        self.telemetry.slow_call.is_some_and(|limit| took >= limit)
    }
}
