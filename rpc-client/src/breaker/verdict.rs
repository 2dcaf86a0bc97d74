//! [`Verdict`]: what the result of an attempt says about its endpoint.

/// What the result of an attempt says about the endpoint.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// The method answered.
    Success,
    /// A failure, for the count of failures in a row and for the success rate.
    Failure,
    /// A failure for the success rate alone: refusals, and -32603, which a single bad request can cause. It neither
    /// adds to the failures in a row nor ends them.
    RateFailure,
    /// Nothing: the caller cancelled the attempt, its hedge was faster, or a limit of the client stopped it.
    Ignored,
}
