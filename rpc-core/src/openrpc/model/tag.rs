//! [`Tag`], which groups methods, and [`ExternalDocs`].

use serde::Serialize;
use serde_json::{Map, Value};

use super::error::DescriptionError;
use super::read::{Members, Place, Read};

/// A tag, which groups methods: the [Tag Object](https://spec.open-rpc.org/#tag-object).
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct Tag {
    /// The name.
    pub name: String,
    /// A short summary. Only versions before 1.3 have it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub summary: Option<String>,
    /// A description in Markdown.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    /// Documentation elsewhere.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub external_docs: Option<ExternalDocs>,
    /// All other members.
    #[serde(flatten)]
    pub extensions: Map<String, Value>,
}

/// Documentation elsewhere: the
/// [External Documentation Object](https://spec.open-rpc.org/#external-documentation-object).
#[derive(Clone, Debug, PartialEq, Serialize)]
#[non_exhaustive]
pub struct ExternalDocs {
    /// The address.
    pub url: String,
    /// A description in Markdown.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    /// All other members.
    #[serde(flatten)]
    pub extensions: Map<String, Value>,
}

impl Read for Tag {
    fn read(value: Value, place: &Place<'_>) -> Result<Self, DescriptionError> {
        let mut members = Members::of(value, "a tag", place)?;
        Ok(Self {
            name: members.required("name")?,
            summary: members.optional("summary")?,
            description: members.optional("description")?,
            external_docs: members.optional("externalDocs")?,
            extensions: members.rest(),
        })
    }
}

impl Read for ExternalDocs {
    fn read(value: Value, place: &Place<'_>) -> Result<Self, DescriptionError> {
        let mut members = Members::of(value, "external documentation", place)?;
        Ok(Self {
            url: members.required("url")?,
            description: members.optional("description")?,
            extensions: members.rest(),
        })
    }
}
