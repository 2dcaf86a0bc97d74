//! One attempt at a call, as users see it in failures and in the attempt hook.

use std::fmt;
use std::time::Duration;

use rpc_core::{ErrorKind, Outcome};

use crate::transport::ServerAddress;

/// The result of one attempt at a call.
///
/// [`Failure::attempts`](crate::Failure::attempts) has the attempts of a failed call, and
/// [`ClientBuilder::on_attempt`](crate::ClientBuilder::on_attempt) sees every attempt as it ends.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Attempt {
    /// The number of the attempt, from 1.
    pub number: u32,
    /// How long it took, from sending until it was answered or given up.
    pub took: Duration,
    /// What the attempt proves about the call.
    pub outcome: Outcome,
    /// The endpoint of the attempt, without credentials, or `None` if its transport has no address.
    pub endpoint: Option<ServerAddress>,
    /// Whether the client sent a second request, since the answer was [late](crate::Hedge). Then `number` and
    /// `endpoint` are those of the request that gave the result, and the next attempt has the number after both.
    pub hedged: bool,
    /// Why it failed, or `None` if the call was answered with a result or an error of its own.
    pub error: Option<AttemptError>,
}

/// Why an attempt failed.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct AttemptError {
    /// The category of the failure.
    pub kind: ErrorKind,
    /// The error message, as one line without secrets.
    pub message: String,
}

impl fmt::Display for AttemptError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

/// An attempt that has just ended, as the hook of [`ClientBuilder::on_attempt`](crate::ClientBuilder::on_attempt) sees
/// it.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct AttemptEvent<'a> {
    /// The method's name.
    pub method: &'a str,
    /// The attempt.
    pub attempt: &'a Attempt,
    /// The delay before the next attempt, or `None` if this was the last one.
    pub retry_in: Option<Duration>,
}
