//! Converts the errors of layers into failures, including tower's own timeout and load-shed errors. Only this file of
//! the client knows those types.

use std::error::Error as StdError;

use tower::load_shed::error::Overloaded;
use tower::timeout::error::Elapsed;

use crate::failure::{Failure, FailureKind, LayerFault};

/// The error of a layer.
pub type BoxError = Box<dyn StdError + Send + Sync>;

/// Converts a layer's error into a failure. A [`Failure`] stays unchanged.
pub(super) fn failure_of(error: BoxError) -> Failure {
    let error = match error.downcast::<Failure>() {
        Ok(failure) => return *failure,
        Err(error) => error,
    };
    let fault = if error.is::<Elapsed>() {
        LayerFault::TimedOut
    } else if error.is::<Overloaded>() {
        LayerFault::Overloaded
    } else {
        LayerFault::Failed
    };
    Failure::with_source(FailureKind::Layer(fault), error)
}
