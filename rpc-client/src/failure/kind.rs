use std::fmt;
use std::time::Duration;

use bytes::Bytes;
use http::{HeaderMap, StatusCode};
use rpc_core::codes::Proof;
use rpc_core::{ErrorCode, ErrorKind, ErrorObject, Outcome};

use super::layer_fault::LayerFault;

/// What has failed.
#[derive(Clone, Debug)]
pub(crate) enum Kind {
    /// The client or the call was put together wrongly.
    Builder(&'static str),
    /// No ticket can be issued for the call.
    NoTicket(&'static str),
    Encode,
    Connect,
    /// The connection failed before it took the request.
    Unsent,
    /// The server said that it did not look at a notification, to which it has no other answer.
    Refused,
    /// There was no time left before anything was sent.
    Expired,
    Timeout(Duration),
    /// A layer of the client has failed.
    Layer(LayerFault),
    Transport,
    Status(StatusCode, HeaderMap, Bytes),
    Protocol(&'static str),
    AnswerTooLarge(usize),
    Decode,
    /// The server answered with one of the framework's own codes.
    Server(ErrorObject),
}

impl Kind {
    /// Tells what may have become of the call, as far as the kind says.
    pub(super) fn outcome(&self) -> Outcome {
        match self {
            Self::Builder(_) | Self::NoTicket(_) | Self::Encode | Self::Connect | Self::Unsent | Self::Expired => {
                Outcome::NotSent
            }
            Self::Refused | Self::Status(StatusCode::TOO_MANY_REQUESTS, ..) => Outcome::Refused,
            // A code alone proves no refusal: a handler may have relayed it from elsewhere.
            Self::Server(error) if error.code().meaning().proof == Proof::Ran => Outcome::Executed,
            Self::AnswerTooLarge(_) | Self::Decode => Outcome::Executed,
            Self::Timeout(_)
            | Self::Layer(_)
            | Self::Transport
            | Self::Status(..)
            | Self::Protocol(_)
            | Self::Server(_) => Outcome::Unknown,
        }
    }

    /// Returns what the failure is counted as.
    pub(super) fn counted_as(&self) -> ErrorKind {
        match self {
            Self::Builder(_) | Self::Encode => ErrorKind::Validation,
            Self::Connect | Self::Unsent | Self::Transport => ErrorKind::Network,
            Self::Expired | Self::Timeout(_) => ErrorKind::Timeout,
            Self::Layer(fault) => fault.counted_as(),
            Self::NoTicket(_) | Self::Refused => ErrorKind::Unavailable,
            Self::Status(status, ..) => ErrorKind::of_status(*status),
            Self::Server(error) => ErrorKind::of_error(error),
            Self::Protocol(_) | Self::AnswerTooLarge(_) | Self::Decode => ErrorKind::Internal,
        }
    }

    /// Returns the JSON-RPC error that the server sent along, if there is one.
    pub(super) fn error_object(&self) -> Option<ErrorObject> {
        match self {
            Self::Server(error) => Some(error.clone()),
            Self::Status(_, _, body) => {
                let text = std::str::from_utf8(body).ok()?;
                rpc_core::codec::parse_reply(text).ok()?.outcome.ok()?.err()
            }
            _ => None,
        }
    }
}

/// The codes that say with an HTTP status of their own why the server refuses the call.
const REFUSALS: [ErrorCode; 2] = [ErrorCode::ACCESS_DENIED, ErrorCode::KEY_REFUSED];

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Builder(what) => f.write_str(what),
            Self::NoTicket(why) => write!(f, "no ticket can be issued: {why}"),
            Self::Encode => f.write_str("params cannot be sent"),
            Self::Connect => f.write_str("cannot connect to the server"),
            Self::Unsent => f.write_str("connection failed before it took the call"),
            Self::Refused => f.write_str("server refused the notification before it looked at it"),
            Self::Expired => f.write_str("no time was left to send the call"),
            Self::Timeout(after) => write!(f, "no answer within {after:?}"),
            Self::Layer(fault) => fault.fmt(f),
            Self::Transport => f.write_str("connection failed before the answer was read"),
            Self::Status(status, ..) => {
                write!(f, "server answered with HTTP status {status}")?;
                let refuses = |error: &ErrorObject| REFUSALS.contains(&error.code());
                self.error_object().filter(refuses).map_or(Ok(()), |error| write!(f, ": {error}"))
            }
            Self::Protocol(what) => write!(f, "not a JSON-RPC answer: {what}"),
            Self::AnswerTooLarge(limit) => write!(f, "answer is larger than {limit} bytes"),
            Self::Decode => f.write_str("result is not of the expected type"),
            Self::Server(error) => write!(f, "server gave up on the call: {error}"),
        }
    }
}
