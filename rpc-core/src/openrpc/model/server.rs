//! [`ServerObject`]: where methods are served.

use std::collections::BTreeMap;

use serde::Serialize;
use serde_json::{Map, Value};

use super::error::DescriptionError;
use super::read::{Members, Place, Read};

/// A server of the methods: the [Server Object](https://spec.open-rpc.org/#server-object).
#[derive(Clone, Debug, PartialEq, Serialize)]
#[non_exhaustive]
pub struct ServerObject {
    /// The address. It may contain variables, such as `https://${region}.example.org`.
    pub url: String,
    /// The name.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// A short summary.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub summary: Option<String>,
    /// A description in Markdown.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    /// The variables of the address, by name.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub variables: Option<BTreeMap<String, ServerVariable>>,
    /// All other members.
    #[serde(flatten)]
    pub extensions: Map<String, Value>,
}

/// A variable of a server's address: the [Server Variable Object](https://spec.open-rpc.org/#server-variable-object).
#[derive(Clone, Debug, PartialEq, Serialize)]
#[non_exhaustive]
pub struct ServerVariable {
    /// The default value.
    pub default: String,
    /// A description in Markdown.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    /// The allowed values. `None` allows all.
    #[serde(rename = "enum", skip_serializing_if = "Option::is_none")]
    pub allowed: Option<Vec<String>>,
    /// All other members.
    #[serde(flatten)]
    pub extensions: Map<String, Value>,
}

impl Read for ServerObject {
    fn read(value: Value, place: &Place<'_>) -> Result<Self, DescriptionError> {
        let mut members = Members::of(value, "a server", place)?;
        Ok(Self {
            url: members.required("url")?,
            name: members.optional("name")?,
            summary: members.optional("summary")?,
            description: members.optional("description")?,
            variables: members.optional("variables")?,
            extensions: members.rest(),
        })
    }
}

impl Read for ServerVariable {
    fn read(value: Value, place: &Place<'_>) -> Result<Self, DescriptionError> {
        let mut members = Members::of(value, "a variable of a server", place)?;
        Ok(Self {
            default: members.required("default")?,
            description: members.optional("description")?,
            allowed: members.optional("enum")?,
            extensions: members.rest(),
        })
    }
}
