//! Constructors of failures for users: for transports of their own, and for test fakes.

use std::error::Error as StdError;
use std::time::Duration;

use http::{HeaderMap, StatusCode};
use rpc_core::{ErrorCode, ErrorObject, Excerpt, Outcome};
use serde_json::value::RawValue;

use super::{Failure, FailureKind, HttpError};

type FailureSource = Box<dyn StdError + Send + Sync>;

/// The duration that failures of [`timed_out`](Failure::timed_out) show: the client's default deadline.
const DEADLINE: Duration = Duration::from_secs(30);

/// Constructors for transports and for test fakes.
///
/// Each failure satisfies the same predicate as the client's own failure of its kind, and has the same outcome, which
/// [`with_outcome`](Self::with_outcome) changes. Two kinds have no constructor and come from the client itself:
/// [`is_builder`](Self::is_builder) from an invalid address, [`is_encode`](Self::is_encode) from params that are not
/// JSON.
///
/// # Example
///
/// ```
/// use rpc::{Error, ErrorCode, Failure, Outcome};
///
/// /// The code under test: says what to tell the user.
/// fn advice(error: &Error) -> &'static str {
///     match error.outcome() {
///         Outcome::NotSent | Outcome::Refused => "try again later",
///         _ if error.is_timeout() => "look whether it was booked",
///         _ => "call support",
///     }
/// }
/// assert_eq!(advice(&Failure::connect("refused").into()), "try again later");
/// assert_eq!(advice(&Failure::rejected(ErrorCode::ACCESS_DENIED).into()), "try again later");
/// assert_eq!(advice(&Failure::timed_out().into()), "look whether it was booked");
/// assert_eq!(advice(&Failure::timed_out().with_outcome(Outcome::NotSent).into()), "try again later");
/// assert_eq!(advice(&Failure::protocol("it is not JSON").into()), "call support");
/// ```
impl Failure {
    /// Makes the failure of a transport that could not reach its peer. Nothing was sent.
    pub fn connect(source: impl Into<FailureSource>) -> Self {
        Self::with_source(FailureKind::Connect(None), source)
    }

    /// Makes the failure of a transport whose connection failed before it took the request, or whose peer said that it
    /// did not process the request. The call did not run.
    pub fn not_sent(source: impl Into<FailureSource>) -> Self {
        Self::with_source(FailureKind::Unsent, source)
    }

    /// Makes the failure of a transport that was cut after something may have been sent. The outcome is unknown.
    pub fn transport(source: impl Into<FailureSource>) -> Self {
        Self::with_source(FailureKind::Transport, source)
    }

    /// Makes the failure of a call that got no answer within 30 s, the client's default deadline. The outcome is
    /// unknown.
    pub fn timed_out() -> Self {
        Self::new(FailureKind::Timeout(DEADLINE))
    }

    /// Makes the failure of a call that an overloaded server refused before a handler saw it.
    pub fn overloaded() -> Self {
        Self::rejected(ErrorCode::OVERLOADED)
    }

    /// Makes the failure of a call that the server refused before a handler saw it, with one of the framework's own
    /// codes, such as [`ErrorCode::ACCESS_DENIED`]. The outcome is [`Outcome::Refused`].
    ///
    /// An error with any other code is no failure: the client makes an [`Error::Rpc`](crate::Error::Rpc) of it.
    pub fn rejected(error: impl Into<ErrorObject>) -> Self {
        Self::new(FailureKind::Server(error.into())).with_outcome(Outcome::Refused)
    }

    /// Makes the failure of a call that was answered with an HTTP error status, without headers and body. The outcome
    /// is refused for 429, and otherwise unknown.
    pub fn of_status(status: StatusCode) -> Self {
        let http = HttpError { status, headers: HeaderMap::new(), error: None, answer: None };
        Self::new(FailureKind::Status(http)).with_body(b"")
    }

