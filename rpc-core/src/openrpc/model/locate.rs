//! Resolves references of a [`Description`]: finds the parts and the JSON to which they point.

use std::collections::BTreeMap;

use serde_json::{Map, Value};

use super::components::Components;
use super::described_error::DescribedError;
use super::description::Description;
use super::descriptor::ContentDescriptor;
use super::error::Problem;
use super::example::{Example, ExamplePairing};
use super::link::Link;
use super::method_object::MethodObject;
use super::reference::OrReference;
use super::tag::Tag;
use crate::openrpc::pointer::{self, NoPointer};

/// The maximum number of references from one to the next.
const MAX_CHAIN: usize = 32;

/// A part of a document to which references can point.
pub(super) trait Locate: Sized {
    /// The kind of the part, for errors.
    const KIND: &'static str;

    /// Finds the part of this kind to which the steps of a JSON pointer lead.
    fn locate<'a>(document: &'a Description, steps: &[&str]) -> Option<&'a OrReference<Self>>;
}

impl Description {
    /// Finds the schema to which a reference points, such as `#/components/schemas/User`. The pointer may lead into a
    /// schema, such as `#/components/schemas/User/properties/id`, and to the schema of a parameter or a result.
    ///
    /// If the schema is itself a reference, it is returned as it is. `None` if the reference points to nothing, or to
    /// another document.
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
    ///     "methods": [],
    ///     "components": { "schemas": { "User": { "properties": { "id": { "type": "integer" } } } } },
    /// }))?;
    /// let id = description.schema("#/components/schemas/User/properties/id");
    /// assert_eq!(id, Some(&json!({ "type": "integer" })));
    /// # Ok::<(), rpc::openrpc::DescriptionError>(())
    /// ```
    pub fn schema(&self, reference: &str) -> Option<&Value> {
        let steps = pointer::steps(reference).ok()?;
        let steps: Vec<&str> = steps.iter().map(String::as_str).collect();
        of_document(self, &steps)
    }

    /// Returns a part, or the one to which its reference leads.
    pub(super) fn resolve<'a, T: Locate>(&'a self, part: &'a OrReference<T>) -> Result<&'a T, Problem> {
        let mut part = part;
        for _ in 0..=MAX_CHAIN {
            match part {
                OrReference::Item(item) => return Ok(item),
                OrReference::Reference(reference) => part = self.target(&reference.reference)?,
            }
        }
        let reference = part.reference().map(|reference| reference.reference.clone()).unwrap_or_default();
        Err(Problem::Circle(reference))
    }

    /// Resolves a list. References that lead to nothing are left out.
    pub(super) fn resolve_list<'a, T: Locate>(
        &'a self,
        list: &'a [OrReference<T>],
    ) -> impl Iterator<Item = &'a T> + use<'a, T> {
        list.iter().filter_map(|part| self.resolve(part).ok())
    }

    fn target<T: Locate>(&self, reference: &str) -> Result<&OrReference<T>, Problem> {
        let steps = pointer::steps(reference).map_err(|problem| no_pointer(problem, reference))?;
        let steps: Vec<&str> = steps.iter().map(String::as_str).collect();
        T::locate(self, &steps).ok_or_else(|| Problem::Dangling { reference: reference.to_owned(), expected: T::KIND })
    }
}

/// Makes the error of a reference that has no pointer into this document.
pub(super) fn no_pointer(problem: NoPointer, reference: &str) -> Problem {
    match problem {
        NoPointer::Foreign => Problem::Foreign(reference.to_owned()),
        NoPointer::Invalid => Problem::NotAPointer(reference.to_owned()),
    }
}

/// Returns a component, by the kind and its name.
fn component<'a, T>(
    document: &'a Description,
    kind: fn(&'a Components) -> &'a Option<BTreeMap<String, T>>,
    name: &str,
) -> Option<&'a T> {
    kind(document.components.as_ref()?).as_ref()?.get(name)
}

/// Returns an item of a list, by the step of a pointer.
fn nth<'a, T>(list: &'a [T], step: &str) -> Option<&'a T> {
    list.get(pointer::index(step)?)
}

/// Returns an item of a list that may be absent.
fn nth_of<'a, T>(list: &'a Option<Vec<T>>, step: &str) -> Option<&'a T> {
    nth(list.as_ref()?, step)
}

/// Returns the method at an index, if it is not a reference.
fn method<'a>(document: &'a Description, index: &str) -> Option<&'a MethodObject> {
    nth(&document.methods, index)?.item()
}

impl Locate for MethodObject {
    const KIND: &'static str = "a method";

    fn locate<'a>(document: &'a Description, steps: &[&str]) -> Option<&'a OrReference<Self>> {
        match steps {
            ["components", "methods", name] => component(document, |all| &all.methods, name),
            ["methods", index] => nth(&document.methods, index),
            _ => None,
        }
    }
}

