//! Writes an OpenRPC document: methods, tags and types, sorted so that the order of services does not matter. `method`
//! describes each method, and `schemas` collects the types.

use std::collections::BTreeMap;
use std::fmt;

use serde::Serialize;
use serde_json::{Map, Value, json};

use super::model::read::{Place, Read};
use super::schemas::Schemas;
use super::{Description, Info, merge, method};
use crate::{MethodSpec, ServiceSpec};

/// The version of the specification that documents follow. Version 1.4 has nothing that the framework needs, and most
/// tools know only this one.
const VERSION: &str = "1.3.2";

/// An OpenRPC document.
///
/// It is the same for the same services, whatever the order in which they were added: methods and members are sorted by
/// name. `Display` writes it with line breaks, for files.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(transparent)]
pub struct Document(Value);

impl Document {
    /// Returns the document as JSON.
    pub fn as_value(&self) -> &Value {
        &self.0
    }

    /// Returns the document as typed parts, with views of the methods.
    ///
    /// # Example
    ///
    /// ```
    /// use rpc::openrpc::{Info, document};
    /// use rpc::{Describe, Effect};
    ///
    /// #[rpc::service(namespace = "math", openrpc)]
    /// trait Math {
    ///     #[rpc(readonly)]
    ///     async fn square(&self, number: i32) -> i64;
    /// }
    ///
    /// let description = document(&Info::new("Mathematics", "1.0.0"), &[MathClient::SPEC]).description();
    /// let method = description.method("math.square").expect("it is described");
    /// assert_eq!(method.effect(), Some(Effect::None));
    /// ```
    #[expect(clippy::missing_panics_doc, reason = "documents of the framework are valid")]
    pub fn description(&self) -> Description {
        Description::read(self.0.clone(), &Place::Document).expect("documents of the framework are valid")
    }
}

impl fmt::Display for Document {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{:#}", self.0)
    }
}

/// Describes services. No server is needed.
///
/// Client and server have the same description, as `UsersClient::SPEC` and `UsersServer::<S>::SPEC`. The document does
/// not include what a server answers in addition to its services; `Server::openrpc` includes everything.
///
/// # Example
///
/// ```
/// use rpc::Describe;
/// use rpc::openrpc::{Info, document};
///
/// #[rpc::service(namespace = "math", openrpc)]
/// trait Math {
///     async fn square(&self, number: i32) -> i64;
/// }
///
/// let document = document(&Info::new("Mathematics", "1.0.0"), &[MathClient::SPEC]);
/// assert!(document.to_string().starts_with("{\n  \"components\""));
/// assert_eq!(document.as_value()["methods"][0]["name"], "math.square");
/// ```
pub fn document(info: &Info, services: &[&'static ServiceSpec]) -> Document {
    let methods = |service: &&'static ServiceSpec| {
        let service = *service;
        service.methods.iter().map(move |method| DocumentedMethod { method, service: Some(service) })
    };
    describe(info, services.iter().flat_map(methods))
}

/// A method to describe, with its service.
#[derive(Clone, Copy, Debug)]
pub struct DocumentedMethod<'a> {
    /// The method.
    pub method: &'a MethodSpec,
    /// The service, or `None` for a closure.
    pub service: Option<&'static ServiceSpec>,
}

/// Describes methods from any source.
pub fn describe<'a>(info: &Info, methods: impl Iterator<Item = DocumentedMethod<'a>>) -> Document {
    let mut schemas = Schemas::new();
    let mut tags = Tags::default();
    let mut described = BTreeMap::new();
    let mut methods: Vec<_> = methods.collect();
    // Of several services with the same name, the one described first gets the unchanged name.
    methods.sort_by(|one, other| one.method.name.cmp(&other.method.name));
    for DocumentedMethod { method, service } in methods {
        let mut object = method::describe(method, &mut schemas);
        if let Some(service) = service {
            object.insert("tags".to_owned(), json!([tags.reference(service)]));
        }
        described.insert(method.name.clone(), object);
    }
    let types = schemas.into_described();
    let mut methods = Vec::new();
    for mut method in described.into_values() {
        method::for_each_read(&mut method, |schema| types.rename_read(schema));
        method::for_each_written(&mut method, |schema| types.rename_written(schema));
        methods.push(Value::Object(method));
    }
    let methods = Value::Array(methods);
    let mut components = Map::new();
    components.insert("schemas".to_owned(), merge::reachable(types.merged.definitions, &methods).into());
    components.insert("tags".to_owned(), tags.0.into());
    let info = json!(info);
    let mut document = json!({ "openrpc": VERSION, "info": info, "methods": methods, "components": components });
    // The members are already sorted, unless some crate of the program turns on another order in serde_json.
    document.sort_all_objects();
    Document(document)
}

/// The services of the methods, by tag.
#[derive(Default)]
struct Tags(Map<String, Value>);

impl Tags {
    /// Returns a reference to the tag of a service. Services with the same name and description share one tag.
    fn reference(&mut self, service: &ServiceSpec) -> Value {
        let mut tag = json!({ "name": service.name });
        if !service.docs.is_empty() {
            tag["description"] = service.docs.into();
        }
        let mut key = service.name.to_owned();
        while self.0.get(&key).is_some_and(|other| *other != tag) {
            key.push('_');
        }
        let reference = json!({ "$ref": format!("#/components/tags/{key}") });
        self.0.insert(key, tag);
        reference
    }
}
