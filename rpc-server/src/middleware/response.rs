//! [`Response`]: the outcome of a call as layers see it, as JSON text. It keeps whether the error was the handler's or
//! the server's, and the source that is logged and not sent. The id is filled in last.

use std::fmt;
use std::task::{Poll, ready};

use rpc_core::codec::{Output, Responder, outcome_of};
use rpc_core::{Context, ErrorCode, ErrorObject, IdRef, RpcError, SharedError};
use serde::Serialize;

use super::refusal::Refusal;
use crate::failures;
use crate::fault::{Cause, Executed, Fault, millis};
use crate::handler::Respond;

/// What a call comes to: a result or an error, as JSON text.
///
/// Layers see it when the handler has answered, notifications included, whose answers go nowhere; or they answer in its
/// place. What a layer fails with becomes a response as well: an [`ErrorObject`] or a [`Refusal`] stands for itself,
/// tower's `timeout::error::Elapsed` is -32093 and `load_shed::error::Overloaded` a refusal with -32092; anything else
/// is logged, and its caller learns only that it is -32603.
#[derive(Clone)]
pub struct Response {
    /// An answer as a whole, under the id [`PLACEHOLDER`].
    answer: Vec<u8>,
    result: Result<(), Fault>,
    /// Boxed, since nearly no response has one, and layers move responses.
    source: Option<Box<Source>>,
}

/// The error behind an error, which its caller is not told.
#[derive(Clone)]
enum Source {
    /// It will be logged when it is the answer.
    New(SharedError),
    /// It was logged when the handler ended, since a layer may put another answer in its place.
    Logged(SharedError),
}

/// The id is put into the answer when it is known that it is the last.
const PLACEHOLDER: IdRef<'static> = IdRef::NULL;

const RESULT: &[u8] = br#""result":"#;
const ERROR: &[u8] = br#""error":"#;

impl Response {
    /// Answers with a result. One that cannot be written as JSON is an internal error.
    pub fn result<T: Serialize + ?Sized>(result: &T) -> Self {
        Self::of(|responder| responder.result(result).map_err(Fault::from))
    }

    /// Answers with an error: an [`ErrorObject`], or one that a method declares.
    ///
    /// A handler might have answered so. To say that none saw the call is what a [`Refusal`] is for.
    #[expect(clippy::needless_pass_by_value, reason = "an error that is returned is not needed any longer")]
    pub fn error(error: impl RpcError) -> Self {
        let error = error.to_error_object();
        Self::of(|responder| responder.error(&error).map_err(|written| Fault::of_handler(error.code(), written)))
    }

    fn of(write: impl FnOnce(&mut Responder<'_>) -> Result<(), Fault>) -> Self {
        let mut output = Output::new(usize::MAX);
        let result = write(&mut Responder::new(&mut output, Some(PLACEHOLDER)));
        let source = output.take_source().map(|error| Box::new(Source::New(error)));
        Self { answer: output.into_bytes(), result, source }
    }

    /// Lets the handler of a call write a response of up to so many bytes.
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

    /// Tells whether it is an error.
    pub fn is_error(&self) -> bool {
        self.result.is_err()
    }

    /// Tells whether it says that no handler saw the call.
    pub fn is_refused(&self) -> bool {
        self.result.is_err_and(Fault::is_refused)
    }

    /// Returns the error's code, if it is an error.
    pub fn error_code(&self) -> Option<ErrorCode> {
        self.result.err().map(|fault| fault.code)
    }

    /// Reads the error, if it is one.
    ///
    /// Its [source](std::error::Error::source) is the error that is logged and not sent: with its type where the
    /// handler returned an [`ErrorObject`], as texts where it returned an `#[rpc(internal)]` variant.
    pub fn error_object(&self) -> Option<ErrorObject> {
        let error: ErrorObject = serde_json::from_slice(self.outcome().strip_prefix(ERROR)?).ok()?;
        Some(match self.source.as_deref() {
            Some(Source::New(source) | Source::Logged(source)) => error.with_shared_source(SharedError::clone(source)),
            None => error,
        })
    }

    /// Returns the JSON text of the result, if it is one.
    pub fn result_json(&self) -> Option<&str> {
        std::str::from_utf8(self.outcome().strip_prefix(RESULT)?).ok()
    }

    fn outcome(&self) -> &[u8] {
        outcome_of(&self.answer, PLACEHOLDER)
    }

    /// Takes back that no handler saw the call.
    pub(super) fn was_seen(mut self) -> Self {
        self.result = self.result.map_err(|fault| fault.code.into());
        self
    }

    /// Notes that an error does not say what became of the handler.
    pub(super) fn gave_up(mut self) -> Self {
        self.result = self.result.map_err(|fault| Fault { cause: Cause::GivenUp, ..fault });
        self
    }
}

impl Source {
    /// Lets the error be logged, unless it was.
    #[cold]
    fn note(self, responder: &mut Responder<'_>) {
        if let Self::New(error) = self {
            responder.note(error);
        }
    }
}

/// Logs the error behind the answer of a handler.
#[cold]
fn logged(output: &mut Output, context: &Context) -> Option<Box<Source>> {
    let error = output.take_source()?;
    failures::log(&error, context.method(), context.id());
    Some(Box::new(Source::Logged(error)))
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
        let cause = retry_after.map_or(Cause::Refused, |after| Cause::RefusedFor(millis(after)));
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

/// Results may hold secrets, and are not shown.
impl fmt::Debug for Response {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Response").field("error_code", &self.error_code()).finish_non_exhaustive()
    }
}
