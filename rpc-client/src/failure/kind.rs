//! The kinds of failures, and the text, outcome and metrics category of each.

use std::fmt;
use std::time::Duration;

use bytes::Bytes;
use http::{HeaderMap, StatusCode};
use rpc_core::codec::ForeignError;
use rpc_core::codes::Proof;
use rpc_core::{ErrorKind, ErrorObject, Excerpt, Outcome};

use super::layer_fault::LayerFault;

/// What failed.
#[derive(Clone, Debug)]
pub(crate) enum FailureKind {
    /// The client or the call was built wrongly.
    Builder(&'static str),
    /// No ticket can be issued for the call.
    NoTicket(&'static str),
    Encode,
    /// No connection could be made, to this server and through this proxy, if they are known.
    Connect(Option<Box<str>>),
    /// The connection failed before it took the request.
    Unsent,
    /// The server reported that it did not process a notification. A notification has no other answer.
    Refused,
    /// The client's source of endpoints has reported none yet.
    NoEndpoint,
    /// No time was left before anything was sent.
    Expired,
    /// The provider of credentials failed.
    Credentials,
    /// The client's throttle rejected the call.
    Throttled,
    /// The circuit of the client's only endpoint is open.
    CircuitOpen,
    Timeout(Duration),
    /// A layer of the client failed.
    Layer(LayerFault),
    Transport,
    Status(HttpError),
    Protocol(&'static str),
    AnswerTooLarge(usize),
    Decode,
    /// The server answered with an error that is not a JSON-RPC error object.
    ForeignError(ForeignError),
    /// The server answered with one of the framework's own codes.
    Server(ErrorObject),
}

/// An HTTP response with an error status.
#[derive(Clone)]
pub(crate) struct HttpError {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    /// The member `error` of the body, if the body is an object and arrived whole.
    pub(crate) error: Option<Result<ErrorObject, ForeignError>>,
    /// The body, if it can be the answer to the call despite the status.
    pub(crate) answer: Option<Bytes>,
}

impl fmt::Debug for HttpError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Headers may hold secrets.
        f.debug_struct("HttpError").field("status", &self.status.as_u16()).finish_non_exhaustive()
    }
}

impl HttpError {
    /// Returns the error if its code is one of the framework's own. The status then adds no information.
    fn of_framework(&self) -> Option<&ErrorObject> {
        self.error.as_ref()?.as_ref().ok().filter(|error| error.code().is_framework())
    }
}

impl FailureKind {
    /// Returns whether the client itself failed or held the call back, which says nothing about an endpoint.
    pub(crate) fn is_of_client(&self) -> bool {
        matches!(
            self,
            Self::Builder(_)
                | Self::NoEndpoint
                | Self::NoTicket(_)
                | Self::Encode
                | Self::Expired
                | Self::Credentials
                | Self::Throttled
                | Self::CircuitOpen
                | Self::Layer(_)
        )
    }

    /// Returns the outcome of the call, as far as the kind implies it.
    pub(super) fn outcome(&self) -> Outcome {
        match self {
            Self::Builder(_)
            | Self::NoTicket(_)
            | Self::Encode
            | Self::Connect(_)
            | Self::Unsent
            | Self::NoEndpoint
            | Self::Expired
            | Self::Credentials
            | Self::Throttled
            | Self::CircuitOpen => Outcome::NotSent,
            Self::Refused => Outcome::Refused,
            Self::Status(HttpError { status: StatusCode::TOO_MANY_REQUESTS, .. }) => Outcome::Refused,
            // A code alone proves no refusal: a handler may have relayed it from another server.
            Self::Server(error) if error.code().meaning().proof == Proof::Ran => Outcome::Executed,
            Self::AnswerTooLarge(_) | Self::Decode | Self::ForeignError(_) => Outcome::Executed,
            Self::Timeout(_)
            | Self::Layer(_)
            | Self::Transport
            | Self::Status(_)
            | Self::Protocol(_)
            | Self::Server(_) => Outcome::Unknown,
        }
    }

