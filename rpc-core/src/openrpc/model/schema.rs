//! [`Schema`]: a JSON Schema, as JSON.

use serde::Serialize;
use serde_json::Value;

use super::error::DescriptionError;
use super::read::{Place, Read, unexpected};

/// A JSON Schema: an object, or a boolean. OpenRPC uses draft 7.
///
/// References in it are kept. [`Description::schema`](super::Description::schema) resolves them.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(transparent)]
pub struct Schema(Value);

impl Schema {
    /// Returns the schema as JSON.
    pub fn as_value(&self) -> &Value {
        &self.0
    }

    /// Returns the schema as JSON.
    pub fn into_value(self) -> Value {
        self.0
    }
}

impl AsRef<Value> for Schema {
    fn as_ref(&self) -> &Value {
        &self.0
    }
}

impl Read for Schema {
    fn read(value: Value, place: &Place<'_>) -> Result<Self, DescriptionError> {
        match value {
            Value::Object(_) | Value::Bool(_) => Ok(Self(value)),
            other => Err(unexpected("an object or a boolean", &other, place)),
        }
    }
}
