//! Documents as typed descriptions: the official examples, documents of the framework and random ones.

use std::time::Duration;

use proptest::prelude::*;
use rpc::openrpc::{Description, Info, ParamStructure, document};
use rpc::{Describe, Effect};
use serde_json::{Value, json};

use super::meta_schema::{validate, validate_1_4};
use super::random::documents;
use super::{PlainClient, UsersClient, described, info};

/// Parses a document, whose references all lead somewhere, and checks that it is the same when serialized again.
#[track_caller]
fn parse(document: &Value) -> Description {
    let description = Description::parse(&document.to_string()).unwrap();
    assert_eq!(serde_json::to_value(&description).unwrap(), *document);
    assert_eq!(Description::try_from(document.clone()).unwrap(), description);
    description.check().unwrap();
    assert_eq!(description.methods().count(), description.methods.len());
    for method in description.methods() {
        let object = method.object();
        let len = |list: Option<usize>| list.unwrap_or_default();
        assert_eq!(method.params().count(), object.params.len());
        assert_eq!(method.result().is_some(), object.result.is_some());
        assert_eq!(method.errors().count(), len(object.errors.as_ref().map(Vec::len)));
        assert_eq!(method.tags().count(), len(object.tags.as_ref().map(Vec::len)));
        assert_eq!(method.links().count(), len(object.links.as_ref().map(Vec::len)));
        assert_eq!(method.examples().count(), len(object.examples.as_ref().map(Vec::len)));
        assert_eq!(description.method(method.name()).unwrap().object(), object);
    }
    description
}

/// Reads one of the official examples.
macro_rules! example {
    ($name:literal) => {{
        let document: Value = serde_json::from_str(include_str!(concat!("examples/", $name, ".json"))).unwrap();
        parse(&document)
    }};
}

/// Returns the names of the methods.
fn names(description: &Description) -> Vec<&str> {
    description.methods().map(|method| method.name()).collect()
}

#[test]
fn the_official_examples_are_read() {
    assert_eq!(names(&example!("api-with-examples")), ["get_versions", "get_version_details"]);
    assert_eq!(names(&example!("empty")), [""; 0]);
    assert_eq!(example!("link-example").methods().count(), 6);
    assert_eq!(names(&example!("metrics")), ["link_clicked"]);
    assert_eq!(names(&example!("params-by-name-petstore")), ["list_pets", "create_pet", "get_pet"]);
    assert_eq!(names(&example!("petstore")), ["list_pets", "create_pet", "get_pet"]);
    assert_eq!(example!("petstore-expanded").methods().count(), 4);
    assert_eq!(names(&example!("simple-math")), ["addition", "subtraction"]);
}

#[test]
fn the_parts_of_the_official_examples_are_found() {
    let petstore = example!("petstore");
    let id = petstore.method("get_pet").unwrap().params().next().unwrap();
    assert_eq!((id.name.as_str(), id.is_required()), ("petId", true));
    assert_eq!(id.schema.as_value(), &json!({ "$ref": "#/components/schemas/PetId" }));
    assert_eq!(petstore.schema("#/components/schemas/PetId"), Some(&json!({ "type": "integer", "minimum": 0 })));
    let busy = petstore.method("list_pets").unwrap().errors().next().unwrap();
    assert_eq!((busy.code().get(), busy.message(), busy.data()), (100, "pets busy", None));
    assert_eq!(petstore.info.license.as_ref().unwrap().name.as_deref(), Some("MIT"));

    let by_name = example!("params-by-name-petstore");
    assert_eq!(by_name.method("list_pets").unwrap().param_structure(), ParamStructure::ByName);
    let math = example!("simple-math");
    let addition = math.method("addition").unwrap();
    assert_eq!(addition.result().unwrap().name, "c");
    let four = addition.examples().nth(1).unwrap();
    assert_eq!(four.params().map(|param| &param.value).collect::<Vec<_>>(), [&Some(json!(4)), &Some(json!(4))]);
    assert_eq!(four.result().unwrap().value, Some(json!(8)));
    let server = &addition.servers()[0];
    assert_eq!(server.variables.as_ref().unwrap()["port"].allowed.as_ref().unwrap(), &["8545", "443"]);
    assert_eq!(addition.links().next().unwrap().method.as_deref(), Some("subtraction"));
    assert!(example!("metrics").method("link_clicked").unwrap().is_notification());
}

