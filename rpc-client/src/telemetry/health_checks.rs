//! Counts and logs the changes of endpoints' health.

use metrics::counter;

use super::Observer;
use super::labels::EndpointLabels;
use crate::health_check::Health;
use crate::meter::HEALTH_TRANSITIONS;

impl Observer {
    /// Reports that an endpoint has become healthy or unhealthy, if the client is observed. `error` is why the last
    /// check failed.
    pub(crate) fn health_changed(&self, labels: &EndpointLabels, health: Health, error: Option<&str>) {
        let Some(observing) = &self.observing else { return };
        if observing.telemetry.metrics {
            counter!(HEALTH_TRANSITIONS, labels.with_state(health.as_str())).increment(1);
        }
        let server = labels.address();
        let (address, port) = (server.map(|server| &*server.host), server.and_then(|server| server.port));
        match health {
            Health::Unhealthy => tracing::warn!(
                target: "rpc::client",
                { server.address = address, server.port = port, error },
                "endpoint unhealthy"
            ),
            Health::Healthy => tracing::info!(
                target: "rpc::client",
                { server.address = address, server.port = port },
                "endpoint healthy"
            ),
        }
    }
}
