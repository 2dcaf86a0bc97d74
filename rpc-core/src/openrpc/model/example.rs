//! [`Example`], an example of a value, and [`ExamplePairing`], an example of a call.

use serde::Serialize;
use serde_json::{Map, Value};

use super::error::DescriptionError;
use super::read::{Members, Place, Read};
use super::reference::OrReference;

/// An example of a parameter or a result: the [Example Object](https://spec.open-rpc.org/#example-object).
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct Example {
    /// The name.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// A short summary.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub summary: Option<String>,
    /// A description in Markdown.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    /// The value. `Some(Value::Null)` is the value `null`. `None` if it is elsewhere.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub value: Option<Value>,
    /// The address of the value, if it is elsewhere.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub external_value: Option<String>,
    /// All other members.
    #[serde(flatten)]
    pub extensions: Map<String, Value>,
}

/// An example of a call: the [Example Pairing Object](https://spec.open-rpc.org/#example-pairing-object).
#[derive(Clone, Debug, PartialEq, Serialize)]
#[non_exhaustive]
pub struct ExamplePairing {
    /// The name.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// A short summary.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub summary: Option<String>,
    /// A description in Markdown.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    /// The params, in the order of the method's parameters.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub params: Option<Vec<OrReference<Example>>>,
    /// The result, or `None` for a notification.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub result: Option<OrReference<Example>>,
    /// All other members.
    #[serde(flatten)]
    pub extensions: Map<String, Value>,
}

impl Read for Example {
    fn read(value: Value, place: &Place<'_>) -> Result<Self, DescriptionError> {
        let mut members = Members::of(value, "an example", place)?;
        Ok(Self {
            name: members.optional("name")?,
            summary: members.optional("summary")?,
            description: members.optional("description")?,
            value: members.any("value"),
            external_value: members.optional("externalValue")?,
            extensions: members.rest(),
        })
    }
}

impl Read for ExamplePairing {
    fn read(value: Value, place: &Place<'_>) -> Result<Self, DescriptionError> {
        let mut members = Members::of(value, "an example pairing", place)?;
        Ok(Self {
            name: members.optional("name")?,
            summary: members.optional("summary")?,
            description: members.optional("description")?,
            params: members.optional("params")?,
            result: members.optional("result")?,
            extensions: members.rest(),
        })
    }
}
