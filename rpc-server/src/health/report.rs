//! The result of a health check as users and probes see it, serialized as JSON.

use std::collections::BTreeMap;

use serde::Serialize;

/// Says how things are with a server.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Report {
    /// Whether the server is to be sent calls.
    pub status: Status,
    /// What the checks found, by their names.
    pub checks: BTreeMap<String, CheckState>,
}

/// Says whether a server is to be sent calls.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
#[non_exhaustive]
pub enum Status {
    /// It is.
    Ready,
    /// A check fails, or the service has said so.
    Unready,
    /// The server is about to end, and finishes what runs.
    Draining,
}

/// Says what a check found.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
#[non_exhaustive]
pub enum CheckState {
    /// All is well.
    Ok,
    /// The check failed or panicked.
    Failed,
    /// The check took too long.
    Timeout,
}
