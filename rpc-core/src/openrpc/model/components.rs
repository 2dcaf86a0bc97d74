//! [`Components`]: the parts of a document to which references point.

use std::collections::BTreeMap;

use serde::Serialize;
use serde_json::{Map, Value};

use super::described_error::DescribedError;
use super::descriptor::ContentDescriptor;
use super::error::DescriptionError;
use super::example::{Example, ExamplePairing};
use super::link::Link;
use super::method_object::MethodObject;
use super::read::{Members, Place, Read};
use super::reference::OrReference;
use super::schema::Schema;
use super::tag::Tag;

/// The parts of a document to which references point: the
/// [Components Object](https://spec.open-rpc.org/#components-object).
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct Components {
    /// The types.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub schemas: Option<BTreeMap<String, Schema>>,
    /// Parameters and results.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub content_descriptors: Option<BTreeMap<String, OrReference<ContentDescriptor>>>,
    /// Errors.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub errors: Option<BTreeMap<String, OrReference<DescribedError>>>,
    /// Tags.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tags: Option<BTreeMap<String, OrReference<Tag>>>,
    /// Links.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub links: Option<BTreeMap<String, OrReference<Link>>>,
    /// Examples of values.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub examples: Option<BTreeMap<String, OrReference<Example>>>,
    /// Examples of calls.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub example_pairings: Option<BTreeMap<String, OrReference<ExamplePairing>>>,
    /// Methods. The specification allows references to methods, but has no place for their targets.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub methods: Option<BTreeMap<String, OrReference<MethodObject>>>,
    /// All other members.
    #[serde(flatten)]
    pub extensions: Map<String, Value>,
}

impl Read for Components {
    fn read(value: Value, place: &Place<'_>) -> Result<Self, DescriptionError> {
        let mut members = Members::of(value, "an object with components", place)?;
        Ok(Self {
            schemas: members.optional("schemas")?,
            content_descriptors: members.optional("contentDescriptors")?,
            errors: members.optional("errors")?,
            tags: members.optional("tags")?,
            links: members.optional("links")?,
            examples: members.optional("examples")?,
            example_pairings: members.optional("examplePairings")?,
            methods: members.optional("methods")?,
            extensions: members.rest(),
        })
    }
}
