mod kind;
mod layer_fault;

use std::error::Error as StdError;
use std::fmt;
use std::sync::Arc;

use http::{HeaderMap, StatusCode};
use rpc_core::{ErrorCode, ErrorKind, ErrorObject, Excerpt, Outcome};

use crate::Attempt;
pub(crate) use kind::Kind;
pub(crate) use layer_fault::LayerFault;

/// Why a call has no answer: everything that is the framework's own, and not the method's or the server's.
///
/// It is opaque; predicates tell what it is, and [`outcome`](Self::outcome) what may have become of the call. A clone
/// shares the source with the original, so [`source`](StdError::source) has the same type in each entry of a batch.
///
/// Failures cannot be compared with `==`: a source is of any type, and attempts take another time in each run. Compare
/// [`kind`](Self::kind) and [`outcome`](Self::outcome), ask a predicate, or compare the
/// [`error_object`](Self::error_object).
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
#[derive(Clone)]
pub struct Failure(Box<Inner>);

#[derive(Clone)]
struct Inner {
    kind: Kind,
    /// Shared, so that each entry of a batch can have the failure of its request.
    source: Option<Arc<dyn StdError + Send + Sync>>,
    /// What is known of the call beyond what the kind says.
    outcome: Option<Outcome>,
    attempts: Vec<Attempt>,
}

impl Failure {
    pub(crate) fn new(kind: Kind) -> Self {
        Self(Box::new(Inner { kind, source: None, outcome: None, attempts: Vec::new() }))
    }

    pub(crate) fn with_source(kind: Kind, source: impl Into<Box<dyn StdError + Send + Sync>>) -> Self {
        let mut failure = Self::new(kind);
        failure.0.source = Some(Arc::from(source.into()));
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

    /// Tells what may have become of the call, all attempts taken together.
    pub fn outcome(&self) -> Outcome {
        self.0.outcome.unwrap_or_else(|| self.0.kind.outcome())
    }

    /// Returns what each attempt at the call has met, the last one included. There is none where nothing was tried.
    pub fn attempts(&self) -> &[Attempt] {
        &self.0.attempts
    }

    /// Tells what kind of failure it is, for metrics and alerts.
    pub fn kind(&self) -> ErrorKind {
        self.0.kind.counted_as()
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
        matches!(&self.0.kind, Kind::Timeout(_) | Kind::Expired | Kind::Layer(LayerFault::TimedOut))
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
        let of_source = || self.0.source.as_ref()?.downcast_ref::<ErrorObject>().cloned();
        self.0.kind.error_object().or_else(of_source)
    }
}

/// Shows one clause without the source. A refusal of the caller or of the idempotency key is shown with its reason and
/// the roles that the call requires, as [`ErrorObject`] shows it.
impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.kind.fmt(f)
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
