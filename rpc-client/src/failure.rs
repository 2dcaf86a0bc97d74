//! [`Failure`]: why a call has no answer. Errors of the method or of JSON-RPC are not failures. `kind` says what
//! failed, and the outcome whether the call may have run. Clones share the source.

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
pub(crate) use kind::{FailureKind, HttpError};
pub(crate) use layer_fault::LayerFault;

/// Why a call has no answer. Errors of the method, and other JSON-RPC errors that are the call's answer, are not
/// failures.
///
/// The type is opaque. Predicates classify it, and [`outcome`](Self::outcome) says whether the call may have run. A
/// clone shares the source with the original, so [`source`](StdError::source) has the same type in each entry of a
/// batch.
///
/// Failures cannot be compared with `==`: a source can be of any type, and the duration of attempts differs in each
/// run. Compare [`kind`](Self::kind) and [`outcome`](Self::outcome), use a predicate, or compare the
/// [`error_object`](Self::error_object).
///
/// Transports and test fakes can make failures of their own: [`connect`](Self::connect),
/// [`timed_out`](Self::timed_out), [`rejected`](Self::rejected) and others, with any outcome through
/// [`with_outcome`](Self::with_outcome).
///
/// # Example
///
/// ```
/// # tokio::runtime::Runtime::new().unwrap().block_on(async {
/// use rpc::{Client, Error, Outcome};
///
/// // No server listens at port 1.
/// let client = Client::new("http://127.0.0.1:1")?;
/// let error = client.call::<u64>("count", ()).await.unwrap_err();
/// let Error::Failure(failure) = error else { unreachable!() };
/// assert!(failure.is_connect());
/// assert_eq!(failure.outcome(), Outcome::NotSent);
/// # Ok::<(), rpc::Failure>(())
/// # }).unwrap();
/// ```
#[derive(Clone)]
pub struct Failure(Box<FailureInner>);

#[derive(Clone)]
struct FailureInner {
    kind: FailureKind,
    /// Shared, so that each entry of a batch can have the failure of its request.
    source: Option<Arc<dyn StdError + Send + Sync>>,
    /// The outcome, where more is known than the kind implies.
    outcome: Option<Outcome>,
    attempts: Vec<Attempt>,
    /// The beginning of the body that arrived instead of an answer.
    body_start: Option<Bytes>,
}

/// How many bytes of a body that is no answer are kept, as many as an [`Excerpt`] shows.
const BODY_START: usize = 1024;

impl Failure {
    pub(crate) fn new(kind: FailureKind) -> Self {
        Self(Box::new(FailureInner { kind, source: None, outcome: None, attempts: Vec::new(), body_start: None }))
    }

    pub(crate) fn with_source(kind: FailureKind, source: impl Into<Box<dyn StdError + Send + Sync>>) -> Self {
        let mut failure = Self::new(kind);
        failure.0.source = Some(Arc::from(source.into()));
        failure
    }

    /// Sets the body that arrived instead of an answer. Only its beginning is kept.
    pub(crate) fn with_body(mut self, body: &[u8]) -> Self {
        self.0.body_start = Some(Bytes::copy_from_slice(&body[..body.len().min(BODY_START)]));
        self
    }

    /// Takes the body of an HTTP error, if the body can be the answer to the call despite the status.
    pub(crate) fn take_answer(&mut self) -> Option<Bytes> {
        match &mut self.0.kind {
            FailureKind::Status(http) => http.answer.take(),
            _ => None,
        }
    }

    /// Returns the head of the HTTP response, if its status is the failure.
    pub(crate) fn head(&self) -> Option<ResponseMeta> {
        self.http().map(|http| ResponseMeta { status: Some(http.status), headers: http.headers.clone() })
    }

    /// Removes the error object that the body of an HTTP error has for another call.
    pub(crate) fn without_error(mut self) -> Self {
        if let FailureKind::Status(http) = &mut self.0.kind {
            http.error = None;
        }
        self
    }

    /// Returns the outcome that was set explicitly, if one was.
    pub(crate) fn given_outcome(&self) -> Option<Outcome> {
        self.0.outcome
    }

    /// Sets the error object of the HTTP error for this call. The body has error objects for several calls.
    pub(crate) fn with_error(mut self, error: ErrorObject) -> Self {
        if let FailureKind::Status(http) = &mut self.0.kind {
            http.error = Some(Ok(error));
        }
        self
    }

    /// Sets the attempts that led to this failure.
    pub(crate) fn with_attempts(mut self, attempts: Vec<Attempt>) -> Self {
        self.0.attempts = attempts;
        self
    }

    /// Returns whether no time was left before anything was sent.
    pub(crate) fn is_expired(&self) -> bool {
        matches!(self.0.kind, FailureKind::Expired)
    }

    /// Returns whether the server answered that it does not know the call's outcome either.
    pub(crate) fn is_told_unknown(&self) -> bool {
        matches!(&self.0.kind, FailureKind::Server(error) if error.code() == ErrorCode::OUTCOME_UNKNOWN)
    }

    /// Returns whether the client stopped waiting for the answer.
    pub(crate) fn has_timed_out(&self) -> bool {
        matches!(self.kind_of_failure(), FailureKind::Timeout(_))
    }

