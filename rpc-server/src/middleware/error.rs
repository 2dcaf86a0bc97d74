//! Turns the errors of layers into responses, tower's own timeout and load-shed errors included. This is the only file
//! of the server that knows those types.

use rpc_core::{ErrorCode, ErrorObject};
use tower::load_shed::error::Overloaded;
use tower::timeout::error::Elapsed;

use super::{Refusal, Response};
use crate::throttle::Throttle;

/// Any error of a layer. [`Response`] describes what callers are sent.
pub type BoxError = Box<dyn std::error::Error + Send + Sync>;

/// Turns the error of a call's layers into a response.
pub(super) fn answer(error: BoxError) -> Response {
    let error = match error.downcast::<Refusal>() {
        Ok(refusal) => return (*refusal).into(),
        Err(error) => error,
    };
    let error = match error.downcast::<ErrorObject>() {
        Ok(error) => return Response::error(*error),
        Err(error) => error,
    };
    if error.is::<Overloaded>() {
        return Refusal::overloaded().into();
    }
    if error.is::<Elapsed>() {
        // As with any refusal, it only counts as one if the handler was not reached.
        return Refusal::new(ErrorCode::HANDLER_TIMEOUT.into()).into();
    }
    static FAILED: Throttle = Throttle::with(10);
    if let Some(suppressed) = FAILED.pass() {
        let cause = error.source().map(tracing::field::display);
        tracing::error!(%error, cause, suppressed, "middleware failed");
    }
    Response::error(ErrorObject::internal())
}