impl Locate for ContentDescriptor {
    const KIND: &'static str = "a content descriptor";

    fn locate<'a>(document: &'a Description, steps: &[&str]) -> Option<&'a OrReference<Self>> {
        match steps {
            ["components", "contentDescriptors", name] => component(document, |all| &all.content_descriptors, name),
            ["methods", index, "params", param] => nth(&method(document, index)?.params, param),
            ["methods", index, "result"] => method(document, index)?.result.as_ref(),
            _ => None,
        }
    }
}

impl Locate for DescribedError {
    const KIND: &'static str = "an error";

    fn locate<'a>(document: &'a Description, steps: &[&str]) -> Option<&'a OrReference<Self>> {
        match steps {
            ["components", "errors", name] => component(document, |all| &all.errors, name),
            ["methods", index, "errors", error] => nth_of(&method(document, index)?.errors, error),
            _ => None,
        }
    }
}

impl Locate for Tag {
    const KIND: &'static str = "a tag";

    fn locate<'a>(document: &'a Description, steps: &[&str]) -> Option<&'a OrReference<Self>> {
        match steps {
            ["components", "tags", name] => component(document, |all| &all.tags, name),
            ["methods", index, "tags", tag] => nth_of(&method(document, index)?.tags, tag),
            _ => None,
        }
    }
}

impl Locate for Link {
    const KIND: &'static str = "a link";

    fn locate<'a>(document: &'a Description, steps: &[&str]) -> Option<&'a OrReference<Self>> {
        match steps {
            ["components", "links", name] => component(document, |all| &all.links, name),
            ["methods", index, "links", link] => nth_of(&method(document, index)?.links, link),
            _ => None,
        }
    }
}

impl Locate for ExamplePairing {
    const KIND: &'static str = "an example pairing";

    fn locate<'a>(document: &'a Description, steps: &[&str]) -> Option<&'a OrReference<Self>> {
        match steps {
            ["components", "examplePairings", name] => component(document, |all| &all.example_pairings, name),
            ["methods", index, "examples", pairing] => nth_of(&method(document, index)?.examples, pairing),
            _ => None,
        }
    }
}

impl Locate for Example {
    const KIND: &'static str = "an example";

    fn locate<'a>(document: &'a Description, steps: &[&str]) -> Option<&'a OrReference<Self>> {
        match steps {
            ["components", "examples", name] => component(document, |all| &all.examples, name),
            [pairing @ .., "params", param] => {
                nth_of(&ExamplePairing::locate(document, pairing)?.item()?.params, param)
            }
            [pairing @ .., "result"] => ExamplePairing::locate(document, pairing)?.item()?.result.as_ref(),
            _ => None,
        }
    }
}

/// Finds JSON in the document.
fn of_document<'a>(document: &'a Description, steps: &[&str]) -> Option<&'a Value> {
    match steps {
        ["methods", index, rest @ ..] => of_method(nth(&document.methods, index)?.item()?, rest),
        ["components", rest @ ..] => of_components(document.components.as_ref()?, rest),
        _ => of_extensions(&document.extensions, steps),
    }
}

fn of_components<'a>(components: &'a Components, steps: &[&str]) -> Option<&'a Value> {
    match steps {
        ["schemas", name, rest @ ..] => within(components.schemas.as_ref()?.get(*name)?.as_value(), rest),
        ["contentDescriptors", name, rest @ ..] => {
            of_descriptor(components.content_descriptors.as_ref()?.get(*name)?.item()?, rest)
        }
        ["methods", name, rest @ ..] => of_method(components.methods.as_ref()?.get(*name)?.item()?, rest),
        _ => of_extensions(&components.extensions, steps),
    }
}

fn of_method<'a>(method: &'a MethodObject, steps: &[&str]) -> Option<&'a Value> {
    match steps {
        ["params", index, rest @ ..] => of_descriptor(nth(&method.params, index)?.item()?, rest),
        ["result", rest @ ..] => of_descriptor(method.result.as_ref()?.item()?, rest),
        _ => of_extensions(&method.extensions, steps),
    }
}

fn of_descriptor<'a>(descriptor: &'a ContentDescriptor, steps: &[&str]) -> Option<&'a Value> {
    match steps {
        ["schema", rest @ ..] => within(descriptor.schema.as_value(), rest),
        _ => of_extensions(&descriptor.extensions, steps),
    }
}

fn of_extensions<'a>(extensions: &'a Map<String, Value>, steps: &[&str]) -> Option<&'a Value> {
    let (name, rest) = steps.split_first()?;
    within(extensions.get(*name)?, rest)
}

/// Follows steps within JSON.
fn within<'a>(value: &'a Value, steps: &[&str]) -> Option<&'a Value> {
    steps.iter().try_fold(value, |value, step| match value {
        Value::Array(items) => nth(items, step),
        Value::Object(members) => members.get(*step),
        _ => None,
    })
}
