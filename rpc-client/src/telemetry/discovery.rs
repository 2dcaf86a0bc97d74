//! Counts and logs the sets of endpoints that a source reports, and its errors.

use metrics::counter;

use super::Observer;
use crate::meter::DISCOVERY_UPDATES;

impl Observer {
    /// Reports that the client uses a new set of this many endpoints, if the client is observed.
    pub(crate) fn endpoints_discovered(&self, count: usize) {
        let Some(observing) = &self.observing else { return };
        if observing.telemetry.metrics {
            counter!(DISCOVERY_UPDATES, "outcome" => "ok").increment(1);
        }
        tracing::debug!(target: "rpc::client", endpoints = count, "endpoints discovered");
    }

    /// Reports an error of the source, if the client is observed.
    pub(crate) fn discovery_failed(&self, error: &str) {
        let Some(observing) = &self.observing else { return };
        if observing.telemetry.metrics {
            counter!(DISCOVERY_UPDATES, "outcome" => "error").increment(1);
        }
        tracing::warn!(target: "rpc::client", error, "discovery failed: the client keeps its endpoints");
    }
}
