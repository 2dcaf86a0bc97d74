//! [`Response`]: the answer to a call as layers see it, as JSON text. It keeps whether the error is the handler's or
//! the server's, and the error's source, which is logged and not sent. The id is filled in last.

use std::fmt;
use std::task::{Poll, ready};

use rpc_core::codec::{Output, Responder, outcome_of};
use rpc_core::{Context, ErrorCode, ErrorObject, IdRef, RpcError, SharedError};
use serde::Serialize;

use super::refusal::Refusal;
use crate::failures;
use crate::fault::{Executed, Fault, FaultCause, millis};
use crate::handler::Respond;

/// The answer to a call: a result or an error, as JSON text.
///
/// Layers get it when the handler has answered, or make one instead of the handler. Responses to notifications are not
/// sent. The server also turns a layer's error into a response. An [`ErrorObject`] or a [`Refusal`] stays what it is.
/// tower's `timeout::error::Elapsed` becomes -32093, and `load_shed::error::Overloaded` a refusal with -32092. The
/// server logs any other error, and its caller gets only -32603.
#[derive(Clone)]
pub struct Response {
    /// A whole answer, under the id [`PLACEHOLDER`].
    answer: Vec<u8>,
    result: Result<(), Fault>,
    /// Boxed, because almost no response has one, and layers move responses.
    source: Option<Box<ErrorSource>>,
}

/// The error behind an error response, which the caller is not sent.
#[derive(Clone)]
enum ErrorSource {
    /// Not logged yet. It is logged when the response becomes the answer.
    New(SharedError),
    /// Logged when the handler ended, because a layer may replace the answer.
    Logged(SharedError),
}

/// The id of an answer that layers may still replace. The final answer gets the id of the call.
const PLACEHOLDER: IdRef<'static> = IdRef::NULL;

const RESULT: &[u8] = br#""result":"#;
const ERROR: &[u8] = br#""error":"#;

impl Response {
    /// Makes a response with a result. A result that cannot be written as JSON becomes an internal error.
    ///
    /// # Example
    ///
    /// ```
    /// use rpc::middleware::Response;
    ///
    /// let response = Response::result(&["ada", "bob"]);
    /// assert_eq!(response.result_json(), Some(r#"["ada","bob"]"#));
    /// ```
    pub fn result<T: Serialize + ?Sized>(result: &T) -> Self {
        Self::of(|responder| responder.result(result).map_err(Fault::from))
    }

    /// Makes a response with an error: an [`ErrorObject`], or an error that a method declares.
    ///
    /// A handler could answer with the same error. To prove that no handler saw the call, use a [`Refusal`].
    ///
    /// # Example
    ///
    /// ```
    /// use rpc::ErrorObject;
    /// use rpc::middleware::Response;
    ///
    /// let response = Response::error(ErrorObject::new(1404, "no such user"));
    /// assert_eq!(response.error_code(), Some(1404.into()));
    /// // A handler could have sent it, so it proves nothing.
    /// assert!(!response.is_refused());
    /// ```
    #[expect(clippy::needless_pass_by_value, reason = "an error that is returned is not needed any longer")]
    pub fn error(error: impl RpcError) -> Self {
        let error = error.to_error_object();
        Self::of(|responder| responder.error(&error).map_err(|written| Fault::of_handler(error.code(), written)))
    }

