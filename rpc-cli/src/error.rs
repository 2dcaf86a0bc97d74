//! [`CliError`]: why a command failed, for people, for scripts and as an exit code.

use std::error::Error as _;
use std::io;

use rpc::{Error, Failure};
use serde_json::{Value, json};

use crate::exit::Exit;

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
        Self::usage(format!("the output cannot be written: {error}"))
    }
}

impl From<Error> for CliError {
    fn from(error: Error) -> Self {
        let exit = Exit::of_error(&error);
        match error {
            Error::Method(never) => match never {},
            Error::Rpc(error) => Self::new(exit, format!("the server answered with an error: {error}"))
                .with("error", serde_json::to_value(&error).unwrap_or_default()),
            Error::Failure(failure) => failure.into(),
        }
    }
}

impl From<Failure> for CliError {
    fn from(failure: Failure) -> Self {
        let mut message = failure.to_string();
        let mut source = failure.source();
        while let Some(error) = source {
            message = format!("{message}: {error}");
            source = error.source();
        }
        let outcome = format!("{:?}", failure.outcome());
        Self::new(Exit::of_failure(&failure), message).with("outcome", outcome)
    }
}
