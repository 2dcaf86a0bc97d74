//! [`Link`]: how the result of a method leads to another call.

use serde::Serialize;
use serde_json::{Map, Value};

use super::error::DescriptionError;
use super::read::{Members, Place, Read};
use super::server::ServerObject;

/// A call that follows from a result: the [Link Object](https://spec.open-rpc.org/#link-object).
#[derive(Clone, Debug, PartialEq, Serialize)]
#[non_exhaustive]
pub struct Link {
    /// The name.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// A short summary.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub summary: Option<String>,
    /// A description in Markdown.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    /// The name of the method to call. `None` is the method that has the link.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub method: Option<String>,
    /// The params of the call: values, or expressions such as `${result.id}`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub params: Option<Value>,
    /// The server to call. `None` is the server of the method.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub server: Option<ServerObject>,
    /// All other members.
    #[serde(flatten)]
    pub extensions: Map<String, Value>,
}

impl Read for Link {
    fn read(value: Value, place: &Place<'_>) -> Result<Self, DescriptionError> {
        let mut members = Members::of(value, "a link", place)?;
        Ok(Self {
            name: members.optional("name")?,
            summary: members.optional("summary")?,
            description: members.optional("description")?,
            method: members.optional("method")?,
            params: members.any("params"),
            server: members.optional("server")?,
            extensions: members.rest(),
        })
    }
}