#[test]
fn documents_of_version_1_4_are_read() {
    let document = json!({
        "$schema": "https://meta.open-rpc.org/",
        "openrpc": "1.4.1",
        "info": {
            "title": "Accounts",
            "version": "1.0.0",
            "termsOfService": "https://example.org/terms",
            "contact": { "name": "Ada", "email": "ada@example.org", "x-team": 7 },
            "license": { "name": "MIT", "x-spdx": "MIT" },
            "x-logo": null,
        },
        "servers": [{ "url": "https://example.org", "variables": { "zone": { "default": "a", "enum": [] } } }],
        "methods": [{
            "name": "user.get",
            "tags": [],
            "params": [{ "name": "id", "required": false, "schema": { "type": "integer" }, "x-unit": "" }],
            "result": { "$ref": "#/components/contentDescriptors/User" },
            "errors": [{ "code": 404, "message": "not found", "data": null }],
            "examples": [{ "name": "none", "params": [{ "name": "id", "value": null }] }],
            "externalDocs": { "url": "https://example.org/user.get" },
            "deprecated": false,
            "x-internal": [],
        }],
        "components": {
            "contentDescriptors": { "User": { "name": "user", "schema": true } },
            "schemas": {},
            "x-more": {},
        },
        "externalDocs": { "url": "https://example.org" },
        "x-generator": { "name": "none" },
    });
    validate_1_4(&document).unwrap();
    let description = parse(&document);
    let method = description.method("user.get").unwrap();
    assert_eq!(method.result().unwrap().schema.as_value(), &json!(true));
    assert_eq!(method.extension("x-internal"), Some(&json!([])));
    assert_eq!(description.extensions.keys().collect::<Vec<_>>(), ["$schema", "x-generator"]);
}

#[test]
fn documents_of_the_framework_are_read() {
    for own in [described(), document(&Info::new("Nothing", "0"), &[])] {
        assert_eq!(parse(own.as_value()), own.description());
    }
    parse(document(&info(), &[UsersClient::SPEC, PlainClient::SPEC]).as_value());
    parse(&serde_json::from_str(include_str!("../../../examples/openrpc.json")).unwrap());
}

#[test]
fn views_tell_what_the_framework_describes() {
    let description = described().description();
    let get = description.method("user.fetch").unwrap();
    assert_eq!((get.name(), get.summary()), ("user.get", Some("Looks a user up by id.")));
    assert_eq!(get.description(), Some("Deleted ones are **not** found."));
    assert_eq!((get.effect(), get.timeout()), (Some(Effect::None), Some(Duration::from_secs(2))));
    assert_eq!(get.tags().map(|tag| tag.name.as_str()).collect::<Vec<_>>(), ["Users"]);
    let errors: Vec<_> = get.errors().map(|error| (error.code().get(), error.name(), error.is_retryable())).collect();
    let names = ["NotAllowed", "NotFound", "Busy", "RangeError"].map(Some);
    assert_eq!(
        errors,
        [(-32001, names[0], false), (1001, names[1], false), (1002, names[2], true), (2001, names[3], false)]
    );
    let data = get.errors().next().unwrap().data_schema().unwrap();
    assert!(description.schema(data["$ref"].as_str().unwrap()).unwrap()["enum"].is_array());
    let first = description.method("position.first").unwrap();
    assert_eq!(first.requires(), Some(vec!["admin", "auditor"]));
    assert_eq!(first.param_structure(), ParamStructure::ByPosition);
    assert!(description.method("user.sum").unwrap().params_as_whole());
    assert!(description.method("user.sum").unwrap().is_deprecated());
    assert!(description.method("user.role").unwrap().takes_other_errors());
    assert_eq!(description.method("user.create").unwrap().effect(), Some(Effect::Once));
    assert_eq!(description.method("user.put").unwrap().effect(), Some(Effect::Idempotent));
}

#[test]
fn info_of_all_fields_is_part_of_the_document() {
    let mut info = Info::new("Accounts", "1");
    info.license = Some(Default::default());
    info.contact = Some(Default::default());
    info.terms_of_service = Some("https://example.org/terms".to_owned());
    info.extensions.insert("x-team".to_owned(), json!(7));
    let document = document(&info, &[]);
    validate(document.as_value()).unwrap();
    assert_eq!(document.description().info, info);
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, ..ProptestConfig::default() })]

    #[test]
    fn random_documents_are_the_same_when_serialized_again(document in documents()) {
        prop_assert_eq!(validate_1_4(&document), Ok(()));
        parse(&document);
    }
}
