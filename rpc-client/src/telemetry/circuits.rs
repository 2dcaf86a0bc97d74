//! Counts and logs the changes of endpoints' circuits.

use metrics::counter;

use super::Observer;
use super::labels::{AddressLabels, EndpointLabels};
use crate::breaker::{Breaker, CircuitState};
use crate::meter::CIRCUIT_TRANSITIONS;
use crate::runtime::Instant;

impl Observer {
    /// Reports that the circuit of an endpoint has changed to this state, if the client is observed.
    pub(crate) fn circuit_changed(
        &self,
        labels: &EndpointLabels,
        breaker: &Breaker,
        state: CircuitState,
        now: Instant,
    ) {
        let Some(observing) = &self.observing else { return };
        if observing.telemetry.metrics {
            counter!(CIRCUIT_TRANSITIONS, labels.with_state(state.as_str())).increment(1);
        }
        log(labels.address(), breaker, state, now);
    }
}

fn log(server: Option<&AddressLabels>, breaker: &Breaker, state: CircuitState, now: Instant) {
    let (address, port) = (server.map(|server| &*server.host), server.and_then(|server| server.port));
    match state {
        CircuitState::Open => {
            let open_time = breaker.next_test().map(|next| next.saturating_duration_since(now));
            tracing::warn!(
                target: "rpc::client",
                {
                    server.address = address, server.port = port, success_rate = breaker.success_rate(),
                    open_time = open_time.map(tracing::field::debug)
                },
                "circuit opened"
            );
        }
        CircuitState::Closed => tracing::info!(
            target: "rpc::client",
            { server.address = address, server.port = port },
            "circuit closed"
        ),
        // A test follows. Its result is the next change.
        CircuitState::HalfOpen => {}
    }
}
