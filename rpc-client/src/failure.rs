use std::error::Error as StdError;
use std::fmt;
use std::time::Duration;

use bytes::Bytes;
use http::{HeaderMap, StatusCode};
use rpc_core::codes::Proof;
use rpc_core::{ErrorCode, ErrorKind, ErrorObject, Excerpt, Outcome};

use crate::Attempt;

/// Why a call has no answer: everything that is the framework's own, and not the method's or the server's.
///
/// It is opaque; predicates tell what it is, and [`outcome`](Self::outcome) what may have become of the call.
///
/// # Example
///
/// ```
/// # tokio::runtime::Runtime::new().unwrap().block_on(async {
/// use rpc::{Client, Error, Outcome};
///
/// // Nobody listens at port 1.
/// let client = Client::new("http://127.0.0.1:1")?;
/// let error = client.call::<u64>("count", ()).await.unwrap_err();
/// let Error::Failure(failure) = error else { unreachable!() };
/// assert!(failure.is_connect());
/// assert_eq!(failure.outcome(), Outcome::NotSent);
/// # Ok::<(), rpc::Failure>(())
/// # }).unwrap();
/// ```
pub struct Failure(Box<Inner>);

struct Inner {
    kind: Kind,
    source: Option<Box<dyn StdError + Send + Sync>>,
    /// What is known of the call beyond what the kind says.
    outcome: Option<Outcome>,
    attempts: Vec<Attempt>,
}

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
    Transport,
    Status(StatusCode, HeaderMap, Bytes),
    Protocol(&'static str),
    AnswerTooLarge(usize),
    Decode,
    /// The server answered with one of the framework's own codes.
    Server(ErrorObject),
}

impl Failure {
    pub(crate) fn new(kind: Kind) -> Self {
        Self(Box::new(Inner { kind, source: None, outcome: None, attempts: Vec::new() }))
    }

    pub(crate) fn with_source(kind: Kind, source: impl Into<Box<dyn StdError + Send + Sync>>) -> Self {
        let mut failure = Self::new(kind);
        failure.0.source = Some(source.into());
        failure
    }

    /// Makes the failure of a result that is of another shape than the caller's type.
    pub(crate) fn decode(error: serde_json::Error) -> Self {
        // serde quotes what it did not expect, which came from outside.
        let text = error.to_string();
        if Excerpt(&text).is_whole() {
            Self::with_source(Kind::Decode, error)
        } else {
            Self::with_source(Kind::Decode, Excerpt(&text).to_string())
        }
    }

    /// Sets what is known of the call.
    pub(crate) fn with_outcome(mut self, outcome: Outcome) -> Self {
        self.0.outcome = Some(outcome);
        self
    }

    /// Sets what the attempts have met that led here.
    pub(crate) fn with_attempts(mut self, attempts: Vec<Attempt>) -> Self {
        self.0.attempts = attempts;
        self
    }

    /// Tells whether there was no time left before anything was sent.
    pub(crate) fn is_expired(&self) -> bool {
        matches!(self.0.kind, Kind::Expired)
    }

    /// Tells whether the server has said that it does not know what became of the call either.
    pub(crate) fn is_told_unknown(&self) -> bool {
        matches!(&self.0.kind, Kind::Server(error) if error.code() == ErrorCode::OUTCOME_UNKNOWN)
    }

    pub(crate) fn kind_of_failure(&self) -> &Kind {
        &self.0.kind
    }

    /// Makes the failure of a transport of one's own that could not reach its peer, so that nothing was sent.
    pub fn connect(source: impl Into<Box<dyn StdError + Send + Sync>>) -> Self {
        Self::with_source(Kind::Connect, source)
    }

    /// Makes the failure of a transport of one's own whose connection failed before it took the request, or whose peer
    /// has said that it did not look at it, so that the call did not run.
    pub fn not_sent(source: impl Into<Box<dyn StdError + Send + Sync>>) -> Self {
        Self::with_source(Kind::Unsent, source)
    }

    /// Makes the failure of a transport of one's own that was cut after something may have been sent.
    pub fn transport(source: impl Into<Box<dyn StdError + Send + Sync>>) -> Self {
        Self::with_source(Kind::Transport, source)
    }

