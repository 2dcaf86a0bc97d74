//! [`Failure`]: why a call has no answer, apart from errors of the method or of JSON-RPC. `kind` says what failed, and
//! the outcome whether the call may have run. Clones share the source.

mod kind;
mod layer_fault;
mod make;

use std::error::Error as StdError;
use std::fmt;
use std::sync::Arc;

use bytes::Bytes;
use http::{HeaderMap, StatusCode};
use rpc_core::codec::ForeignError;
use rpc_core::{ErrorCode, ErrorKind, ErrorObject, Excerpt, Outcome};
use serde_json::value::RawValue;

use crate::Attempt;
use crate::meta::ResponseMeta;
pub(crate) use kind::{HttpError, Kind};
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
/// Transports and fakes in tests make failures of their own: [`connect`](Self::connect),
/// [`timed_out`](Self::timed_out), [`rejected`](Self::rejected) and others, with any outcome by
/// [`with_outcome`](Self::with_outcome).
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
    /// The beginning of what came in place of an answer.
    body_start: Option<Bytes>,
}

/// How much is kept of what came in place of an answer, which is as much as an [`Excerpt`] shows.
const BODY_START: usize = 1024;

impl Failure {
    pub(crate) fn new(kind: Kind) -> Self {
        Self(Box::new(Inner { kind, source: None, outcome: None, attempts: Vec::new(), body_start: None }))
    }

    pub(crate) fn with_source(kind: Kind, source: impl Into<Box<dyn StdError + Send + Sync>>) -> Self {
        let mut failure = Self::new(kind);
        failure.0.source = Some(Arc::from(source.into()));
        failure
    }

    /// Sets what came in place of an answer, of which the beginning is kept.
    pub(crate) fn with_body(mut self, body: &[u8]) -> Self {
        self.0.body_start = Some(Bytes::copy_from_slice(&body[..body.len().min(BODY_START)]));
        self
    }

    /// Takes out the body of an HTTP error, where it may be the answer to the call in spite of the status.
    pub(crate) fn take_answer(&mut self) -> Option<Bytes> {
        match &mut self.0.kind {
            Kind::Status(http) => http.answer.take(),
            _ => None,
        }
    }

    /// Returns the head of the HTTP answer whose status is what failed.
    pub(crate) fn head(&self) -> Option<ResponseMeta> {
        self.http().map(|http| ResponseMeta { status: Some(http.status), headers: http.headers.clone() })
    }

    /// Takes the error away that the body of an HTTP error has for another call.
    pub(crate) fn without_error(mut self) -> Self {
        if let Kind::Status(http) = &mut self.0.kind {
            http.error = None;
        }
        self
    }

    /// Returns the outcome that the failure was given, where that is more than its kind says.
    pub(crate) fn given_outcome(&self) -> Option<Outcome> {
        self.0.outcome
    }

    /// Sets the error that an HTTP error has for the call, which its body has for several.
    pub(crate) fn with_error(mut self, error: ErrorObject) -> Self {
        if let Kind::Status(http) = &mut self.0.kind {
            http.error = Some(Ok(error));
        }
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
        matches!(self.0.kind, Kind::Connect(_))
    }

    /// Tells whether the [provider of credentials](crate::Credentials) failed, whose error is the source.
    pub fn is_credentials(&self) -> bool {
        matches!(self.0.kind, Kind::Credentials)
    }

    /// Tells whether time ran out, the client's or the server's.
    pub fn is_timeout(&self) -> bool {
        matches!(&self.0.kind, Kind::Timeout(_) | Kind::Expired | Kind::Layer(LayerFault::TimedOut))
            || self.has_code(ErrorCode::is_timeout)
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
            || self.has_code(ErrorCode::is_too_large)
            || self.status() == Some(StatusCode::PAYLOAD_TOO_LARGE)
    }

    /// Tells whether the result is of another shape than the caller's type.
    pub fn is_decode(&self) -> bool {
        matches!(self.0.kind, Kind::Decode)
    }

