//! Watches calls: their spans and those of their attempts, how long they take, and what is logged of them.

mod span;
mod watch;

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use http::Uri;
use rpc_core::Telemetry;
use tokio::time::Instant;

use crate::RetryBudget;
use crate::meter::Meter;
pub(crate) use watch::{Watching, attempted, send, settled};

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
    server: Option<Address>,
    /// When it was told last how much of the budget is left, in seconds since the budget was made.
    told: AtomicU64,
}

/// Where the server is, in the ways in which it is told.
#[derive(Debug)]
struct Address {
    host: Arc<str>,
    port: u16,
    port_text: Arc<str>,
}

impl Observer {
    pub(crate) fn new(telemetry: Telemetry) -> Self {
        let meter = Meter::new(telemetry.metrics);
        let observing = Observing { telemetry, meter, server: None, told: AtomicU64::new(u64::MAX) };
        Self { observing: Some(Arc::new(observing)), meter }
    }

    /// Notes where the server is.
    pub(crate) fn of_server(mut self, url: &str) -> Self {
        if let Some(observing) = self.observing.as_mut().and_then(Arc::get_mut)
            && let Ok(uri) = url.parse::<Uri>()
            && let Some(host) = uri.host()
        {
            let port = uri.port_u16().unwrap_or(if uri.scheme_str() == Some("https") { 443 } else { 80 });
            observing.server = Some(Address { host: host.into(), port, port_text: port.to_string().into() });
        }
        self
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
    /// Tells once a second at most how much of a budget is left, since that is added up anew each time.
    fn tell(&self, budget: &RetryBudget, now: Instant) {
        let second = budget.age(now).as_secs();
        if self.telemetry.metrics && self.told.swap(second, Ordering::Relaxed) != second {
            self.meter.budget_remaining(budget.remaining(now));
        }
    }

    fn is_slow(&self, took: Duration) -> bool {
        self.telemetry.slow_call.is_some_and(|limit| took >= limit)
    }
}
