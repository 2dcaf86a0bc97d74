//! [`MethodObject`]: a method as the document has it, with its references.

use serde::Serialize;
use serde_json::{Map, Value};

use super::described_error::DescribedError;
use super::descriptor::ContentDescriptor;
use super::error::DescriptionError;
use super::example::ExamplePairing;
use super::link::Link;
use super::read::{Members, Place, Read, unexpected};
use super::reference::OrReference;
use super::server::ServerObject;
use super::tag::{ExternalDocs, Tag};

/// A method as the document has it: the [Method Object](https://spec.open-rpc.org/#method-object).
///
/// [`Method`](super::Method) is the view with all references resolved.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct MethodObject {
    /// The name on the wire.
    pub name: String,
    /// A short summary.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub summary: Option<String>,
    /// A description in Markdown.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    /// The tags, which group methods.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tags: Option<Vec<OrReference<Tag>>>,
    /// Whether params go by name or by position. Default: [`ParamStructure::Either`].
    #[serde(skip_serializing_if = "Option::is_none")]
    pub param_structure: Option<ParamStructure>,
    /// The parameters, the required ones first.
    pub params: Vec<OrReference<ContentDescriptor>>,
    /// The result, or `None` if the method is only notified.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub result: Option<OrReference<ContentDescriptor>>,
    /// The declared errors.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub errors: Option<Vec<OrReference<DescribedError>>>,
    /// Calls that follow from the result.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub links: Option<Vec<OrReference<Link>>>,
    /// Examples of calls.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub examples: Option<Vec<OrReference<ExamplePairing>>>,
    /// The servers of this method. `None`: those of the document.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub servers: Option<Vec<ServerObject>>,
    /// Whether the method is deprecated. Default: no.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub deprecated: Option<bool>,
    /// Documentation elsewhere.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub external_docs: Option<ExternalDocs>,
    /// All other members, such as `x-effect`.
    #[serde(flatten)]
    pub extensions: Map<String, Value>,
}

/// Whether params go by name or by position.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum ParamStructure {
    /// Params are an object.
    ByName,
    /// Params are an array.
    ByPosition,
    /// Both are allowed.
    #[default]
    Either,
}

impl Read for MethodObject {
    fn read(value: Value, place: &Place<'_>) -> Result<Self, DescriptionError> {
        let mut members = Members::of(value, "a method", place)?;
        Ok(Self {
            name: members.required("name")?,
            summary: members.optional("summary")?,
            description: members.optional("description")?,
            tags: members.optional("tags")?,
            param_structure: members.optional("paramStructure")?,
            params: members.required("params")?,
            result: members.optional("result")?,
            errors: members.optional("errors")?,
            links: members.optional("links")?,
            examples: members.optional("examples")?,
            servers: members.optional("servers")?,
            deprecated: members.optional("deprecated")?,
            external_docs: members.optional("externalDocs")?,
            extensions: members.rest(),
        })
    }
}

impl Read for ParamStructure {
    fn read(value: Value, place: &Place<'_>) -> Result<Self, DescriptionError> {
        match value.as_str() {
            Some("by-name") => Ok(Self::ByName),
            Some("by-position") => Ok(Self::ByPosition),
            Some("either") => Ok(Self::Either),
            _ => Err(unexpected("`by-name`, `by-position` or `either`", &value, place)),
        }
    }
}
