//! One attempt at a call, as users see it in failures and in the hook for attempts.

use std::fmt;
use std::time::Duration;

use rpc_core::{ErrorKind, Outcome};

/// What one attempt at a call has met.
///
/// [`Failure::attempts`](crate::Failure::attempts) has those of a call that failed, and
/// [`ClientBuilder::on_attempt`](crate::ClientBuilder::on_attempt) sees all of them as they end.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Attempt {
    /// Which attempt it is, from 1 on.
    pub number: u32,
    /// How long it took, from when it was sent until it was answered or given up.
    pub took: Duration,
    /// What it proves of the call.
    pub outcome: Outcome,
    /// Why it failed, or `None` where the call was answered with a result or an error of its own.
    pub error: Option<AttemptError>,
}

/// Why an attempt failed.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct AttemptError {
    /// What kind of failure it was.
    pub kind: ErrorKind,
    /// What it says of itself, as one line without secrets.
    pub message: String,
}

impl fmt::Display for AttemptError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

/// An attempt that has just ended, as the hook of [`ClientBuilder::on_attempt`](crate::ClientBuilder::on_attempt)
/// sees it.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct AttemptEvent<'a> {
    /// The method's name.
    pub method: &'a str,
    /// The attempt.
    pub attempt: &'a Attempt,
    /// After which pause the call goes again, or `None` where this was the last attempt.
    pub retry_in: Option<Duration>,
}