    /// Returns whether the transport reached no server, or the server took nothing of the request.
    pub(crate) fn is_unsent(&self) -> bool {
        matches!(self.kind_of_failure(), FailureKind::Connect(_) | FailureKind::Unsent)
            && self.outcome() == Outcome::NotSent
    }

    pub(crate) fn kind_of_failure(&self) -> &FailureKind {
        &self.0.kind
    }

    /// Returns whether the call has run, judged over all attempts together.
    ///
    /// # Example
    ///
    /// ```
    /// use http::StatusCode;
    /// use rpc::{Failure, Outcome};
    ///
    /// assert_eq!(Failure::connect("refused").outcome(), Outcome::NotSent);
    /// assert_eq!(Failure::overloaded().outcome(), Outcome::Refused);
    /// assert_eq!(Failure::of_status(StatusCode::BAD_GATEWAY).outcome(), Outcome::Unknown);
    /// assert_eq!(Failure::answer_too_large(10 << 20).outcome(), Outcome::Executed);
    /// ```
    pub fn outcome(&self) -> Outcome {
        self.0.outcome.unwrap_or_else(|| self.0.kind.outcome())
    }

    /// Returns the attempts at the call, the last one included. The list is empty if nothing was tried.
    ///
    /// # Example
    ///
    /// ```
    /// use rpc::{Client, ErrorKind};
    ///
    /// # #[tokio::main(flavor = "current_thread", start_paused = true)]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// // No server listens at port 1.
    /// let failure = Client::new("http://127.0.0.1:1")?.notify("user.seen", [7]).await.unwrap_err();
    /// let kinds: Vec<_> = failure.attempts().iter().map(|attempt| attempt.error.as_ref().unwrap().kind).collect();
    /// assert_eq!(kinds, [ErrorKind::Network; 3]);
    /// # Ok(())
    /// # }
    /// ```
    pub fn attempts(&self) -> &[Attempt] {
        &self.0.attempts
    }

    /// Returns the category of the failure, for metrics and alerts.
    pub fn kind(&self) -> ErrorKind {
        self.0.kind.counted_as()
    }

    /// Returns whether the client or the call was built wrongly: an invalid address or header.
    pub fn is_builder(&self) -> bool {
        matches!(self.0.kind, FailureKind::Builder(_))
    }

    /// Returns whether the params could not be encoded as JSON, or as JSON that params allow.
    pub fn is_encode(&self) -> bool {
        matches!(self.0.kind, FailureKind::Encode)
    }

    /// Returns whether no connection could be made.
    ///
    /// # Example
    ///
    /// ```
    /// use rpc::{Client, Retry};
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// // No server listens at port 1.
    /// let client = Client::builder().endpoint("http://127.0.0.1:1").retry(Retry::never()).build()?;
    /// let failure = client.notify("user.seen", [7]).await.unwrap_err();
    /// assert!(failure.is_connect());
    /// assert_eq!(failure.to_string(), "cannot connect to the server at http://127.0.0.1:1");
    /// # Ok(())
    /// # }
    /// ```
    pub fn is_connect(&self) -> bool {
        matches!(self.0.kind, FailureKind::Connect(_))
    }

    /// Returns whether the [provider of credentials](crate::Credentials) failed. Its error is the source.
    pub fn is_credentials(&self) -> bool {
        matches!(self.0.kind, FailureKind::Credentials)
    }

    /// Returns whether the call timed out, at the client or at the server.
    ///
    /// # Example
    ///
    /// ```
    /// use std::time::Duration;
    ///
    /// use rpc::{Client, Server};
    ///
    /// # #[tokio::main(flavor = "current_thread", start_paused = true)]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let server = Server::builder().method("hang", || std::future::pending::<u64>()).build();
    /// let client = Client::builder().in_process(&server).deadline(Duration::from_millis(200)).build()?;
    /// let failure = client.notify("hang", ()).await.unwrap_err();
    /// assert!(failure.is_timeout());
    /// # Ok(())
    /// # }
    /// ```
    pub fn is_timeout(&self) -> bool {
        matches!(
            &self.0.kind,
            FailureKind::Timeout(_) | FailureKind::Expired | FailureKind::Layer(LayerFault::TimedOut)
        ) || self.has_code(ErrorCode::is_timeout)
            || self.status() == Some(StatusCode::REQUEST_TIMEOUT)
    }

    /// Returns whether an established connection failed.
    pub fn is_transport(&self) -> bool {
        matches!(self.0.kind, FailureKind::Transport | FailureKind::Unsent)
    }

    /// Returns whether the response is not an answer: it is not JSON, it answers another call or answers twice, or the
    /// call's answer is missing.
    pub fn is_protocol(&self) -> bool {
        matches!(self.0.kind, FailureKind::Protocol(_))
    }

    /// Returns whether the answer or the request exceeded a size limit.
    pub fn is_too_large(&self) -> bool {
        matches!(&self.0.kind, FailureKind::AnswerTooLarge(_))
            || self.has_code(ErrorCode::is_too_large)
            || self.status() == Some(StatusCode::PAYLOAD_TOO_LARGE)
    }

