//! References to parts of a document, and to schemas.

use serde_json::{Value, json};

use super::{document, parse};

fn to(reference: &str) -> Value {
    json!({ "$ref": reference })
}

/// Returns the error of the check.
#[track_caller]
fn problem(methods: &Value, components: &Value) -> String {
    parse(&document(methods, components)).check().unwrap_err().to_string()
}

#[test]
fn references_may_stand_for_every_part() {
    let method = json!({
        "name": "get",
        "params": [to("#/components/contentDescriptors/Id")],
        "result": to("#/methods/0/params/0"),
        "errors": [to("#/components/errors/NotFound")],
        "tags": [to("#/components/tags/Users")],
        "links": [to("#/components/links/Next")],
        "examples": [
            to("#/components/examplePairings/First"),
            { "name": "second", "params": [to("#/components/examples/One")], "result": to("#/methods/0/examples/0/result") },
            { "name": "third", "params": [to("#/components/examplePairings/First/params/0")] },
        ],
    });
    let components = json!({
        "contentDescriptors": { "Id": to("#/components/contentDescriptors/Key"), "Key": { "name": "id", "schema": {} } },
        "errors": { "NotFound": { "code": 404, "message": "not found" } },
        "tags": { "Users": { "name": "users" } },
        "links": { "Next": { "method": "get" } },
        "examples": { "One": { "name": "one", "value": 1 } },
        "examplePairings": {
            "First": { "name": "first", "params": [{ "name": "zero", "value": 0 }], "result": { "name": "zero", "value": null } },
        },
        "methods": { "Put": { "name": "put", "params": [] } },
    });
    let description = parse(&document(&json!([method, to("#/components/methods/Put")]), &components));
    // The result of the second example refers to the result of a reference, which JSON pointers cannot enter.
    let problem = description.check().unwrap_err();
    assert_eq!(problem.place(), "methods[0].examples[1].result");
    let names: Vec<_> = description.methods().map(|method| method.name()).collect();
    assert_eq!(names, ["get", "put"]);
    let get = description.method("get").unwrap();
    assert_eq!(get.params().map(|param| param.name.as_str()).collect::<Vec<_>>(), ["id"]);
    assert_eq!(get.result().unwrap().name, "id");
    assert_eq!(get.errors().map(|error| error.code().get()).collect::<Vec<_>>(), [404]);
    assert_eq!(get.tags().map(|tag| tag.name.as_str()).collect::<Vec<_>>(), ["users"]);
    assert_eq!(get.links().map(|link| link.method.as_deref()).collect::<Vec<_>>(), [Some("get")]);
    let examples: Vec<_> = get.examples().collect();
    assert_eq!(examples[0].result().unwrap().value, Some(Value::Null));
    assert_eq!(examples[1].params().next().unwrap().value, Some(json!(1)));
    assert!(examples[1].result().is_none());
    assert_eq!(examples[2].params().next().unwrap().name.as_deref(), Some("zero"));
}

#[test]
fn references_are_decoded() {
    let components = json!({ "tags": { "a/b~c é%": { "name": "odd" } } });
    for reference in ["#/components/tags/a~1b~0c%20%C3%A9%25", "#/components/tags/a~1b~0c é%25"] {
        let method = json!({ "name": "get", "params": [], "tags": [to(reference)] });
        let description = parse(&document(&json!([method]), &components));
        description.check().unwrap();
        assert_eq!(description.method("get").unwrap().tags().next().unwrap().name, "odd", "{reference}");
    }
}

#[test]
fn circles_end() {
    let components = json!({ "tags": { "A": to("#/components/tags/B"), "B": to("#/components/tags/A") } });
    let method = json!({ "name": "get", "params": [], "tags": [to("#/components/tags/A")] });
    assert_eq!(parse(&document(&json!([method]), &components)).method("get").unwrap().tags().count(), 0);
    let expected = "methods[0].tags[0]: `#/components/tags/B` leads in a circle, or along too many references";
    assert_eq!(problem(&json!([method]), &components), expected);
    let itself = json!([to("#/methods/0")]);
    assert_eq!(parse(&document(&itself, &json!({}))).methods().count(), 0);
    let expected = "methods[0]: `#/methods/0` leads in a circle, or along too many references";
    assert_eq!(problem(&itself, &json!({})), expected);
    let schemas = json!({ "schemas": { "A": to("#/components/schemas/B"), "B": to("#/components/schemas/A") } });
    let expected = "components.schemas.A: `#/components/schemas/B` leads in a circle, or along too many references";
    assert_eq!(problem(&json!([]), &schemas), expected);
    let list = json!({ "schemas": { "List": { "properties": { "next": to("#/components/schemas/List") } } } });
    parse(&document(&json!([]), &list)).check().unwrap();
}

