//! [`DescribedError`]: an error that a method declares.

use serde::Serialize;
use serde_json::{Map, Value};

use super::error::DescriptionError;
use super::read::{Members, Place, Read};
use crate::ErrorCode;

/// An error that a method declares: the [Error Object](https://spec.open-rpc.org/#error-object).
#[derive(Clone, Debug, PartialEq, Serialize)]
#[non_exhaustive]
pub struct DescribedError {
    /// The code.
    pub code: ErrorCode,
    /// The message, or its format.
    pub message: String,
    /// The data. `Some(Value::Null)` is the data `null`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub data: Option<Value>,
    /// All other members.
    #[serde(flatten)]
    pub extensions: Map<String, Value>,
}

impl Read for DescribedError {
    fn read(value: Value, place: &Place<'_>) -> Result<Self, DescriptionError> {
        let mut members = Members::of(value, "an error", place)?;
        Ok(Self {
            code: members.required("code")?,
            message: members.required("message")?,
            data: members.any("data"),
            extensions: members.rest(),
        })
    }
}
