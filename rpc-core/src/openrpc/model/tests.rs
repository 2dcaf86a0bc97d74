//! References, errors and the views of methods. The tests of whole documents are in `tests/it/openrpc`.

mod errors;
mod references;
mod views;

use serde_json::{Value, json};

use super::Description;

/// Returns a document with these methods and components.
fn document(methods: &Value, components: &Value) -> Value {
    json!({
        "openrpc": "1.3.2",
        "info": { "title": "Tests", "version": "1" },
        "methods": methods,
        "components": components,
    })
}

/// Parses a document, and checks that it is the same when serialized again.
#[track_caller]
fn parse(document: &Value) -> Description {
    let description = Description::parse(&document.to_string()).unwrap();
    assert_eq!(serde_json::to_value(&description).unwrap(), *document);
    description
}