    /// Tells whether the server had too much to do, of this client or of all: HTTP status 503 or 429, or the
    /// framework's own codes for it.
    pub fn is_overloaded(&self) -> bool {
        self.has_code(ErrorCode::is_overloaded)
            || matches!(self.status(), Some(StatusCode::SERVICE_UNAVAILABLE | StatusCode::TOO_MANY_REQUESTS))
    }

    /// Tells whether the server answered with an error that is no JSON-RPC error object, since it has no code that can
    /// be read. Such a call is never retried, and its outcome is [`Outcome::Executed`].
    ///
    /// [`foreign_error`](Self::foreign_error) has the JSON, and `Display` shows what it says.
    pub fn is_foreign_error(&self) -> bool {
        matches!(self.0.kind, Kind::ForeignError(_))
    }

    /// Returns the HTTP status, where it is what failed.
    ///
    /// A JSON-RPC answer with the call's id under HTTP 500 or a 4xx other than 429 is the call's answer, and no
    /// failure.
    pub fn status(&self) -> Option<StatusCode> {
        self.http().map(|http| http.status)
    }

    /// Returns the headers of the HTTP answer whose status is what failed.
    pub fn headers(&self) -> Option<&HeaderMap> {
        self.http().map(|http| &http.headers)
    }

    /// Tells whether the server answered with a code of the framework of which this is true.
    fn has_code(&self, is: fn(ErrorCode) -> bool) -> bool {
        self.0.kind.of_framework().is_some_and(|error| is(error.code()))
    }

    fn http(&self) -> Option<&HttpError> {
        match &self.0.kind {
            Kind::Status(http) => Some(http),
            _ => None,
        }
    }

    /// Returns the first KiB of what came in place of an answer, as it came.
    ///
    /// That is the body of an HTTP answer whose status is what failed, of one that is no JSON-RPC answer or is too
    /// large, and the JSON of a result of another type. In a batch it is the part that belongs to the call, where
    /// there is one. `Debug` shows it with control characters escaped.
    pub fn body_start(&self) -> Option<&[u8]> {
        self.0.body_start.as_deref()
    }

    /// Returns the JSON-RPC error that the server sent along, if there is one.
    ///
    /// In the body of an HTTP answer whose status is what failed, any `jsonrpc` may stand beside it, or none.
    pub fn error_object(&self) -> Option<ErrorObject> {
        let of_source = || self.0.source.as_ref()?.downcast_ref::<ErrorObject>();
        self.0.kind.error_object().or_else(of_source).cloned()
    }

    /// Returns the error that the server sent along and that is no JSON-RPC error object, as JSON.
    ///
    /// An error whose code is a string or a float of an integer's value, or whose message is missing or no string, is
    /// an [`error_object`](Self::error_object) nevertheless.
    pub fn foreign_error(&self) -> Option<&RawValue> {
        self.0.kind.foreign_error().map(ForeignError::json)
    }
}

/// Shows one clause without the source. The error that the server sent along is shown with its message, and a refusal
/// of the caller or of the idempotency key with its reason and the roles that the call requires, as [`ErrorObject`]
/// does it.
impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.kind.fmt(f)
    }
}

impl fmt::Debug for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut debug = f.debug_struct("Failure");
        debug.field("kind", &self.0.kind);
        if let Some(body) = &self.0.body_start {
            debug.field("body_start", &Excerpt(&String::from_utf8_lossy(body)));
        }
        if let Some(source) = &self.0.source {
            debug.field("source", source);
        }
        debug.field("outcome", &self.outcome()).field("attempts", &self.0.attempts).finish()
    }
}

impl StdError for Failure {
    fn source(&self) -> Option<&(dyn StdError + 'static)> {
        match (&self.0.source, &self.0.kind) {
            (Some(source), _) => Some(&**source as _),
            (None, Kind::ForeignError(error)) => Some(error),
            (None, _) => None,
        }
    }
}
