//! Checks that all references of a [`Description`] lead to a part of it.

use std::collections::{BTreeMap, HashMap};

use serde_json::Value;

use super::components::Components;
use super::described_error::DescribedError;
use super::description::Description;
use super::descriptor::ContentDescriptor;
use super::error::{DescriptionError, Problem};
use super::example::{Example, ExamplePairing};
use super::link::Link;
use super::locate::{Locate, no_pointer};
use super::method_object::MethodObject;
use super::read::Place;
use super::reference::OrReference;
use super::schema::Schema;
use super::tag::Tag;
use crate::openrpc::pointer;

/// The maximum number of schemas that are only references to the next.
const MAX_CHAIN: usize = 32;

impl Description {
    /// Checks that all references lead to a part of this document that has the expected kind, also those in schemas,
    /// and that the names of methods are unique behind references, too.
    ///
    /// # Errors
    ///
    /// Fails with the first reference that leads to another document, to nothing, to a part of another kind, or in a
    /// circle.
    ///
    /// # Example
    ///
    /// ```
    /// use rpc::openrpc::Description;
    /// use serde_json::json;
    ///
    /// let description = Description::try_from(json!({
    ///     "openrpc": "1.3.2",
    ///     "info": { "title": "Accounts", "version": "1.0.0" },
    ///     "methods": [{ "name": "user.list", "params": [{ "$ref": "#/components/contentDescriptors/Page" }] }],
    /// }))?;
    /// assert_eq!(
    ///     description.check().unwrap_err().to_string(),
    ///     "methods[0].params[0]: `#/components/contentDescriptors/Page` does not refer to a content descriptor of this \
    ///      document",
    /// );
    /// # Ok::<(), rpc::openrpc::DescriptionError>(())
    /// ```
    pub fn check(&self) -> Result<(), DescriptionError> {
        let place = Place::Document.member("methods");
        check_list(&self.methods, self, &place)?;
        check_names(self, &place)?;
        match &self.components {
            Some(components) => check_components(components, self, &Place::Document.member("components")),
            None => Ok(()),
        }
    }
}

/// A part of a document that may contain references.
trait Check: Locate {
    /// Checks the references in the part.
    fn check(&self, _document: &Description, _place: &Place<'_>) -> Result<(), DescriptionError> {
        Ok(())
    }
}

impl Check for DescribedError {}
impl Check for Example {}
impl Check for Link {}
impl Check for Tag {}

impl Check for ContentDescriptor {
    fn check(&self, document: &Description, place: &Place<'_>) -> Result<(), DescriptionError> {
        check_schema(&self.schema, document, &place.member("schema"))
    }
}

impl Check for ExamplePairing {
    fn check(&self, document: &Description, place: &Place<'_>) -> Result<(), DescriptionError> {
        check_list(self.params.iter().flatten(), document, &place.member("params"))?;
        check_each(self.result.iter().map(|result| (result, place.member("result"))), document)
    }
}

impl Check for MethodObject {
    fn check(&self, document: &Description, place: &Place<'_>) -> Result<(), DescriptionError> {
        check_list(self.tags.iter().flatten(), document, &place.member("tags"))?;
        check_list(&self.params, document, &place.member("params"))?;
        check_each(self.result.iter().map(|result| (result, place.member("result"))), document)?;
        check_list(self.errors.iter().flatten(), document, &place.member("errors"))?;
        check_list(self.links.iter().flatten(), document, &place.member("links"))?;
        check_list(self.examples.iter().flatten(), document, &place.member("examples"))
    }
}

fn check_components(
    components: &Components,
    document: &Description,
    place: &Place<'_>,
) -> Result<(), DescriptionError> {
    let schemas = place.member("schemas");
    for (name, schema) in components.schemas.iter().flatten() {
        check_schema(schema, document, &schemas.member(name))?;
    }
    check_named(&components.content_descriptors, document, &place.member("contentDescriptors"))?;
    check_named(&components.errors, document, &place.member("errors"))?;
    check_named(&components.tags, document, &place.member("tags"))?;
    check_named(&components.links, document, &place.member("links"))?;
    check_named(&components.examples, document, &place.member("examples"))?;
    check_named(&components.example_pairings, document, &place.member("examplePairings"))?;
    check_named(&components.methods, document, &place.member("methods"))
}

