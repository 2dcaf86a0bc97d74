//! Counts and logs the changes of endpoints' circuits.

use std::sync::Arc;

use metrics::{Label, counter};

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
            count(labels.address(), state);
        }
        log(labels.address(), breaker, state, now);
    }
}

fn count(server: Option<&AddressLabels>, state: CircuitState) {
    let mut labels = Vec::with_capacity(3);
    if let Some(server) = server {
        labels.push(Label::new("server.address", Arc::clone(&server.host)));
        labels.push(Label::new("server.port", Arc::clone(&server.port_text)));
    }
    labels.push(Label::from_static_parts("state", state.as_str()));
    counter!(CIRCUIT_TRANSITIONS, labels).increment(1);
}

fn log(server: Option<&AddressLabels>, breaker: &Breaker, state: CircuitState, now: Instant) {
    let (address, port) = (server.map(|server| &*server.host), server.map(|server| server.port));
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
