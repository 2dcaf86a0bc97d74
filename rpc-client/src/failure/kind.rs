//! The kinds of failures, and what each means: its text, its outcome, and its kind for metrics.

use std::fmt;
use std::time::Duration;

use bytes::Bytes;
use http::{HeaderMap, StatusCode};
use rpc_core::codec::ForeignError;
use rpc_core::codes::Proof;
use rpc_core::{ErrorKind, ErrorObject, Excerpt, Outcome};

use super::layer_fault::LayerFault;

/// What has failed.
#[derive(Clone, Debug)]
pub(crate) enum Kind {
    /// The client or the call was put together wrongly.
    Builder(&'static str),
    /// No ticket can be issued for the call.
    NoTicket(&'static str),
    Encode,
    /// No connection could be made, to this server and through this proxy as far as they are known.
    Connect(Option<Box<str>>),
    /// The connection failed before it took the request.
    Unsent,
    /// The server said that it did not look at a notification, to which it has no other answer.
    Refused,
    /// There was no time left before anything was sent.
    Expired,
    /// The provider of credentials failed.
    Credentials,
    Timeout(Duration),
    /// A layer of the client has failed.
    Layer(LayerFault),
    Transport,
    Status(HttpError),
    Protocol(&'static str),
    AnswerTooLarge(usize),
    Decode,
    /// The server answered with an error that is none of JSON-RPC.
    ForeignError(ForeignError),
    /// The server answered with one of the framework's own codes.
    Server(ErrorObject),
}

/// An HTTP answer whose status is an error.
#[derive(Clone)]
pub(crate) struct HttpError {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    /// What the body has as the member `error`, if it is an object and came whole.
    pub(crate) error: Option<Result<ErrorObject, ForeignError>>,
    /// The body, where it may be the answer to the call in spite of the status.
    pub(crate) answer: Option<Bytes>,
}

impl fmt::Debug for HttpError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Headers may hold secrets.
        f.debug_struct("HttpError").field("status", &self.status.as_u16()).finish_non_exhaustive()
    }
}

impl HttpError {
    /// Returns the error where its code is one of the framework's own. The status says no more than that.
    fn of_framework(&self) -> Option<&ErrorObject> {
        self.error.as_ref()?.as_ref().ok().filter(|error| error.code().is_framework())
    }
}

impl Kind {
    /// Tells what may have become of the call, as far as the kind says.
    pub(super) fn outcome(&self) -> Outcome {
        match self {
            Self::Builder(_)
            | Self::NoTicket(_)
            | Self::Encode
            | Self::Connect(_)
            | Self::Unsent
            | Self::Expired
            | Self::Credentials => Outcome::NotSent,
            Self::Refused => Outcome::Refused,
            Self::Status(HttpError { status: StatusCode::TOO_MANY_REQUESTS, .. }) => Outcome::Refused,
            // A code alone proves no refusal: a handler may have relayed it from elsewhere.
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

    /// Returns what the failure is counted as.
    pub(super) fn counted_as(&self) -> ErrorKind {
        match self {
            Self::Builder(_) | Self::Encode => ErrorKind::Validation,
            Self::Connect(_) | Self::Unsent | Self::Transport => ErrorKind::Network,
            Self::Expired | Self::Timeout(_) => ErrorKind::Timeout,
            Self::Credentials => ErrorKind::Authentication,
            Self::Layer(fault) => fault.counted_as(),
            Self::NoTicket(_) | Self::Refused => ErrorKind::Unavailable,
            Self::Status(http) => match http.of_framework() {
                Some(error) => ErrorKind::of_error(error),
                None => ErrorKind::of_status(http.status),
            },
            Self::Server(error) => ErrorKind::of_error(error),
            Self::Protocol(_) | Self::AnswerTooLarge(_) | Self::Decode | Self::ForeignError(_) => ErrorKind::Internal,
        }
    }

    /// Returns the error with one of the framework's own codes that the server answered with, with whatever status.
    pub(crate) fn of_framework(&self) -> Option<&ErrorObject> {
        match self {
            Self::Server(error) => Some(error),
            Self::Status(http) => http.of_framework(),
            _ => None,
        }
    }

    /// Returns the JSON-RPC error that the server sent along, if there is one.
    pub(super) fn error_object(&self) -> Option<&ErrorObject> {
        match self {
            Self::Server(error) => Some(error),
            Self::Status(HttpError { error: Some(Ok(error)), .. }) => Some(error),
            _ => None,
        }
    }

    /// Returns the error that the server sent along and that is none of JSON-RPC, if there is one.
    pub(super) fn foreign_error(&self) -> Option<&ForeignError> {
        match self {
            Self::ForeignError(error) | Self::Status(HttpError { error: Some(Err(error)), .. }) => Some(error),
            _ => None,
        }
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Builder(what) => f.write_str(what),
            Self::NoTicket(why) => write!(f, "no ticket can be issued: {why}"),
            Self::Encode => f.write_str("params cannot be sent"),
            Self::Connect(None) => f.write_str("cannot connect to the server"),
            Self::Connect(Some(to)) => write!(f, "cannot connect to the server at {to}"),
            Self::Unsent => f.write_str("connection failed before it took the call"),
            Self::Refused => f.write_str("server refused the notification before it looked at it"),
            Self::Expired => f.write_str("no time was left to send the call"),
            Self::Credentials => f.write_str("no credentials could be fetched for the call"),
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

/// Says for a code of the framework the same as where a batch has the error in an entry.
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
