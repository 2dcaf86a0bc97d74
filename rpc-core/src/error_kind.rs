use std::fmt;

use http::StatusCode;

use crate::{Denial, ErrorCode, ErrorObject, KeyRefusal};

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

    /// Returns the kind of a JSON-RPC error, by its code and, where the code has several reasons, by its data.
    ///
    /// Codes of services are [`Method`](Self::Method). Reserved codes without a meaning of their own are
    /// [`Internal`](Self::Internal).
    pub fn of_error(error: &ErrorObject) -> Self {
        match error.code() {
            ErrorCode::PARSE_ERROR
            | ErrorCode::INVALID_REQUEST
            | ErrorCode::INVALID_PARAMS
            | ErrorCode::REQUEST_TOO_LARGE => Self::Validation,
            ErrorCode::METHOD_NOT_FOUND => Self::NotFound,
            ErrorCode::OVERLOADED => Self::Unavailable,
            ErrorCode::RATE_LIMITED => Self::RateLimited,
            ErrorCode::HANDLER_TIMEOUT | ErrorCode::REQUEST_TIMEOUT | ErrorCode::DEADLINE_EXPIRED => Self::Timeout,
            ErrorCode::ACCESS_DENIED => match Denial::from_error_object(error) {
                Some(Denial::Forbidden) => Self::Authorization,
                _ => Self::Authentication,
            },
            ErrorCode::KEY_REFUSED => match KeyRefusal::from_error_object(error) {
                Some(KeyRefusal::Mismatch | KeyRefusal::Duplicate) => Self::Validation,
                Some(KeyRefusal::OtherSubject) => Self::Authorization,
                _ => Self::Unavailable,
            },
            code if code.is_for_services() => Self::Method,
            _ => Self::Internal,
        }
    }
}

impl fmt::Display for ErrorKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

#[cfg(test)]
mod tests {
    use http::StatusCode;

    use super::ErrorKind;
    use crate::{ErrorObject, KeyRefusal};

    #[test]
    fn statuses_and_codes_of_one_meaning_are_of_one_kind() {
        for (status, code, kind) in [
            (400, -32600, ErrorKind::Validation),
            (413, -32090, ErrorKind::Validation),
            (422, -32602, ErrorKind::Validation),
            (404, -32601, ErrorKind::NotFound),
            (408, -32094, ErrorKind::Timeout),
            (504, -32093, ErrorKind::Timeout),
            (504, -32095, ErrorKind::Timeout),
            (500, -32603, ErrorKind::Internal),
            (503, -32092, ErrorKind::Unavailable),
            (429, -32099, ErrorKind::RateLimited),
        ] {
            assert_eq!(ErrorKind::of_status(StatusCode::from_u16(status).unwrap()), kind, "{status}");
            assert_eq!(ErrorKind::of_error(&ErrorObject::new(code, "")), kind, "{code}");
        }
    }

    #[test]
    fn what_only_http_or_only_a_service_says_has_a_kind_of_its_own() {
        for (status, kind) in [
            (401, ErrorKind::Authentication),
            (403, ErrorKind::Authorization),
            (502, ErrorKind::Unavailable),
            (302, ErrorKind::Internal),
        ] {
            assert_eq!(ErrorKind::of_status(StatusCode::from_u16(status).unwrap()), kind, "{status}");
        }
        assert_eq!(ErrorKind::of_error(&ErrorObject::new(1001, "")), ErrorKind::Method);
        assert_eq!(ErrorKind::of_error(&KeyRefusal::Mismatch.to_error_object()), ErrorKind::Validation);
        assert_eq!(ErrorKind::of_error(&KeyRefusal::Duplicate.to_error_object()), ErrorKind::Validation);
        assert_eq!(ErrorKind::of_error(&KeyRefusal::OtherSubject.to_error_object()), ErrorKind::Authorization);
        assert_eq!(ErrorKind::of_error(&KeyRefusal::InProgress.to_error_object()), ErrorKind::Unavailable);
    }
}
