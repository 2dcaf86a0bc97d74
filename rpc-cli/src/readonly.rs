//! How requests end that have no effect: those for descriptions, health and pages. None of them may have done harm.

use rpc::{Error, Failure};

use crate::error::CliError;
use crate::exit::Exit;

/// Returns why a readonly call failed.
pub(crate) fn call_error(error: Error) -> CliError {
    match error {
        Error::Failure(failure) => request_error("", failure),
        other => other.into(),
    }
}

/// Returns why a readonly request failed. `what` begins the message, such as `the page /a: `.
pub(crate) fn request_error(what: &str, failure: Failure) -> CliError {
    let is_timeout = failure.is_timeout();
    let error = CliError::from(failure);
    let exit = match error.exit() {
        Exit::Unknown if is_timeout => Exit::Deadline,
        // The server answered, and the answer is none. Or the connection broke, which says no more.
        Exit::Unknown => Exit::Protocol,
        exit => exit,
    };
    CliError::new(exit, format!("{what}{}", error.message()))
}
