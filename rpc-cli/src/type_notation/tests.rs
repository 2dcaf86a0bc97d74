use serde_json::{Value, json};

use super::{definition, named_types, notation};

#[test]
fn each_keyword_has_a_notation() {
    for (schema, expected) in [
        (json!(true), "any"),
        (json!(false), "never"),
        (json!({}), "any"),
        (json!(7), "any"),
        (json!({ "type": "integer", "format": "uint64", "minimum": 0 }), "integer"),
        (json!({ "type": "string", "format": "uuid" }), "string<uuid>"),
        (json!({ "type": ["null", "string"] }), "string | null"),
        (json!({ "type": "string", "nullable": true }), "string | null"),
        (json!({ "const": 1.50 }), "1.5"),
        (json!({ "enum": ["asc", "desc", null] }), "\"asc\" | \"desc\" | null"),
        (json!({ "enum": [] }), "never"),
        (json!({ "type": "array" }), "any[]"),
        (json!({ "type": "array", "items": { "type": ["string", "null"] } }), "(string | null)[]"),
        (json!({ "items": { "type": "array", "items": { "$ref": "#/definitions/A" } } }), "A[][]"),
        (
            json!({ "type": "array", "items": [{ "type": "integer" }, true], "minItems": 2, "maxItems": 2 }),
            "[integer, any]",
        ),
        (json!({ "prefixItems": [{ "type": "integer" }], "items": { "type": "string" } }), "[integer?, ...string[]]"),
        (json!({ "type": "object" }), "object"),
        (json!({ "type": "object", "additionalProperties": false }), "{}"),
        (json!({ "additionalProperties": { "type": "integer" } }), "{ [key]: integer }"),
        (json!({ "patternProperties": { "^x-": true } }), "{ [/^x-/]: any }"),
        (
            json!({
                "type": "object",
                "properties": { "a": { "type": "string" }, "b c": { "type": "integer" } },
                "required": ["b c"],
            }),
            "{ \"b c\": integer, a?: string }",
        ),
        (json!({ "anyOf": [{ "type": "null" }, { "$ref": "#/components/schemas/User" }] }), "User | null"),
        (json!({ "oneOf": [{ "type": "string" }, { "type": "string" }] }), "string"),
        (json!({ "anyOf": [] }), "any"),
        (json!({ "allOf": [{ "$ref": "#/definitions/A" }], "description": "x" }), "A"),
        (
            json!({ "allOf": [{ "$ref": "#/definitions/A" }, { "anyOf": [{ "const": 1 }, { "const": 2 }] }] }),
            "A & (1 | 2)",
        ),
        (
            json!({ "type": "object", "properties": { "a": true }, "oneOf": [{ "$ref": "#/$defs/B" }] }),
            "{ a?: any } & B",
        ),
        (json!({ "not": { "type": ["string", "null"] } }), "not (string | null)"),
        (json!({ "$ref": "#/components/schemas/a~1b" }), "a/b"),
        (json!({ "$ref": "other.json#/x y" }), "\"other.json#/x y\""),
    ] {
        assert_eq!(notation(&schema), expected, "{schema}");
    }
}

#[test]
fn broken_keywords_do_no_harm() {
    for schema in [
        json!({ "type": 7, "enum": {}, "items": 1, "required": "a", "properties": [] }),
        json!({ "anyOf": 1, "allOf": {}, "oneOf": "x", "not": 3, "$ref": 1 }),
        json!({ "type": ["object", 1], "properties": { "": 1 }, "additionalProperties": "yes" }),
        json!({ "type": [] }),
        json!([null]),
    ] {
        assert!(!notation(&schema).is_empty());
        assert!(definition("A", &schema).starts_with("A ="));
        assert_eq!(named_types([&schema], |_| None), []);
    }
}

#[test]
fn deep_types_are_cut() {
    let deep = (0..100).fold(json!(true), |inner, _| json!({ "type": "array", "items": inner }));
    assert!(notation(&deep).contains("..."));
    let wide = (0..60).fold(json!(true), |inner, _| json!({ "anyOf": [inner, { "const": 1 }], "not": { "const": 2 } }));
    assert!(notation(&wide).len() < 2000);
}

#[test]
fn many_alternatives_are_cut() {
    let mut names: Vec<_> = (0..60_000).map(|name| json!(name.to_string())).collect();
    names.push(Value::Null);
    let text = notation(&json!({ "enum": names }));
    assert!(text.ends_with(r#" | "47" | ... | null"#), "{text}");
    let all: Vec<_> = names.iter().map(|name| json!({ "const": name })).collect();
    assert!(notation(&json!({ "allOf": &all[..1000] })).contains("& \"999\""));
    assert!(definition("A", &json!({ "oneOf": all })).ends_with("\n  | \"47\"\n  | ..."));
}

#[test]
fn a_long_definition_has_lines() {
    let user = json!({
        "type": "object",
        "properties": {
            "id": { "type": "integer", "description": "\n The number.\nMore." },
            "friend": { "anyOf": [{ "$ref": "#/components/schemas/User" }, { "type": "null" }] },
        },
        "required": ["id"],
    });
    assert_eq!(
        definition("User", &user),
        "User = {\n  id: integer           // The number.\n  friend?: User | null\n}"
    );
    let kinds: Vec<_> = (0..8).map(|kind| json!({ "properties": { "kind": { "const": kind } } })).collect();
    let shape = definition("Shape", &json!({ "oneOf": kinds }));
    assert!(shape.starts_with("Shape =\n  | { kind?: 0 }\n  | { kind?: 1 }"), "{shape}");
    assert_eq!(definition("Id", &json!({ "type": "string" })), "Id = string");
}

#[test]
fn named_types_come_once_and_in_the_order_of_use() {
    let types = json!({
        "A": { "properties": { "b": { "$ref": "#/B" }, "a": { "$ref": "#/A" }, "enum": { "items": { "$ref": "#/D" } } } },
        "B": { "type": "array", "items": { "$ref": "#/A" }, "default": { "$ref": "#/Never" } },
        "D": { "enum": [{ "$ref": "#/Never" }] },
    });
    let resolve = |reference: &str| types.get(reference.trim_start_matches("#/"));
    let schemas = [json!({ "$ref": "#/B" }), json!({ "$ref": "#/Missing" })];
    let found = named_types(&schemas, resolve);
    let names: Vec<_> = found.iter().map(|named| (named.reference, named.schema.is_some())).collect();
    assert_eq!(names, [("#/B", true), ("#/Missing", false), ("#/A", true), ("#/D", true)]);
}

#[test]
fn any_value_is_accepted_as_a_schema() {
    // Each keyword with each kind of value, alone and in pairs.
    let keywords = [
        "type",
        "enum",
        "const",
        "properties",
        "required",
        "additionalProperties",
        "patternProperties",
        "items",
        "prefixItems",
        "additionalItems",
        "minItems",
        "maxItems",
        "anyOf",
        "oneOf",
        "allOf",
        "not",
        "$ref",
        "nullable",
        "format",
        "description",
    ];
    let values = [json!(null), json!(true), json!(-1.5), json!("object"), json!([]), json!([{}, 1]), json!({ "a": 1 })];
    for (one, other) in keywords.iter().flat_map(|one| keywords.iter().map(move |other| (one, other))) {
        for value in &values {
            for second in &values {
                let schema = Value::Object(
                    [(*one, value), (*other, second)].map(|(k, v)| (k.to_owned(), v.clone())).into_iter().collect(),
                );
                assert!(!notation(&schema).is_empty() && !definition("A", &schema).is_empty(), "{schema}");
            }
        }
    }
}
