//! [`CircuitState`]: whether the client uses an endpoint.

/// The state of an endpoint's [circuit breaker](crate::CircuitBreaker).
///
/// # Example
///
/// ```
/// assert_eq!(rpc::CircuitState::HalfOpen.as_str(), "half_open");
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum CircuitState {
    /// The client uses the endpoint.
    Closed,
    /// The endpoint failed. The client uses other endpoints until the open time is over, as long as enough of them are
    /// left.
    Open,
    /// The open time is over. The client tests the endpoint with one call at a time.
    HalfOpen,
}

impl CircuitState {
    /// Returns the state as one word in snake case, for metrics and logs.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Closed => "closed",
            Self::Open => "open",
            Self::HalfOpen => "half_open",
        }
    }
}
