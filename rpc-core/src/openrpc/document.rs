//! Writes an OpenRPC document: methods, tags and types, sorted so that the order of services does not matter. `method`
//! describes each method, and `schemas` collects the types.

use std::collections::BTreeMap;
use std::fmt;

use serde::Serialize;
use serde_json::{Map, Value, json};

use super::schemas::Schemas;
use super::{Info, merge, method};
use crate::{MethodSpec, ServiceSpec};

/// The version of the specification that documents follow. Version 1.4 has no more that we would say, and most tools
/// know only this one.
const VERSION: &str = "1.3.2";

/// An OpenRPC document.
///
/// It is the same for the same services, whatever the order in which they were added: methods are sorted by name, and
/// so are all members. `Display` writes it with line breaks, as it is kept in files.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(transparent)]
pub struct Document(Value);

impl Document {
    /// Returns the document as JSON.
    pub fn as_value(&self) -> &Value {
        &self.0
    }
}

impl fmt::Display for Document {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{:#}", self.0)
    }
}

/// Describes services, with or without a server of them.
///
/// The client's half and the server's know the description alike, as `UsersClient::SPEC` and `UsersServer::<S>::SPEC`.
/// What a server answers beside its services is not in there; `Server::openrpc` has it all.
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
        service.methods.iter().map(move |method| Entry { method, service: Some(service) })
    };
    describe(info, services.iter().flat_map(methods))
}

/// A method that is to be described, with the service that it belongs to.
#[derive(Clone, Copy, Debug)]
pub struct Entry<'a> {
    /// The method.
    pub method: &'a MethodSpec,
    /// The service; a closure has none.
    pub service: Option<&'static ServiceSpec>,
}

/// Describes methods, wherever they come from.
pub fn describe<'a>(info: &Info, methods: impl Iterator<Item = Entry<'a>>) -> Document {
    let mut schemas = Schemas::new();
    let mut tags = Tags::default();
    let mut described = BTreeMap::new();
    let mut methods: Vec<_> = methods.collect();
    // Of services that share a name, the one that is described first has it to itself.
    methods.sort_by(|one, other| one.method.name.cmp(&other.method.name));
    for Entry { method, service } in methods {
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
    // They are sorted already, unless some crate of the program asks serde_json for another order.
    document.sort_all_objects();
    Document(document)
}

/// The services of the methods, by name.
#[derive(Default)]
struct Tags(Map<String, Value>);

impl Tags {
    /// Refers to the tag of a service. Two that share a name share it, if they are described alike.
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