    /// Returns whether the result does not fit the caller's type.
    pub fn is_decode(&self) -> bool {
        matches!(self.0.kind, FailureKind::Decode)
    }

    /// Returns whether the server was overloaded, by this client or by all: HTTP status 503 or 429, or the framework's
    /// own codes for it.
    pub fn is_overloaded(&self) -> bool {
        self.has_code(ErrorCode::is_overloaded)
            || matches!(self.status(), Some(StatusCode::SERVICE_UNAVAILABLE | StatusCode::TOO_MANY_REQUESTS))
    }

    /// Returns whether the server answered with an error that is not a JSON-RPC error object, because it has no
    /// readable code. Such a call is never retried, and its outcome is [`Outcome::Executed`].
    ///
    /// [`foreign_error`](Self::foreign_error) returns the JSON, and `Display` shows its text.
    pub fn is_foreign_error(&self) -> bool {
        matches!(self.0.kind, FailureKind::ForeignError(_))
    }

    /// Returns the HTTP status, if the status is the failure.
    ///
    /// A JSON-RPC answer with the call's id under HTTP 500 or a 4xx other than 429 is the call's answer, and no
    /// failure.
    ///
    /// # Example
    ///
    /// ```
    /// use http::StatusCode;
    /// use rpc::Failure;
    ///
    /// assert_eq!(Failure::of_status(StatusCode::NOT_FOUND).status(), Some(StatusCode::NOT_FOUND));
    /// assert_eq!(Failure::timed_out().status(), None);
    /// ```
    pub fn status(&self) -> Option<StatusCode> {
        self.http().map(|http| http.status)
    }

    /// Returns the headers of the HTTP response, if its status is the failure.
    pub fn headers(&self) -> Option<&HeaderMap> {
        self.http().map(|http| &http.headers)
    }

    /// Returns whether the server answered with one of the framework's own codes that satisfies the predicate.
    fn has_code(&self, is: fn(ErrorCode) -> bool) -> bool {
        self.0.kind.of_framework().is_some_and(|error| is(error.code()))
    }

    fn http(&self) -> Option<&HttpError> {
        match &self.0.kind {
            FailureKind::Status(http) => Some(http),
            _ => None,
        }
    }

    /// Returns the first KiB of the body that arrived instead of an answer, unchanged.
    ///
    /// It is one of these:
    ///
    /// - the body of an HTTP response with an error status;
    /// - the body of a response that is no JSON-RPC answer, or is too large;
    /// - the JSON of a result that does not fit the caller's type.
    ///
    /// In a batch it is only the part that belongs to the call, if there is one. `Debug` shows it with control
    /// characters escaped.
    ///
    /// # Example
    ///
    /// ```
    /// use std::future::ready;
    ///
    /// use bytes::Bytes;
    /// use http::StatusCode;
    /// use rpc::transport::{Reply, Request, Transport};
    /// use rpc::{BoxFuture, Client, Error, Failure};
    ///
    /// /// Answers like a proxy that cannot reach the server.
    /// #[derive(Debug)]
    /// struct BadGateway;
    ///
    /// impl Transport for BadGateway {
    ///     fn send(&self, _: Request) -> BoxFuture<Result<Reply, Failure>> {
    ///         let mut reply = Reply::new(Bytes::from("<h1>Bad Gateway</h1>"));
    ///         reply.status = Some(StatusCode::BAD_GATEWAY);
    ///         Box::pin(ready(Ok(reply)))
    ///     }
    /// }
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let client = Client::builder().transport(BadGateway).build()?;
    /// let error = client.call::<u64>("pay", [4200]).await.unwrap_err();
    /// let Error::Failure(failure) = error else { unreachable!() };
    /// assert_eq!(failure.body_start(), Some(b"<h1>Bad Gateway</h1>".as_slice()));
    /// # Ok(())
    /// # }
    /// ```
    pub fn body_start(&self) -> Option<&[u8]> {
        self.0.body_start.as_deref()
    }

    /// Returns the JSON-RPC error that the server sent with the failure, if there is one.
    ///
    /// In the body of an HTTP response with an error status, the `jsonrpc` member can have any value or be absent.
    pub fn error_object(&self) -> Option<ErrorObject> {
        let of_source = || self.0.source.as_ref()?.downcast_ref::<ErrorObject>();
        self.0.kind.error_object().or_else(of_source).cloned()
    }

    /// Returns the error that the server sent and that is not a JSON-RPC error object, as JSON.
    ///
    /// These deviations still count as an [`error_object`](Self::error_object): a code that is a string or a float with
    /// an integral value, and a message that is missing or not a string.
    pub fn foreign_error(&self) -> Option<&RawValue> {
        self.0.kind.foreign_error().map(ForeignError::json)
    }
}

/// Writes one clause without the source. It shows the message of the error that the server sent. For a refusal of the
/// caller or of the idempotency key, it shows the reason and the roles that the call requires, as [`ErrorObject`] does.
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
            (None, FailureKind::ForeignError(error)) => Some(error),
            (None, _) => None,
        }
    }
}
