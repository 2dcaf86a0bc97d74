//! Telemetry of calls: spans of calls, batches and attempts, durations and logs. [`Observer`] belongs to the client,
//! and a `Watch` to a delivery. `off` replaces this module without the feature. Other metrics are in `meter`.

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
pub(crate) use labels::Labels;
pub(crate) use watch::{Watching, attempted, identified, settled, wrap};

/// Watches the calls of a client, if it is told to.
#[derive(Clone, Debug, Default)]
pub(crate) struct Observer {
    observing: Option<Arc<Observing>>,
    meter: Meter,
}

/// What the calls share that are watched.
#[derive(Debug)]
struct Observing {
    telemetry: Telemetry,
    meter: Meter,
    budget: RetryBudget,
    /// When it was told last how much of the budget is left, in seconds since the budget was made.
    told: AtomicU64,
}

impl Observer {
    /// Watches the calls of a client whose retries this budget bounds.
    pub(crate) fn new(telemetry: Telemetry, budget: RetryBudget) -> Self {
        let meter = Meter::new(telemetry.metrics);
        let observing = Observing { telemetry, meter, budget, told: AtomicU64::new(u64::MAX) };
        Self { observing: Some(Arc::new(observing)), meter }
    }

    pub(crate) fn meter(&self) -> Meter {
        self.meter
    }
}

/// Logs that the hook of `ClientBuilder::on_attempt` has panicked, which goes on to be called.
#[cold]
pub(crate) fn hook_panicked() {
    tracing::error!(target: "rpc::client", "on_attempt panicked: calls go on, and further panics are not logged");
}

impl Observing {
    /// Tells once a second at most how much of the budget is left, since that is added up anew each time.
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