    fn of(write: impl FnOnce(&mut Responder<'_>) -> Result<(), Fault>) -> Self {
        let mut output = Output::new(usize::MAX);
        let result = write(&mut Responder::new(&mut output, Some(PLACEHOLDER)));
        let source = output.take_source().map(|error| Box::new(ErrorSource::New(error)));
        Self { answer: output.into_bytes(), result, source }
    }

    /// Lets the handler of a call write a response of at most `limit` bytes.
    pub(super) fn poll_of(
        context: &Context,
        limit: usize,
        write: impl FnOnce(&mut Responder<'_>) -> Executed,
    ) -> Poll<Self> {
        let mut output = Output::new(limit);
        let result = ready!(write(&mut Responder::new(&mut output, Some(PLACEHOLDER))));
        let source = if output.has_source() { logged(&mut output, context) } else { None };
        Poll::Ready(Self { answer: output.into_bytes(), result, source })
    }

    /// Returns whether the response is an error.
    ///
    /// # Example
    ///
    /// ```
    /// use rpc::ErrorObject;
    /// use rpc::middleware::Response;
    ///
    /// assert!(!Response::result(&7).is_error());
    /// assert!(Response::error(ErrorObject::method_not_found()).is_error());
    /// ```
    pub fn is_error(&self) -> bool {
        self.result.is_err()
    }

    /// Returns whether the response says that no handler saw the call.
    ///
    /// # Example
    ///
    /// ```
    /// use rpc::middleware::{Refusal, Response};
    /// use rpc::{ErrorCode, ErrorObject};
    ///
    /// // Both have the code -32092.
    /// assert!(Response::from(Refusal::overloaded()).is_refused());
    /// assert!(!Response::error(ErrorObject::from(ErrorCode::OVERLOADED)).is_refused());
    /// ```
    pub fn is_refused(&self) -> bool {
        self.result.is_err_and(Fault::is_refused)
    }

    /// Returns the error's code, if the response is an error.
    ///
    /// # Example
    ///
    /// ```
    /// use rpc::middleware::Response;
    /// use rpc::{ErrorCode, ErrorObject};
    ///
    /// assert_eq!(Response::error(ErrorObject::internal()).error_code(), Some(ErrorCode::INTERNAL_ERROR));
    /// assert_eq!(Response::result(&7).error_code(), None);
    /// ```
    pub fn error_code(&self) -> Option<ErrorCode> {
        self.result.err().map(|fault| fault.code)
    }

    /// Returns the error, if the response is an error.
    ///
    /// Its [source](std::error::Error::source) is the error that is logged and not sent. It has its own type if the
    /// handler returned an [`ErrorObject`]. It consists of texts if the handler returned an `#[rpc(internal)]` variant.
    ///
    /// # Example
    ///
    /// ```
    /// use rpc::ErrorObject;
    /// use rpc::middleware::Response;
    ///
    /// let response = Response::error(ErrorObject::new(1404, "no such user").with_data(&17));
    /// let error = response.error_object().unwrap();
    /// assert_eq!((error.message(), error.decode_data::<u64>()?), ("no such user", 17));
    /// assert!(Response::result(&7).error_object().is_none());
    /// # Ok::<(), serde_json::Error>(())
    /// ```
    pub fn error_object(&self) -> Option<ErrorObject> {
        let error: ErrorObject = serde_json::from_slice(self.outcome().strip_prefix(ERROR)?).ok()?;
        Some(match self.source.as_deref() {
            Some(ErrorSource::New(source) | ErrorSource::Logged(source)) => {
                error.with_shared_source(SharedError::clone(source))
            }
            None => error,
        })
    }

    /// Returns the JSON text of the result, if the response is a result.
    ///
    /// # Example
    ///
    /// ```
    /// use rpc::ErrorObject;
    /// use rpc::middleware::Response;
    ///
    /// assert_eq!(Response::result(&[1, 2]).result_json(), Some("[1,2]"));
    /// assert_eq!(Response::error(ErrorObject::internal()).result_json(), None);
    /// ```
    pub fn result_json(&self) -> Option<&str> {
        std::str::from_utf8(self.outcome().strip_prefix(RESULT)?).ok()
    }

    fn outcome(&self) -> &[u8] {
        outcome_of(&self.answer, PLACEHOLDER)
    }

    /// Withdraws the statement that no handler saw the call.
    pub(super) fn was_seen(mut self) -> Self {
        self.result = self.result.map_err(|fault| fault.code.into());
        self
    }

    /// Notes that an error does not tell the handler's outcome.
    pub(super) fn gave_up(mut self) -> Self {
        self.result = self.result.map_err(|fault| Fault { cause: FaultCause::GivenUp, ..fault });
        self
    }
}

impl ErrorSource {
    /// Passes the error on to be logged, unless it was logged before.
    #[cold]
    fn note(self, responder: &mut Responder<'_>) {
        if let Self::New(error) = self {
            responder.note(error);
        }
    }
}

/// Logs the error behind a handler's answer.
#[cold]
fn logged(output: &mut Output, context: &Context) -> Option<Box<ErrorSource>> {
    let error = output.take_source()?;
    failures::log(&error, context.method(), context.id());
    Some(Box::new(ErrorSource::Logged(error)))
}

impl Respond for Response {
    #[inline]
    fn respond(self, responder: &mut Responder<'_>) -> Result<(), Fault> {
        let Self { answer, result, source } = self;
        let code = result.err().map(|fault| fault.code);
        if let Some(source) = source {
            source.note(responder);
        }
        match responder.replay(outcome_of(&answer, PLACEHOLDER), code) {
            Err(written) if Some(written) != code => Err(written.into()),
            _ => result,
        }
    }
}

impl From<Refusal> for Response {
    fn from(Refusal { error, retry_after }: Refusal) -> Self {
        let cause = retry_after.map_or(FaultCause::Refused, |after| FaultCause::RefusedFor(millis(after)));
        Self::of(|responder| {
            let _ = responder.error(&error);
            Err(Fault { code: error.code(), cause })
        })
    }
}

impl From<ErrorObject> for Response {
    fn from(error: ErrorObject) -> Self {
        Self::error(error)
    }
}

/// Lets middleware use `?`.
impl<E> From<Result<Response, E>> for Response
where
    Self: From<E>,
{
    fn from(result: Result<Self, E>) -> Self {
        result.unwrap_or_else(Self::from)
    }
}

/// Results are not shown, because they may contain secrets.
impl fmt::Debug for Response {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Response").field("error_code", &self.error_code()).finish_non_exhaustive()
    }
}