    /// Copies the failure for another entry of the same batch. The source stays behind as text.
    pub(crate) fn duplicate(&self) -> Self {
        let Inner { kind, source, outcome, attempts } = &*self.0;
        let source = source.as_ref().map(|source| Chain::of(&**source).into());
        Self(Box::new(Inner { kind: kind.clone(), source, outcome: *outcome, attempts: attempts.clone() }))
    }

    /// Tells what may have become of the call, all attempts taken together.
    pub fn outcome(&self) -> Outcome {
        if let Some(outcome) = self.0.outcome {
            return outcome;
        }
        match &self.0.kind {
            Kind::Builder(_) | Kind::NoTicket(_) | Kind::Encode | Kind::Connect | Kind::Unsent | Kind::Expired => {
                Outcome::NotSent
            }
            Kind::Refused | Kind::Status(StatusCode::TOO_MANY_REQUESTS, ..) => Outcome::Refused,
            // A code alone proves no refusal: a handler may have relayed it from elsewhere.
            Kind::Server(error) if error.code().meaning().proof == Proof::Ran => Outcome::Executed,
            Kind::AnswerTooLarge(_) | Kind::Decode => Outcome::Executed,
            Kind::Timeout(_) | Kind::Transport | Kind::Status(..) | Kind::Protocol(_) | Kind::Server(_) => {
                Outcome::Unknown
            }
        }
    }

    /// Returns what each attempt at the call has met, the last one included. There is none where nothing was tried.
    pub fn attempts(&self) -> &[Attempt] {
        &self.0.attempts
    }

    /// Tells what kind of failure it is, for metrics and alerts.
    pub fn kind(&self) -> ErrorKind {
        match &self.0.kind {
            Kind::Builder(_) | Kind::Encode => ErrorKind::Validation,
            Kind::Connect | Kind::Unsent | Kind::Transport => ErrorKind::Network,
            Kind::Expired | Kind::Timeout(_) => ErrorKind::Timeout,
            Kind::NoTicket(_) | Kind::Refused => ErrorKind::Unavailable,
            Kind::Status(status, ..) => ErrorKind::of_status(*status),
            Kind::Server(error) => ErrorKind::of_error(error),
            Kind::Protocol(_) | Kind::AnswerTooLarge(_) | Kind::Decode => ErrorKind::Internal,
        }
    }

    /// Tells whether the client or the call was put together wrongly: a bad address, a bad header.
    pub fn is_builder(&self) -> bool {
        matches!(self.0.kind, Kind::Builder(_))
    }

    /// Tells whether the params could not be written as JSON, or as JSON that params may be.
    pub fn is_encode(&self) -> bool {
        matches!(self.0.kind, Kind::Encode)
    }

    /// Tells whether no connection could be made.
    pub fn is_connect(&self) -> bool {
        matches!(self.0.kind, Kind::Connect)
    }

    /// Tells whether time ran out, the client's or the server's.
    pub fn is_timeout(&self) -> bool {
        matches!(&self.0.kind, Kind::Timeout(_) | Kind::Expired)
            || matches!(&self.0.kind, Kind::Server(error) if error.code().is_timeout())
            || self.status() == Some(StatusCode::REQUEST_TIMEOUT)
    }

    /// Tells whether a connection failed that had been made.
    pub fn is_transport(&self) -> bool {
        matches!(self.0.kind, Kind::Transport | Kind::Unsent)
    }

    /// Tells whether what came back is not an answer: not JSON, another call's, twice, or none at all.
    pub fn is_protocol(&self) -> bool {
        matches!(self.0.kind, Kind::Protocol(_))
    }

    /// Tells whether the answer, or the request, was over a limit of size.
    pub fn is_too_large(&self) -> bool {
        matches!(&self.0.kind, Kind::AnswerTooLarge(_))
            || matches!(&self.0.kind, Kind::Server(error) if error.code().is_too_large())
            || self.status() == Some(StatusCode::PAYLOAD_TOO_LARGE)
    }

    /// Tells whether the result is of another shape than the caller's type.
    pub fn is_decode(&self) -> bool {
        matches!(self.0.kind, Kind::Decode)
    }

    /// Tells whether the server had too much to do, of this client or of all: HTTP status 503 or 429, or the
    /// framework's own codes for it.
    pub fn is_overloaded(&self) -> bool {
        matches!(&self.0.kind, Kind::Server(error) if error.code().is_overloaded())
            || matches!(self.status(), Some(StatusCode::SERVICE_UNAVAILABLE | StatusCode::TOO_MANY_REQUESTS))
    }

