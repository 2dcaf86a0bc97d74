//! [`ErrorKind`]: the category of an error, for metrics and alerts, from an HTTP status or a JSON-RPC code. It does not
//! say whether the call ran; [`Outcome`](crate::Outcome) does.

use std::fmt;

use http::StatusCode;

/// The category of an error, for metrics and alerts.
///
/// HTTP statuses and JSON-RPC codes map to the same kinds, so it does not matter which layer noticed the error. The
/// kind does not say whether the call ran: [`Outcome`](crate::Outcome) does.
///
/// # Example
///
/// ```
/// use rpc::{ErrorKind, ErrorObject};
///
/// assert_eq!(ErrorKind::of_status(http::StatusCode::NOT_FOUND), ErrorKind::NotFound);
/// assert_eq!(ErrorKind::of_error(&ErrorObject::method_not_found()), ErrorKind::NotFound);
/// assert_eq!(ErrorKind::NotFound.as_str(), "not_found");
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ErrorKind {
    /// An error that the method declares, or another one of the service's own.
    Method,
    /// The server could not be reached, or the connection broke.
    Network,
    /// A time limit of the client or the server is over.
    Timeout,
    /// Too many calls from this client: HTTP 429, or -32099.
    RateLimited,
    /// The server does not know the caller: HTTP 401.
    Authentication,
    /// The caller is not allowed to make the call: HTTP 403.
    Authorization,
    /// The call itself is invalid: its params, its size or its form.
    Validation,
    /// There is no such method, or nothing at this address.
    NotFound,
    /// The server failed, or its response is not an answer to the call.
    Internal,
    /// The server is overloaded, or a gateway cannot reach it.
    Unavailable,
    /// The client rejected the call itself, by its throttle: servers refuse most of its calls.
    Throttled,
    /// The client rejected the call itself: the circuit of its only endpoint is open.
    CircuitOpen,
}

impl ErrorKind {
    /// All kinds.
    pub const ALL: &'static [Self] = &[
        Self::Method,
        Self::Network,
        Self::Timeout,
        Self::RateLimited,
        Self::Authentication,
        Self::Authorization,
        Self::Validation,
        Self::NotFound,
        Self::Internal,
        Self::Unavailable,
        Self::Throttled,
        Self::CircuitOpen,
    ];

    /// Returns the kind as one word in snake case, for metrics and logs.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Method => "method",
            Self::Network => "network",
            Self::Timeout => "timeout",
            Self::RateLimited => "rate_limited",
            Self::Authentication => "authentication",
            Self::Authorization => "authorization",
            Self::Validation => "validation",
            Self::NotFound => "not_found",
            Self::Internal => "internal",
            Self::Unavailable => "unavailable",
            Self::Throttled => "throttled",
            Self::CircuitOpen => "circuit_open",
        }
    }

    /// Returns the kind of an HTTP status that is not a success.
    pub fn of_status(status: StatusCode) -> Self {
        match status.as_u16() {
            401 | 407 => Self::Authentication,
            403 => Self::Authorization,
            404 | 405 | 410 => Self::NotFound,
            408 | 504 => Self::Timeout,
            429 => Self::RateLimited,
            400..=499 => Self::Validation,
            502 | 503 => Self::Unavailable,
            _ => Self::Internal,
        }
    }
}

impl fmt::Display for ErrorKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}
