//! [`MethodError`]: the view of an error that a method declares.

use serde_json::Value;

use super::described_error::DescribedError;
use crate::ErrorCode;

/// An error that a method declares, with what the framework adds in `x-errors`.
#[derive(Clone, Copy, Debug)]
pub struct MethodError<'a> {
    error: &'a DescribedError,
    more: Option<&'a Value>,
}

impl<'a> MethodError<'a> {
    /// Makes the view of an error, from the method's `x-errors`.
    pub(super) fn new(error: &'a DescribedError, by_code: Option<&'a Value>) -> Self {
        Self { error, more: by_code.and_then(|by_code| by_code.get(error.code.to_string())) }
    }

    /// Returns the code.
    pub fn code(&self) -> ErrorCode {
        self.error.code
    }

    /// Returns the message, or its format.
    pub fn message(&self) -> &'a str {
        &self.error.message
    }

    /// Returns the data, as the specification has it: a value, not a schema.
    pub fn data(&self) -> Option<&'a Value> {
        self.error.data.as_ref()
    }

    /// Returns the name of the error (`x-errors`).
    pub fn name(&self) -> Option<&'a str> {
        self.more?.get("name")?.as_str()
    }

    /// Returns whether a later attempt may succeed (`x-errors`).
    pub fn is_retryable(&self) -> bool {
        self.more.and_then(|more| more.get("retryable")).is_some_and(|retryable| *retryable == true)
    }

    /// Returns the schema of the data (`x-errors`).
    pub fn data_schema(&self) -> Option<&'a Value> {
        self.more?.get("data")
    }
}
