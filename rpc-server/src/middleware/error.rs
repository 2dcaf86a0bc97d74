//! Turns the errors of layers into responses, tower's own timeout and load-shed errors included. This is the only file
//! of the server that knows those types.

use rpc_core::{ErrorCode, ErrorObject};
use tower::load_shed::error::Overloaded;
use tower::timeout::error::Elapsed;

use super::{Refusal, Response};
use crate::throttle::Throttle;

/// Is whatever a layer fails with. See [`Response`] for what callers learn of it.
pub type BoxError = Box<dyn std::error::Error + Send + Sync>;

/// Answers a call whose layers have failed.
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
        // It counts as a refusal only where the handler was not reached, as with all of them.
        return Refusal::new(ErrorCode::HANDLER_TIMEOUT.into()).into();
    }
    static FAILED: Throttle = Throttle::with(10);
    if let Some(suppressed) = FAILED.pass() {
        let cause = error.source().map(tracing::field::display);
        tracing::error!(%error, cause, suppressed, "middleware failed");
    }
    Response::error(ErrorObject::internal())
}