    /// Returns the HTTP status, where it is what failed.
    pub fn status(&self) -> Option<StatusCode> {
        match self.0.kind {
            Kind::Status(status, ..) => Some(status),
            _ => None,
        }
    }

    /// Returns the headers of the HTTP answer whose status is what failed.
    pub fn headers(&self) -> Option<&HeaderMap> {
        match &self.0.kind {
            Kind::Status(_, headers, _) => Some(headers),
            _ => None,
        }
    }

    /// Returns up to the first 4 KiB of the HTTP answer whose status is what failed.
    pub fn body_start(&self) -> Option<&[u8]> {
        match &self.0.kind {
            Kind::Status(_, _, body) => Some(body),
            _ => None,
        }
    }

    /// Returns the JSON-RPC error that the server sent along, if there is one.
    pub fn error_object(&self) -> Option<ErrorObject> {
        match &self.0.kind {
            Kind::Server(error) => Some(error.clone()),
            Kind::Status(_, _, body) => {
                let text = std::str::from_utf8(body).ok()?;
                rpc_core::codec::parse_reply(text).ok()?.outcome.ok()?.err()
            }
            _ => self.0.source.as_ref()?.downcast_ref::<ErrorObject>().cloned(),
        }
    }
}

/// The codes that say with an HTTP status of their own why the server refuses the call.
const REFUSALS: [ErrorCode; 2] = [ErrorCode::ACCESS_DENIED, ErrorCode::KEY_REFUSED];

/// Shows one clause without the source. A refusal of the caller or of the idempotency key is shown with its reason and
/// the roles that the call requires, as [`ErrorObject`] shows it.
impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0.kind {
            Kind::Builder(what) => f.write_str(what),
            Kind::NoTicket(why) => write!(f, "no ticket can be issued: {why}"),
            Kind::Encode => f.write_str("params cannot be sent"),
            Kind::Connect => f.write_str("cannot connect to the server"),
            Kind::Unsent => f.write_str("connection failed before it took the call"),
            Kind::Refused => f.write_str("server refused the notification before it looked at it"),
            Kind::Expired => f.write_str("no time was left to send the call"),
            Kind::Timeout(after) => write!(f, "no answer within {after:?}"),
            Kind::Transport => f.write_str("connection failed before the answer was read"),
            Kind::Status(status, ..) => {
                write!(f, "server answered with HTTP status {status}")?;
                let refuses = |error: &ErrorObject| REFUSALS.contains(&error.code());
                self.error_object().filter(refuses).map_or(Ok(()), |error| write!(f, ": {error}"))
            }
            Kind::Protocol(what) => write!(f, "not a JSON-RPC answer: {what}"),
            Kind::AnswerTooLarge(limit) => write!(f, "answer is larger than {limit} bytes"),
            Kind::Decode => f.write_str("result is not of the expected type"),
            Kind::Server(error) => write!(f, "server gave up on the call: {error}"),
        }
    }
}

impl fmt::Debug for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut debug = f.debug_struct("Failure");
        match &self.0.kind {
            // Headers may hold secrets.
            Kind::Status(status, _, body) => {
                let body = String::from_utf8_lossy(body);
                debug.field("status", &status.as_u16()).field("body_start", &Excerpt(&body))
            }
            kind => debug.field("kind", kind),
        };
        if let Some(source) = &self.0.source {
            debug.field("source", source);
        }
        debug.field("outcome", &self.outcome()).field("attempts", &self.0.attempts).finish()
    }
}

impl StdError for Failure {
    fn source(&self) -> Option<&(dyn StdError + 'static)> {
        self.0.source.as_ref().map(|source| &**source as _)
    }
}

/// A chain of errors, as text.
#[derive(Debug)]
struct Chain {
    text: String,
    source: Option<Box<Chain>>,
}

impl Chain {
    fn of(error: &(dyn StdError + 'static)) -> Self {
        Self { text: error.to_string(), source: error.source().map(|source| Box::new(Self::of(source))) }
    }
}

impl fmt::Display for Chain {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl StdError for Chain {
    fn source(&self) -> Option<&(dyn StdError + 'static)> {
        self.source.as_deref().map(|source| source as _)
    }
}
