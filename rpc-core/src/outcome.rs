//! [`Outcome`]: whether a call may have run, as far as its client can prove it.

/// Whether a call may have run.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Outcome {
    /// The call did not reach the server, or not completely: it did not run.
    NotSent,
    /// The server refused the call before any handler saw it: it did not run. The proof is a header that handlers
    /// cannot set; a code alone may come from elsewhere. HTTP 429 counts as proof only for calls that could not be
    /// retried otherwise.
    Refused,
    /// The call may have run, may not have run, or may still be running.
    Unknown,
    /// The call was answered, or it ran and its answer was lost.
    Executed,
}