#[test]
fn references_that_lead_to_no_part_of_the_kind_are_told() {
    let components = json!({ "tags": { "Users": { "name": "users" } }, "schemas": { "Id": {} } });
    for (reference, reason) in [
        ("#/components/contentDescriptors/Id", "does not refer to a content descriptor of this document"),
        ("#/components/tags/Users", "does not refer to a content descriptor of this document"),
        ("#/components/schemas/Id", "does not refer to a content descriptor of this document"),
        ("#/methods/0/params/01", "does not refer to a content descriptor of this document"),
        ("#", "does not refer to a content descriptor of this document"),
        ("#Id", "is no JSON pointer such as `#/components/schemas/User`"),
        ("#/a%2", "is no JSON pointer such as `#/components/schemas/User`"),
        ("other.json#/components/tags/Users", "refers to another document, which is not read"),
        ("https://example.org/id.json", "refers to another document, which is not read"),
    ] {
        let method = json!({ "name": "get", "params": [to(reference)], "result": to(reference) });
        assert_eq!(problem(&json!([method]), &components), format!("methods[0].params[0]: `{reference}` {reason}"));
        let description = parse(&document(&json!([method]), &components));
        let get = description.method("get").unwrap();
        assert_eq!((get.params().count(), get.result()), (0, None), "{reference}");
        assert!(!get.is_notification(), "{reference}");
    }
}

#[test]
fn names_behind_references_are_unique() {
    let methods = json!([{ "name": "get", "params": [] }, to("#/methods/0")]);
    assert_eq!(problem(&methods, &json!({})), "methods[1]: the name `get` is already the name of methods[0]");
}

#[test]
fn schemas_are_found_by_pointers_into_any_part() {
    let method = json!({
        "name": "get",
        "params": [{ "name": "id", "schema": { "items": [{ "const": 1 }] } }],
        "result": { "name": "user", "schema": { "const": 2 } },
        "x-errors": { "7": { "data": { "const": 3 } } },
    });
    let components = json!({
        "schemas": { "User": { "properties": { "a/b": { "const": 4 } } }, "No": false },
        "contentDescriptors": { "Id": { "name": "id", "schema": { "const": 5 } } },
        "methods": { "Put": { "name": "put", "params": [], "result": { "name": "a", "schema": { "const": 6 } } } },
        "x-types": { "Old": { "const": 7 } },
    });
    let mut document = document(&json!([method]), &components);
    document["definitions"] = json!({ "Name": { "const": 8 } });
    let description = parse(&document);
    for (reference, expected) in [
        ("#/methods/0/params/0/schema/items/0", 1),
        ("#/methods/0/result/schema", 2),
        ("#/methods/0/x-errors/7/data", 3),
        ("#/components/schemas/User/properties/a~1b", 4),
        ("#/components/contentDescriptors/Id/schema", 5),
        ("#/components/methods/Put/result/schema", 6),
        ("#/components/x-types/Old", 7),
        ("#/definitions/Name", 8),
    ] {
        assert_eq!(description.schema(reference), Some(&json!({ "const": expected })), "{reference}");
    }
    assert_eq!(description.schema("#/components/schemas/No"), Some(&json!(false)));
    for nothing in
        ["#", "#/", "#/components", "#/components/schemas", "#/components/schemas/Use", "#/methods/1", "User"]
    {
        assert_eq!(description.schema(nothing), None, "{nothing}");
    }
}

#[test]
fn references_in_schemas_are_checked_and_values_that_look_like_them_are_not() {
    let param = |schema: Value| json!([{ "name": "get", "params": [{ "name": "a", "schema": schema }] }]);
    let dangling = to("#/components/schemas/User");
    let expected =
        "methods[0].params[0].schema: `#/components/schemas/User` does not refer to a schema of this document";
    for schema in [
        dangling.clone(),
        json!({ "items": dangling }),
        json!({ "anyOf": [{}, dangling] }),
        json!({ "properties": { "default": dangling } }),
        json!({ "definitions": { "enum": dangling } }),
    ] {
        assert_eq!(problem(&param(schema), &json!({})), expected);
    }
    for schema in [
        json!({ "default": dangling }),
        json!({ "enum": [dangling] }),
        json!({ "properties": { "$ref": { "type": "string" } } }),
        json!({ "$id": "https://example.org/a.json", "items": to("#/definitions/b"), "definitions": { "b": {} } }),
    ] {
        parse(&document(&param(schema), &json!({}))).check().unwrap();
    }
    let foreign = problem(&param(to("user.json")), &json!({}));
    assert_eq!(foreign, "methods[0].params[0].schema: `user.json` refers to another document, which is not read");
}
