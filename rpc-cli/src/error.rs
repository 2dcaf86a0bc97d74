//! [`CliError`]: why a command failed, for people, for scripts and as an exit code.

use std::error::Error as _;
use std::io;

use rpc::{Effect, Error, ErrorKind, Failure, Outcome};
use serde_json::{Value, json};

use crate::escape::escape_line;
use crate::exit::{Exit, outcome_name};

/// Why a command failed.
#[derive(Debug)]
pub(crate) struct CliError {
    exit: Exit,
    /// One or more lines. Empty: nothing is printed.
    message: String,
    /// Members that `--json` adds to the message and the exit code.
    details: Value,
}

impl CliError {
    /// Makes an error of the command line, a file or the configuration.
    pub(crate) fn usage(message: impl Into<String>) -> Self {
        Self::new(Exit::Usage, message)
    }

    /// Makes an error with an exit code.
    pub(crate) fn new(exit: Exit, message: impl Into<String>) -> Self {
        Self { exit, message: message.into(), details: json!({}) }
    }

    /// Adds a member that `--json` shows.
    #[must_use]
    pub(crate) fn with(mut self, name: &str, value: impl Into<Value>) -> Self {
        self.details[name] = value.into();
        self
    }

    /// Adds a paragraph to the message.
    #[must_use]
    pub(crate) fn and_note(mut self, note: &str) -> Self {
        self.message = format!("{}\n{note}", self.message);
        self
    }

    pub(crate) fn exit(&self) -> Exit {
        self.exit
    }

    pub(crate) fn message(&self) -> &str {
        &self.message
    }

    /// Returns the error as one JSON object.
    pub(crate) fn to_json(&self) -> Value {
        let mut object = self.details.clone();
        object["message"] = self.message.clone().into();
        object["exit"] = (self.exit as u8).into();
        object
    }
}

/// A failed write to standard output.
impl From<io::Error> for CliError {
    fn from(error: io::Error) -> Self {
        if error.kind() == io::ErrorKind::BrokenPipe {
            return Self::new(Exit::BrokenPipe, "");
        }
        Self::new(Exit::Output, format!("the output cannot be written: {error}"))
    }
}

impl CliError {
    /// Makes the error of a failed call with this effect.
    pub(crate) fn of_call(error: Error, effect: Effect) -> Self {
        match error {
            Error::Method(never) => match never {},
            Error::Rpc(error) => Self::new(
                Exit::MethodError,
                format!("the server answered with an error: {}", escape_line(&error.to_string())),
            )
            .with("error", serde_json::to_value(&error).unwrap_or_default()),
            Error::Failure(failure) => Self::of_failure(&failure, effect),
        }
    }

    /// Makes the error of a call with this effect that has no answer.
    pub(crate) fn of_failure(failure: &Failure, effect: Effect) -> Self {
        let error = Self::new(Exit::of_failure(failure, effect), escape_line(&reason(failure)));
        let error = error.with("outcome", outcome_name(failure.outcome()));
        match failure.error_object().map(|object| serde_json::to_value(&object)) {
            Some(Ok(object)) => error.with("error", object),
            _ => error,
        }
    }
}

/// Returns why a call has no answer, and the first cause.
fn reason(failure: &Failure) -> String {
    if let (Outcome::Refused, Some(error)) = (failure.outcome(), failure.error_object()) {
        let hint = match failure.kind() {
            ErrorKind::Authentication => "; give a token with --bearer or the header with --header",
            _ => "",
        };
        return format!("the server refused the call: {error}{hint}");
    }
    let Some(mut first) = failure.source() else { return failure.to_string() };
    while let Some(cause) = first.source() {
        first = cause;
    }
    format!("{failure}: {first}")
}

/// The error of a call that may have an effect.
impl From<Error> for CliError {
    fn from(error: Error) -> Self {
        Self::of_call(error, Effect::Once)
    }
}

/// The error of a call that may have an effect.
impl From<Failure> for CliError {
    fn from(failure: Failure) -> Self {
        Self::of_failure(&failure, Effect::Once)
    }
}