    /// Returns the category for metrics.
    pub(super) fn counted_as(&self) -> ErrorKind {
        match self {
            Self::Builder(_) | Self::Encode => ErrorKind::Validation,
            Self::Connect(_) | Self::Unsent | Self::Transport => ErrorKind::Network,
            Self::Expired | Self::Timeout(_) => ErrorKind::Timeout,
            Self::Credentials => ErrorKind::Authentication,
            Self::Throttled => ErrorKind::Throttled,
            Self::CircuitOpen => ErrorKind::CircuitOpen,
            Self::Layer(fault) => fault.counted_as(),
            Self::NoTicket(_) | Self::NoEndpoint | Self::Refused => ErrorKind::Unavailable,
            Self::Status(http) => match http.of_framework() {
                Some(error) => ErrorKind::of_error(error),
                None => ErrorKind::of_status(http.status),
            },
            Self::Server(error) => ErrorKind::of_error(error),
            Self::Protocol(_) | Self::AnswerTooLarge(_) | Self::Decode | Self::ForeignError(_) => ErrorKind::Internal,
        }
    }

    /// Returns the server's error with one of the framework's own codes, whatever the HTTP status.
    pub(crate) fn of_framework(&self) -> Option<&ErrorObject> {
        match self {
            Self::Server(error) => Some(error),
            Self::Status(http) => http.of_framework(),
            _ => None,
        }
    }

    /// Returns the JSON-RPC error that the server sent with the failure, if there is one.
    pub(super) fn error_object(&self) -> Option<&ErrorObject> {
        match self {
            Self::Server(error) => Some(error),
            Self::Status(HttpError { error: Some(Ok(error)), .. }) => Some(error),
            _ => None,
        }
    }

    /// Returns the error that the server sent and that is not a JSON-RPC error object, if there is one.
    pub(super) fn foreign_error(&self) -> Option<&ForeignError> {
        match self {
            Self::ForeignError(error) | Self::Status(HttpError { error: Some(Err(error)), .. }) => Some(error),
            _ => None,
        }
    }
}

impl fmt::Display for FailureKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Builder(what) => f.write_str(what),
            Self::NoTicket(why) => write!(f, "no ticket can be issued: {why}"),
            Self::Encode => f.write_str("params cannot be sent"),
            Self::Connect(None) => f.write_str("cannot connect to the server"),
            Self::Connect(Some(to)) => write!(f, "cannot connect to the server at {to}"),
            Self::Unsent => f.write_str("connection failed before it took the call"),
            Self::Refused => f.write_str("server refused the notification before it looked at it"),
            Self::NoEndpoint => f.write_str("no endpoint has been discovered"),
            Self::Expired => f.write_str("no time was left to send the call"),
            Self::Credentials => f.write_str("no credentials could be fetched for the call"),
            Self::Throttled => f.write_str("throttle of the client rejected the call, since servers refuse most calls"),
            Self::CircuitOpen => f.write_str("circuit of the endpoint is open, since earlier calls failed"),
            Self::Timeout(after) => write!(f, "no answer within {after:?}"),
            Self::Layer(fault) => fault.fmt(f),
            Self::Transport => f.write_str("connection failed before the answer was read"),
            Self::Status(http) => http.fmt(f),
            Self::Protocol(what) => write!(f, "not a JSON-RPC answer: {what}"),
            Self::AnswerTooLarge(limit) => write!(f, "answer is larger than {limit} bytes"),
            Self::Decode => f.write_str("result is not of the expected type"),
            Self::ForeignError(error) => {
                let text = error.text();
                write!(f, "server answered with an error that is not a JSON-RPC error object: {}", Excerpt(&text))
            }
            Self::Server(error) => gave_up(f, error),
        }
    }
}

/// Shows a framework code with the same text as for an error in an entry of a batch.
impl fmt::Display for HttpError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(error) = self.of_framework() {
            return gave_up(f, error);
        }
        write!(f, "server answered with HTTP status {}", self.status)?;
        match &self.error {
            Some(Ok(error)) => write!(f, ": {error}"),
            Some(Err(error)) => write!(f, ": {}", Excerpt(&error.text())),
            None => Ok(()),
        }
    }
}

fn gave_up(f: &mut fmt::Formatter<'_>, error: &ErrorObject) -> fmt::Result {
    write!(f, "server gave up on the call: {error}")
}
