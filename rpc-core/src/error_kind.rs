//! [`ErrorKind`]: the kind of a failure, for metrics and alerts, from an HTTP status or a JSON-RPC code. It does not
//! say whether the call ran; [`Outcome`](crate::Outcome) does.

use std::fmt;

use http::StatusCode;

/// The kind of failure that an error is, as people count and alert on it.
///
/// It is told from HTTP statuses and from JSON-RPC codes alike, so that it does not matter who noticed first. It
/// says nothing of what became of the call: that is [`Outcome`](crate::Outcome).
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
    /// The error that the method declares, or another one of the service's own.
    Method,
    /// The server could not be reached, or the connection broke.
    Network,
    /// Time was up, the client's or the server's.
    Timeout,
    /// There were too many calls from this client: HTTP 429, or -32099.
    RateLimited,
    /// The server does not know who calls: HTTP 401.
    Authentication,
    /// The caller may not do that: HTTP 403.
    Authorization,
    /// The call itself is at fault: its params, its size or its form.
    Validation,
    /// There is no such method, or nothing at this address.
    NotFound,
    /// The server failed, or answered with what is no answer to the call.
    Internal,
    /// The server has too much to do, or a gateway cannot reach it.
    Unavailable,
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
    ];

    /// Returns the kind as one word, in lower case and with underscores, for metrics and logs.
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
        }
    }

    /// Returns the kind of an HTTP status that is no success.
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