fn check_list<'a, T: Check + 'a>(
    parts: impl IntoIterator<Item = &'a OrReference<T>>,
    document: &Description,
    place: &Place<'_>,
) -> Result<(), DescriptionError> {
    check_each(parts.into_iter().enumerate().map(|(index, part)| (part, place.item(index))), document)
}

fn check_named<T: Check>(
    parts: &Option<BTreeMap<String, OrReference<T>>>,
    document: &Description,
    place: &Place<'_>,
) -> Result<(), DescriptionError> {
    check_each(parts.iter().flatten().map(|(name, part)| (part, place.member(name))), document)
}

/// Checks parts at their places. The targets of references are checked at their own places.
fn check_each<'a, T: Check + 'a>(
    parts: impl Iterator<Item = (&'a OrReference<T>, Place<'a>)>,
    document: &Description,
) -> Result<(), DescriptionError> {
    for (part, place) in parts {
        match part {
            OrReference::Item(item) => item.check(document, &place)?,
            OrReference::Reference(_) => {
                document.resolve(part).map_err(|problem| DescriptionError::new(place, problem))?;
            }
        }
    }
    Ok(())
}

/// Rejects references to methods whose names exist already.
fn check_names(document: &Description, place: &Place<'_>) -> Result<(), DescriptionError> {
    let mut names = HashMap::new();
    for (index, method) in document.methods.iter().enumerate() {
        let Ok(method) = document.resolve(method) else { continue };
        if let Some(first) = names.insert(&method.name, index) {
            let problem = Problem::Duplicate { name: method.name.clone(), first: place.item(first).to_string() };
            return Err(DescriptionError::new(place.item(index), problem));
        }
    }
    Ok(())
}

/// Checks the references in a schema, without recursion.
fn check_schema(schema: &Schema, document: &Description, place: &Place<'_>) -> Result<(), DescriptionError> {
    let mut left = vec![schema.as_value()];
    while let Some(schema) = left.pop() {
        let Some(members) = schema.as_object() else {
            left.extend(schema.as_array().into_iter().flatten());
            continue;
        };
        // The references in a schema with an `$id` are relative to it, and not to the document.
        if members.contains_key("$id") {
            continue;
        }
        if let Some(reference) = members.get("$ref").and_then(Value::as_str) {
            check_schema_reference(reference, document).map_err(|problem| DescriptionError::new(place, problem))?;
        }
        for (keyword, value) in members {
            match keyword.as_str() {
                // These contain values, and no schemas.
                "const" | "default" | "enum" | "examples" => {}
                // Their members are schemas, whatever their names are.
                "$defs" | "definitions" | "dependencies" | "dependentSchemas" | "patternProperties" | "properties" => {
                    left.extend(value.as_object().into_iter().flat_map(|schemas| schemas.values()));
                }
                _ => left.push(value),
            }
        }
    }
    Ok(())
}

/// Follows a reference from a schema to the next, until a schema is more than a reference.
fn check_schema_reference(first: &str, document: &Description) -> Result<(), Problem> {
    let mut reference = first;
    for _ in 0..=MAX_CHAIN {
        // The whole document is a place, but no schema.
        pointer::steps(reference).map_err(|problem| no_pointer(problem, reference))?;
        let Some(schema) = document.schema(reference) else {
            return Err(Problem::Dangling { reference: reference.to_owned(), expected: "a schema" });
        };
        match schema.get("$ref").and_then(Value::as_str) {
            Some(next) => reference = next,
            None => return Ok(()),
        }
    }
    Err(Problem::Circle(first.to_owned()))
}
