//! [`Description`]: a parsed document.

use std::collections::HashMap;
use std::str::FromStr;

use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize};
use serde_json::{Map, Value};

use super::components::Components;
use super::error::{DescriptionError, Problem};
use super::method_object::MethodObject;
use super::read::{Members, Place, Read};
use super::reference::OrReference;
use super::server::ServerObject;
use super::tag::ExternalDocs;
use crate::openrpc::Info;

/// The maximum depth of arrays and objects in a document. serde_json has the same limit for texts.
const MAX_DEPTH: usize = 127;

/// A parsed OpenRPC document of version 1, the framework's or a foreign one.
///
/// The fields are the document as written, with its references. [`methods`](Self::methods) and
/// [`method`](Self::method) return views of the methods with all references resolved.
///
/// Nothing is lost: serialized again, it equals the document that was parsed. Members that the specification does not
/// define are in `extensions`, at each level. Only a `null` in place of an optional member with another type counts as
/// absent, because some generators write it.
///
/// # Example
///
/// ```
/// use rpc::openrpc::Description;
///
/// let text = r##"{
///     "openrpc": "1.3.2",
///     "info": { "title": "Accounts", "version": "1.0.0" },
///     "methods": [{
///         "name": "user.get",
///         "params": [{ "name": "id", "required": true, "schema": { "type": "integer" } }],
///         "result": { "$ref": "#/components/contentDescriptors/User" }
///     }],
///     "components": { "contentDescriptors": { "User": { "name": "user", "schema": { "type": "object" } } } }
/// }"##;
/// let description = Description::parse(text)?;
/// let method = description.method("user.get").expect("it is described");
/// assert_eq!(method.params().next().map(|param| param.name.as_str()), Some("id"));
/// assert_eq!(method.result().map(|result| result.name.as_str()), Some("user"));
/// # Ok::<(), rpc::openrpc::DescriptionError>(())
/// ```
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct Description {
    /// The version of the specification, such as `1.3.2`.
    pub openrpc: String,
    /// The title, version and description of the application.
    pub info: Info,
    /// Where the methods are served.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub servers: Option<Vec<ServerObject>>,
    /// The methods. Their names are unique.
    pub methods: Vec<OrReference<MethodObject>>,
    /// The parts to which references point.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub components: Option<Components>,
    /// Documentation elsewhere.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub external_docs: Option<ExternalDocs>,
    /// All other members, such as `$schema` and those that begin with `x-`.
    #[serde(flatten)]
    pub extensions: Map<String, Value>,
}

impl Description {
    /// Parses a document of version 1.
    ///
    /// References are not resolved yet, so they may point to nothing. [`check`](Self::check) finds these.
    ///
    /// # Errors
    ///
    /// Fails if the text is not JSON, or nested in more than 127 levels, if it has another version than 1.x, if a
    /// member is missing or has the wrong type, or if two methods have the same name. The error has the place.
    ///
    /// # Example
    ///
    /// ```
    /// use rpc::openrpc::Description;
    ///
    /// let error = Description::parse(r#"{ "openapi": "3.1.0" }"#).unwrap_err();
    /// assert_eq!(error.to_string(), "an OpenRPC document needs the member `openrpc`");
    /// ```
    pub fn parse(json: &str) -> Result<Self, DescriptionError> {
        let value: Value = serde_json::from_str(json).map_err(|error| {
            let place = format!("line {}, column {}", error.line(), error.column());
            DescriptionError::new(place, Problem::Syntax(error))
        })?;
        Self::read(value, &Place::Document)
    }
}

impl FromStr for Description {
    type Err = DescriptionError;

    /// Parses a document, like [`parse`](Self::parse).
    fn from_str(json: &str) -> Result<Self, DescriptionError> {
        Self::parse(json)
    }
}

impl TryFrom<Value> for Description {
    type Error = DescriptionError;

    /// Reads a document, with the errors of [`parse`](Self::parse).
    fn try_from(document: Value) -> Result<Self, DescriptionError> {
        if is_too_deep(&document) {
            drop_deep(document);
            return Err(DescriptionError::new("", Problem::TooDeep(MAX_DEPTH)));
        }
        Self::read(document, &Place::Document)
    }
}

impl<'de> Deserialize<'de> for Description {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Self::try_from(Value::deserialize(deserializer)?).map_err(D::Error::custom)
    }
}

impl Read for Description {
    fn read(value: Value, place: &Place<'_>) -> Result<Self, DescriptionError> {
        let mut members = Members::of(value, "an OpenRPC document", place)?;
        let openrpc: String = members.required("openrpc")?;
        if openrpc.split('.').next() != Some("1") {
            return Err(DescriptionError::new(place.member("openrpc"), Problem::Version(openrpc)));
        }
        let description = Self {
            openrpc,
            info: members.required("info")?,
            servers: members.optional("servers")?,
            methods: members.required("methods")?,
            components: members.optional("components")?,
            external_docs: members.optional("externalDocs")?,
            extensions: members.rest(),
        };
        check_names(&description.methods, &place.member("methods"))?;
        Ok(description)
    }
}

/// Rejects methods with the same name.
fn check_names(methods: &[OrReference<MethodObject>], place: &Place<'_>) -> Result<(), DescriptionError> {
    let mut names = HashMap::new();
    for (index, method) in methods.iter().enumerate() {
        let Some(method) = method.item() else { continue };
        if let Some(first) = names.insert(&method.name, index) {
            let problem = Problem::Duplicate { name: method.name.clone(), first: place.item(first).to_string() };
            return Err(DescriptionError::new(place.item(index).member("name"), problem));
        }
    }
    Ok(())
}

/// Measures the depth level by level, without recursion.
fn is_too_deep(document: &Value) -> bool {
    let mut level = vec![document];
    for _ in 0..MAX_DEPTH {
        let mut next: Vec<&Value> = Vec::new();
        for value in level {
            match value {
                Value::Array(items) => next.extend(items),
                Value::Object(members) => next.extend(members.values()),
                _ => {}
            }
        }
        level = next;
        level.retain(|value| value.is_array() || value.is_object());
        if level.is_empty() {
            return false;
        }
    }
    true
}

/// Drops a value without recursion. The derived drop of a deep value would overflow the stack.
fn drop_deep(value: Value) {
    let mut left = vec![value];
    while let Some(value) = left.pop() {
        match value {
            Value::Array(items) => left.extend(items),
            Value::Object(members) => left.extend(members.into_iter().map(|(_, value)| value)),
            _ => {}
        }
    }
}
