//! The internal trait of all methods, which erases their types. [`Handler::start`] decodes the params, then either
//! writes the answer or returns one boxed [`RunningHandler`]. Trait methods implement it in `typed`,
//! `blocking` and `streaming`, closures by [`FnHandler`]; keyed and layered calls wrap it. `drive` polls handlers.

mod blocking;
mod streaming;
mod typed;

use std::pin::Pin;
use std::task::{Context as TaskContext, Poll};
use std::time::Duration;

use rpc_core::codec::Responder;
use rpc_core::{Context, ErrorObject, RpcError};
use serde::Serialize;

use crate::call::Call;
use crate::fault::{Executed, Fault, FaultCause};
#[doc(hidden)]
pub use blocking::blocking;
#[doc(hidden)]
pub use streaming::streaming;
#[doc(hidden)]
pub use typed::{asynchronous, synchronous};

/// Answers the calls of one method, with at most one box per call.
pub(crate) trait Handler: Send + Sync {
    /// Decodes the params, and either answers at once or returns a future that will.
    fn start(&self, call: &Call<'_>, responder: &mut Responder<'_>) -> StartedHandler;

    /// Counts a call under a key against the rate limits around the handler, before its store is asked. If there are
    /// too many calls, returns after how long to retry.
    fn count(&self, _call: &Call<'_>) -> Result<(), Duration> {
        Ok(())
    }
}

pub(crate) enum StartedHandler {
    /// The answer is written.
    Done(Result<(), Fault>),
    /// The handler is a future, which owns its params and borrows nothing.
    Running(Pin<Box<dyn RunningHandler>>),
}

/// A handler's future, which writes its answer when it ends.
pub(crate) trait RunningHandler: Send {
    fn poll(self: Pin<&mut Self>, cx: &mut TaskContext<'_>, responder: &mut Responder<'_>) -> Executed;
}

impl<F> RunningHandler for F
where
    F: Future<Output: Respond> + Send,
{
    fn poll(self: Pin<&mut Self>, cx: &mut TaskContext<'_>, responder: &mut Responder<'_>) -> Executed {
        match Future::poll(self, cx) {
            Poll::Ready(outcome) => Poll::Ready(outcome.respond(responder)),
            Poll::Pending => Poll::Pending,
        }
    }
}

/// The result of a call, which can write itself as an answer.
pub(crate) trait Respond {
    fn respond(self, responder: &mut Responder<'_>) -> Result<(), Fault>;
}

impl<T: Serialize, E: RpcError> Respond for Result<T, E> {
    #[inline]
    fn respond(self, responder: &mut Responder<'_>) -> Result<(), Fault> {
        respond(self, responder)
    }
}

#[expect(clippy::needless_pass_by_value, reason = "dropping the result is compiled here, and not for each method")]
fn respond<T: Serialize, E: RpcError>(result: Result<T, E>, responder: &mut Responder<'_>) -> Result<(), Fault> {
    match &result {
        Ok(value) => responder.result(value).map_err(Fault::from),
        Err(error) => fail(&error.to_error_object(), responder),
    }
}

/// Answers with the error of a handler.
#[cold]
fn fail(error: &ErrorObject, responder: &mut Responder<'_>) -> Result<(), Fault> {
    responder.error(error).map_err(|written| Fault::of_handler(error.code(), written))
}

/// Answers a call with an error, because its params cannot be decoded.
#[expect(clippy::needless_pass_by_value, reason = "as above")]
pub(crate) fn refuse(error: ErrorObject, responder: &mut Responder<'_>) -> StartedHandler {
    StartedHandler::Done(responder.error(&error).map_err(|code| Fault { code, cause: FaultCause::Params }))
}

/// What a handler takes from its call: nothing, or its [`Context`].
#[doc(hidden)]
pub trait FromCall: Sized + Send + Sync + 'static {
    #[doc(hidden)]
    fn from_call(call: &Call<'_>) -> Self;
}

impl FromCall for () {
    fn from_call(_: &Call<'_>) {}
}

impl FromCall for Context {
    fn from_call(call: &Call<'_>) -> Self {
        call.context()
    }
}

/// A closure as a handler.
pub(crate) struct FnHandler<F>(pub(crate) F);

impl<F> Handler for FnHandler<F>
where
    F: Fn(&Call<'_>, &mut Responder<'_>) -> StartedHandler + Send + Sync,
{
    fn start(&self, call: &Call<'_>, responder: &mut Responder<'_>) -> StartedHandler {
        (self.0)(call, responder)
    }
}
