//! [`Outcome`]: whether a call may have run, as its client can prove it.

/// What may have become of a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Outcome {
    /// The call did not reach the server, or not as a whole: it did not run.
    NotSent,
    /// The server refused the call before it looked at it: it did not run. Proof of this is a header that handlers
    /// cannot set; a code alone may come from elsewhere. HTTP 429 counts as proof only for calls that could not go
    /// again otherwise.
    Refused,
    /// The call may have run, or not, or may still run.
    Unknown,
    /// The call was answered, or ran and its answer could not be had.
    Executed,
}
