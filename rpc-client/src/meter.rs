//! Counters and gauges of the client: attempts, failovers, hedges, requests in flight and the retry budget.
//! docs/production.md lists their names. `telemetry` records the durations of calls and the changes of circuits.
//!
//! Without the feature `telemetry` a [`Meter`] and the [`GaugeGuard`] guard have no size, and counting does nothing.

#[cfg(feature = "telemetry")]
use metrics::{Unit, counter, describe_counter, describe_gauge, describe_histogram, gauge};
use rpc_core::Outcome;

/// The duration of a client's call, all attempts together.
#[cfg(feature = "telemetry")]
pub(crate) const CALL_DURATION: &str = "rpc.client.call.duration";

/// The number of changes of circuits.
#[cfg(feature = "telemetry")]
pub(crate) const CIRCUIT_TRANSITIONS: &str = "rpc.client.circuit.transitions";

/// The number of changes of the health of endpoints.
#[cfg(feature = "telemetry")]
pub(crate) const HEALTH_TRANSITIONS: &str = "rpc.client.health_check.transitions";

/// The number of sets and errors that a source of endpoints has reported.
#[cfg(feature = "telemetry")]
pub(crate) const DISCOVERY_UPDATES: &str = "rpc.client.discovery.updates";

/// A state that is counted while it lasts.
#[derive(Clone, Copy, Debug)]
#[cfg_attr(not(feature = "telemetry"), expect(dead_code, reason = "what watches attempts is not built"))]
pub(crate) enum RequestGauge {
    /// A request is in flight.
    InFlight,
    /// A request waits for its turn, since the limit of requests in flight is reached.
    Waiting,
}

#[cfg(feature = "telemetry")]
impl RequestGauge {
    fn name(self) -> &'static str {
        match self {
            Self::InFlight => "rpc.client.requests.in_flight",
            Self::Waiting => "rpc.client.requests.waiting",
        }
    }
}

/// Records metrics, if the client has them.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Meter {
    #[cfg(feature = "telemetry")]
    is_on: bool,
}

impl Meter {
    #[cfg(feature = "telemetry")]
    pub(crate) fn new(is_on: bool) -> Self {
        if is_on {
            describe();
        }
        Self { is_on }
    }

    /// Counts attempts at calls, by what each proves about its call.
    #[cfg_attr(not(feature = "telemetry"), expect(unused_variables, reason = "nothing is counted"))]
    pub(crate) fn attempts(self, outcome: Outcome, count: usize) {
        #[cfg(feature = "telemetry")]
        if self.is_on {
            // The macro builds constant labels at compile time.
            let counter = match outcome {
                Outcome::NotSent => counter!("rpc.client.attempts", "outcome" => "not_sent"),
                Outcome::Refused => counter!("rpc.client.attempts", "outcome" => "refused"),
                Outcome::Executed => counter!("rpc.client.attempts", "outcome" => "executed"),
                _ => counter!("rpc.client.attempts", "outcome" => "unknown"),
            };
            counter.increment(count as u64);
        }
    }

    /// Counts attempts at calls that went to another endpoint without a retry.
    #[cfg_attr(not(feature = "telemetry"), expect(unused_variables, reason = "nothing is counted"))]
    pub(crate) fn failovers(self, count: usize) {
        #[cfg(feature = "telemetry")]
        if self.is_on {
            counter!("rpc.client.failovers").increment(count as u64);
        }
    }

    /// Counts calls and retries that the throttle rejected.
    #[cfg_attr(not(feature = "telemetry"), expect(unused_variables, reason = "nothing is counted"))]
    pub(crate) fn throttled(self, count: usize) {
        #[cfg(feature = "telemetry")]
        if self.is_on {
            counter!("rpc.client.throttled").increment(count as u64);
        }
    }

    /// Counts calls that were sent a second time because their answer was late. `won` says whether the second request
    /// answered them.
    #[cfg_attr(not(feature = "telemetry"), expect(unused_variables, reason = "nothing is counted"))]
    pub(crate) fn hedges(self, won: bool, count: usize) {
        #[cfg(feature = "telemetry")]
        if self.is_on {
            let counter = match won {
                true => counter!("rpc.client.hedges", "won" => "true"),
                false => counter!("rpc.client.hedges", "won" => "false"),
            };
            counter.increment(count as u64);
        }
    }

    /// Counts a retry that the budget did not allow.
    pub(crate) fn budget_exhausted(self) {
        #[cfg(feature = "telemetry")]
        if self.is_on {
            counter!("rpc.client.retry_budget.exhausted").increment(1);
        }
    }

    /// Records how many retries the budget has left.
    #[cfg(feature = "telemetry")]
    pub(crate) fn budget_remaining(self, retries: f64) {
        if self.is_on {
            gauge!("rpc.client.retry_budget.remaining").set(retries);
        }
    }

    /// Raises a level by one until the guard is dropped.
    #[cfg_attr(not(feature = "telemetry"), expect(unused_variables, reason = "nothing is counted"))]
    pub(crate) fn raise(self, gauge: RequestGauge) -> GaugeGuard {
        #[cfg(feature = "telemetry")]
        if self.is_on {
            gauge!(gauge.name()).increment(1.0);
        }
        GaugeGuard {
            #[cfg(feature = "telemetry")]
            gauge: self.is_on.then_some(gauge),
        }
    }
}

/// Keeps a [`RequestGauge`] raised by one.
#[derive(Debug)]
#[must_use]
pub(crate) struct GaugeGuard {
    #[cfg(feature = "telemetry")]
    gauge: Option<RequestGauge>,
}

/// Without the feature, these types cost nothing.
#[cfg(not(feature = "telemetry"))]
const _: () = assert!(size_of::<(Meter, GaugeGuard)>() == 0);

#[cfg(feature = "telemetry")]
impl Drop for GaugeGuard {
    fn drop(&mut self) {
        if let Some(gauge) = self.gauge {
            gauge!(gauge.name()).decrement(1.0);
        }
    }
}

/// Registers the descriptions of the metrics.
#[cfg(feature = "telemetry")]
fn describe() {
    describe_histogram!(CALL_DURATION, Unit::Seconds, "How long a call took, with all attempts and delays");
    describe_counter!("rpc.client.attempts", "Attempts at calls, by their outcome");
    describe_counter!("rpc.client.failovers", "Attempts at calls that went to another endpoint without a retry");
    describe_counter!("rpc.client.throttled", "Calls and retries that the throttle rejected");
    describe_counter!("rpc.client.hedges", "Calls that were sent a second time because their answer was late");
    describe_counter!(CIRCUIT_TRANSITIONS, "Changes of the circuits of endpoints, by their new state");
    describe_counter!(HEALTH_TRANSITIONS, "Changes of endpoints to healthy or unhealthy, by their health checks");
    describe_counter!(DISCOVERY_UPDATES, "Sets of endpoints and errors that the source of endpoints has reported");
    describe_counter!("rpc.client.retry_budget.exhausted", "Retries that the budget did not allow");
    describe_gauge!("rpc.client.retry_budget.remaining", "Retries that the budget has left");
    describe_gauge!(RequestGauge::InFlight.name(), "Requests in flight, including those that wait for a connection");
    describe_gauge!(RequestGauge::Waiting.name(), "Requests that wait because of the limit of concurrent requests");
}
