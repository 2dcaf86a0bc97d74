//! Each mistake has an error with its place.

use std::error::Error;

use serde_json::{Value, json};

use super::document;
use crate::openrpc::Description;

/// Changes a valid document, and returns the error.
#[track_caller]
fn error_after(change: impl FnOnce(&mut Value)) -> String {
    let method = json!({
        "name": "get",
        "params": [{ "name": "id", "schema": true }],
        "result": { "name": "user", "schema": {} },
        "errors": [{ "code": 1, "message": "not found" }],
        "servers": [{ "url": "http://localhost", "variables": { "a b": { "default": "" } } }],
    });
    let mut document = document(&json!([method]), &json!({ "schemas": { "User": {} } }));
    Description::try_from(document.clone()).unwrap();
    change(&mut document);
    Description::parse(&document.to_string()).unwrap_err().to_string()
}

#[test]
fn mistakes_are_told_with_their_place_and_what_was_expected() {
    let remove = |object: &mut Value, member: &str| drop(object.as_object_mut().unwrap().remove(member));
    let told = [
        (error_after(|document| *document = json!([])), "expected an OpenRPC document, found an array"),
        (error_after(|document| remove(document, "openrpc")), "an OpenRPC document needs the member `openrpc`"),
        (error_after(|document| remove(document, "methods")), "an OpenRPC document needs the member `methods`"),
        (error_after(|document| document["openrpc"] = json!(1.3)), "openrpc: expected a string, found the number 1.3"),
        (
            error_after(|document| document["openrpc"] = json!("2.0.0")),
            "openrpc: version `2.0.0` of OpenRPC is not supported, expected 1.x",
        ),
        (
            error_after(|document| remove(&mut document["info"], "title")),
            "info: an info object needs the member `title`",
        ),
        (error_after(|document| document["methods"] = json!({})), "methods: expected an array, found an object"),
        (
            error_after(|document| document["methods"][0] = json!("get")),
            "methods[0]: expected a method, found the string `get`",
        ),
        (
            error_after(|document| remove(&mut document["methods"][0], "name")),
            "methods[0]: a method needs the member `name`",
        ),
    ];
    for (found, expected) in told {
        assert_eq!(found, expected);
    }
}

#[test]
fn mistakes_inside_of_methods_and_components_are_told_alike() {
    let told = [
        (
            error_after(|document| document["methods"][0]["params"][0]["schema"] = json!("int")),
            "methods[0].params[0].schema: expected an object or a boolean, found the string `int`",
        ),
        (
            error_after(|document| drop(document["methods"][0]["params"][0].as_object_mut().unwrap().remove("schema"))),
            "methods[0].params[0]: a content descriptor needs the member `schema`",
        ),
        (
            error_after(|document| document["methods"][0]["params"][0] = json!({ "$ref": 1 })),
            "methods[0].params[0].$ref: expected a string, found the number 1",
        ),
        (
            error_after(|document| document["methods"][0]["paramStructure"] = json!("named")),
            "methods[0].paramStructure: expected `by-name`, `by-position` or `either`, found the string `named`",
        ),
        (
            error_after(|document| document["methods"][0]["deprecated"] = json!("yes")),
            "methods[0].deprecated: expected a boolean, found the string `yes`",
        ),
        (
            error_after(|document| document["methods"][0]["errors"][0]["code"] = json!(1.5)),
            "methods[0].errors[0].code: expected an integer of 64 bits, found the number 1.5",
        ),
        (
            error_after(|document| document["methods"][0]["servers"][0]["variables"]["a b"]["default"] = json!(null)),
            "methods[0].servers[0].variables[\"a b\"].default: expected a string, found null",
        ),
        (
            error_after(|document| document["components"]["schemas"]["User"] = json!([])),
            "components.schemas.User: expected an object or a boolean, found an array",
        ),
        (
            error_after(|document| document["components"]["tags"] = json!(["Users"])),
            "components.tags: expected an object, found an array",
        ),
    ];
    for (found, expected) in told {
        assert_eq!(found, expected);
    }
}

#[test]
fn two_methods_with_the_same_name_are_an_error() {
    let method = |name: &str| json!({ "name": name, "params": [] });
    let twice = document(&json!([method("a"), method("b"), method("a")]), &json!({}));
    let error = Description::try_from(twice).unwrap_err();
    assert_eq!(error.to_string(), "methods[2].name: the name `a` is already the name of methods[0]");
}

#[test]
fn text_that_is_not_json_is_told_with_its_line() {
    let error = Description::parse("{\n  \"openrpc\": }").unwrap_err();
    assert_eq!(error.to_string(), "line 2, column 14: the document cannot be read as JSON");
    assert_eq!(error.place(), "line 2, column 14");
    assert_eq!(error.source().unwrap().to_string(), "expected value at line 2 column 14");
}

#[test]
fn deep_documents_are_errors_and_do_not_overflow_the_stack() {
    const DEPTH: usize = 1_000_000;
    let deep = format!("{{\"openrpc\":{}{}}}", "[".repeat(DEPTH), "]".repeat(DEPTH));
    let error = Description::parse(&deep).unwrap_err();
    assert!(error.source().unwrap().to_string().starts_with("recursion limit exceeded"), "{error:?}");
    let mut schema = json!({});
    for _ in 0..DEPTH {
        schema = Value::Array(vec![schema]);
    }
    let mut deep = document(&json!([]), &Value::Null);
    deep["components"] = schema;
    let error = Description::try_from(deep).unwrap_err();
    assert_eq!(error.to_string(), "arrays and objects are nested in more than 127 levels");
}

#[test]
fn the_limit_of_the_depth_is_that_of_texts() {
    let of_depth = |depth: usize| {
        let mut value = json!([]);
        for _ in 0..depth - 2 {
            value = Value::Array(vec![value]);
        }
        let mut document = document(&json!([]), &json!({}));
        document["x-deep"] = value;
        document
    };
    for (depth, is_valid) in [(127, true), (128, false), (129, false)] {
        let document = of_depth(depth);
        assert_eq!(Description::parse(&document.to_string()).is_ok(), is_valid, "text of {depth}");
        assert_eq!(Description::try_from(document).is_ok(), is_valid, "value of {depth}");
    }
}

#[test]
fn a_description_is_read_by_serde_with_the_same_errors() {
    let valid = document(&json!([]), &json!({}));
    let description: Description = serde_json::from_value(valid.clone()).unwrap();
    assert_eq!(valid.to_string().parse::<Description>().unwrap(), description);
    let error = serde_json::from_str::<Description>(r#"{ "openrpc": 1 }"#).unwrap_err();
    assert_eq!(error.to_string(), "openrpc: expected a string, found the number 1");
}

#[test]
fn a_null_for_an_optional_member_counts_as_absent() {
    let method = json!({ "name": "get", "params": [], "summary": null, "result": null, "tags": null });
    let description = Description::try_from(document(&json!([method]), &Value::Null)).unwrap();
    let written = serde_json::to_value(&description).unwrap();
    assert_eq!(written["methods"][0], json!({ "name": "get", "params": [] }));
    assert!(written.get("components").is_none());
}

#[test]
fn texts_of_the_document_do_not_forge_lines_of_the_error() {
    let document = document(&json!([]), &json!({ "tags": { "a\nb": { "name": "\u{1b}[2J" }, "b": "\u{1b}[2J\n" } }));
    let error = Description::try_from(document).unwrap_err().to_string();
    assert_eq!(error, "components.tags.b: expected a tag, found the string `\\u{1b}[2J\\n`");
}
