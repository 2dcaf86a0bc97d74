//! [`ContentDescriptor`]: a parameter or a result.

use serde::Serialize;
use serde_json::{Map, Value};

use super::error::DescriptionError;
use super::read::{Members, Place, Read};
use super::schema::Schema;

/// A parameter or a result: the
/// [Content Descriptor Object](https://spec.open-rpc.org/#content-descriptor-object).
#[derive(Clone, Debug, PartialEq, Serialize)]
#[non_exhaustive]
pub struct ContentDescriptor {
    /// The name. It is the name of the parameter if params go by name.
    pub name: String,
    /// A short summary.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub summary: Option<String>,
    /// A description in Markdown.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    /// Whether the parameter must be present, as written. [`is_required`](Self::is_required) knows the default.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub required: Option<bool>,
    /// The type of the value.
    pub schema: Schema,
    /// Whether the value is deprecated, as written. [`is_deprecated`](Self::is_deprecated) knows the default.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub deprecated: Option<bool>,
    /// All other members.
    #[serde(flatten)]
    pub extensions: Map<String, Value>,
}

impl ContentDescriptor {
    /// Returns whether the parameter must be present. Default: no.
    pub fn is_required(&self) -> bool {
        self.required == Some(true)
    }

    /// Returns whether the value is deprecated. Default: no.
    pub fn is_deprecated(&self) -> bool {
        self.deprecated == Some(true)
    }
}

impl Read for ContentDescriptor {
    fn read(value: Value, place: &Place<'_>) -> Result<Self, DescriptionError> {
        let mut members = Members::of(value, "a content descriptor", place)?;
        Ok(Self {
            name: members.required("name")?,
            summary: members.optional("summary")?,
            description: members.optional("description")?,
            required: members.optional("required")?,
            schema: members.required("schema")?,
            deprecated: members.optional("deprecated")?,
            extensions: members.rest(),
        })
    }
}
