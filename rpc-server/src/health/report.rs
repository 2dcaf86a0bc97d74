//! The result of a health check as users and probes see it, serialized as JSON.

use std::collections::BTreeMap;

use serde::Serialize;

/// The health of a server.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Report {
    /// Whether the server is ready for calls.
    pub status: Status,
    /// The results of the checks, by name.
    pub checks: BTreeMap<String, CheckState>,
}

/// Whether a server is ready for calls.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
#[non_exhaustive]
pub enum Status {
    /// The server is ready.
    Ready,
    /// A check fails, or the service has called [`Health::set_ready`](super::Health::set_ready)`(false)`.
    Unready,
    /// The server shuts down, and finishes the calls in flight.
    Draining,
}

/// The result of a check.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
#[non_exhaustive]
pub enum CheckState {
    /// The check passed.
    Ok,
    /// The check failed or panicked.
    Failed,
    /// The check took too long.
    Timeout,
}