    /// Makes the failure of a call whose response is no JSON-RPC answer, for this reason. The outcome is unknown.
    pub fn protocol(why: &'static str) -> Self {
        Self::new(FailureKind::Protocol(why))
    }

    /// Makes the failure of a call whose error is not a JSON-RPC error object. The call was executed.
    pub fn of_foreign_error(error: Box<RawValue>) -> Self {
        Self::new(FailureKind::ForeignError(error.into()))
    }

    /// Makes the failure of a call whose result does not fit the caller's type. The call was executed.
    pub fn decode(error: serde_json::Error) -> Self {
        // serde quotes the unexpected value, which came from outside.
        let text = error.to_string();
        if Excerpt(&text).is_whole() {
            Self::with_source(FailureKind::Decode, error)
        } else {
            Self::with_source(FailureKind::Decode, Excerpt(&text).to_string())
        }
    }

    /// Makes the failure of a call whose answer exceeded the client's limit of this many bytes. The call was executed.
    pub fn answer_too_large(limit: usize) -> Self {
        Self::new(FailureKind::AnswerTooLarge(limit))
    }

    /// Sets whether the call has run.
    #[must_use]
    pub fn with_outcome(mut self, outcome: Outcome) -> Self {
        self.0.outcome = Some(outcome);
        self
    }
}

#[cfg(test)]
mod tests {
    use http::StatusCode;
    use rpc_core::{ErrorCode, ErrorKind, Outcome};

    use super::Failure;

    type Predicate = fn(&Failure) -> bool;

    const PREDICATES: [Predicate; 9] = [
        Failure::is_connect,
        Failure::is_timeout,
        Failure::is_transport,
        Failure::is_protocol,
        Failure::is_too_large,
        Failure::is_decode,
        Failure::is_overloaded,
        |failure| failure.status().is_some(),
        Failure::is_foreign_error,
    ];

    #[test]
    fn each_predicate_and_each_outcome_can_be_faked() {
        let decode = || Failure::decode(serde_json::from_str::<u8>("x").unwrap_err());
        let foreign = || Failure::of_foreign_error(serde_json::from_str("\"no\"").unwrap());
        for (failure, true_of, outcome, kind) in [
            (Failure::connect("x"), &[0][..], Outcome::NotSent, ErrorKind::Network),
            (Failure::timed_out(), &[1], Outcome::Unknown, ErrorKind::Timeout),
            (Failure::transport("x"), &[2], Outcome::Unknown, ErrorKind::Network),
            (Failure::not_sent("x"), &[2], Outcome::NotSent, ErrorKind::Network),
            (Failure::protocol("x"), &[3], Outcome::Unknown, ErrorKind::Internal),
            (Failure::answer_too_large(7), &[4], Outcome::Executed, ErrorKind::Internal),
            (decode(), &[5], Outcome::Executed, ErrorKind::Internal),
            (Failure::overloaded(), &[6], Outcome::Refused, ErrorKind::Unavailable),
            (foreign(), &[8], Outcome::Executed, ErrorKind::Internal),
            (Failure::rejected(ErrorCode::ACCESS_DENIED), &[], Outcome::Refused, ErrorKind::Authentication),
            (Failure::rejected(ErrorCode::DEADLINE_EXPIRED), &[1], Outcome::Refused, ErrorKind::Timeout),
            (Failure::of_status(StatusCode::BAD_GATEWAY), &[7], Outcome::Unknown, ErrorKind::Unavailable),
            (Failure::of_status(StatusCode::TOO_MANY_REQUESTS), &[6, 7], Outcome::Refused, ErrorKind::RateLimited),
        ] {
            let holds: Vec<_> = (0..PREDICATES.len()).filter(|index| PREDICATES[*index](&failure)).collect();
            assert_eq!((&holds[..], failure.outcome(), failure.kind()), (true_of, outcome, kind), "{failure:?}");
            let changed = failure.with_outcome(Outcome::Executed);
            assert_eq!(changed.outcome(), Outcome::Executed);
        }
    }
}
