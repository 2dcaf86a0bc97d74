//! The official meta-schemas, and the schemas inside a document. `ORIGIN.md` says where the meta-schemas come from.

use std::sync::LazyLock;

use jsonschema::{Draft, Registry, Validator};
use rpc::openrpc::Document;
use serde_json::Value;

static OPENRPC: LazyLock<Validator> = LazyLock::new(|| of_version(include_str!("openrpc-1.3.json")));
static OPENRPC_1_4: LazyLock<Validator> = LazyLock::new(|| of_version(include_str!("openrpc-1.4.json")));

/// Builds the validator of a version's documents.
fn of_version(meta_schema: &str) -> Validator {
    // The meta-schema refers to a copy of JSON Schema draft 7 with titles.
    let json_schema = of_draft7(include_str!("json-schema.json"));
    let registry = Registry::new()
        .draft(Draft::Draft7)
        .add("https://meta.json-schema.tools", json_schema.clone())
        .unwrap()
        // That copy refers to parts of itself with a slash.
        .add("https://meta.json-schema.tools/", json_schema)
        .unwrap()
        .prepare()
        .unwrap();
    jsonschema::draft7::options().with_registry(&registry).build(&of_draft7(meta_schema)).unwrap()
}

/// Both name a dialect of their own, with the meaning of draft 7.
fn of_draft7(text: &str) -> Value {
    let mut schema: Value = serde_json::from_str(text).unwrap();
    schema["$schema"] = "http://json-schema.org/draft-07/schema#".into();
    schema
}

/// Validates a document of version 1.3, or an older one.
pub(super) fn validate(document: &Value) -> Result<(), String> {
    validate_by(&OPENRPC, document)
}

/// Validates a document of version 1.4.
pub(super) fn validate_1_4(document: &Value) -> Result<(), String> {
    validate_by(&OPENRPC_1_4, document)
}

fn validate_by(meta_schema: &Validator, document: &Value) -> Result<(), String> {
    let errors: Vec<_> =
        meta_schema.iter_errors(document).map(|error| format!("{}: {error}", error.instance_path())).collect();
    if errors.is_empty() { Ok(()) } else { Err(errors.join("\n")) }
}

#[track_caller]
pub(super) fn assert_valid(document: &Value) {
    validate(document).unwrap_or_else(|errors| panic!("{errors}"));
    assert_eq!(dangling(document), [""; 0]);
}

/// Returns the references that point to nothing. The meta-schema does not find them.
pub(super) fn dangling(document: &Value) -> Vec<String> {
    let mut found = Vec::new();
    references(document, &mut found);
    found.retain(|reference| document.pointer(reference.strip_prefix('#').unwrap()).is_none());
    found
}

fn references(value: &Value, found: &mut Vec<String>) {
    match value {
        Value::Array(items) => items.iter().for_each(|item| references(item, found)),
        Value::Object(members) => {
            for (key, value) in members {
                match value {
                    Value::String(reference) if key == "$ref" => found.push(reference.clone()),
                    value => references(value, found),
                }
            }
        }
        _ => {}
    }
}

/// Builds a validator of a schema inside a document. References of the schema point into the document.
pub(super) fn schema_of(document: &Document, schema: &Value) -> Validator {
    let mut schema = schema.clone();
    schema["components"] = document.as_value()["components"].clone();
    // In draft 7, keywords next to a reference are ignored.
    if let Some(reference) = schema.as_object_mut().and_then(|schema| schema.remove("$ref")) {
        schema["allOf"] = serde_json::json!([{ "$ref": reference }]);
    }
    jsonschema::draft7::new(&schema).unwrap()
}
