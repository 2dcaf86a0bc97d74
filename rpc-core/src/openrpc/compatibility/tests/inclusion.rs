//! Single comparisons of schemas. `tests/it/openrpc/compatibility.rs` has random ones.

use serde_json::{Value, json};

use crate::openrpc::compatibility::{SchemaIn, Undescribed, violations};

/// Returns the places and kinds of violations, with references into `document`.
fn found_in(document: &Value, a: &Value, b: &Value) -> Vec<String> {
    let (a, b) = (SchemaIn { schema: a, document }, SchemaIn { schema: b, document });
    let all = violations(a, b, Undescribed::Absent);
    all.into_iter().map(|violation| format!("{} {:?}", violation.place, violation.kind)).collect()
}

fn found(a: &Value, b: &Value) -> Vec<String> {
    found_in(&json!({}), a, b)
}

#[test]
fn forms_of_the_same_schema_include_each_other() {
    for (one, other) in [
        (json!({ "type": ["string", "null"] }), json!({ "anyOf": [{ "type": "string" }, { "type": "null" }] })),
        (json!({ "enum": ["a", "b"] }), json!({ "oneOf": [{ "const": "b" }, { "const": "a" }] })),
        (json!({ "type": "boolean" }), json!({ "enum": [true, false] })),
        (json!({ "type": "integer", "minimum": 1 }), json!({ "type": "integer", "exclusiveMinimum": 0 })),
        (json!({ "type": "integer", "format": "uint8" }), json!({ "type": "integer", "minimum": 0, "maximum": 255 })),
        (json!({ "allOf": [{ "type": "string" }, { "maxLength": 3 }] }), json!({ "type": "string", "maxLength": 3 })),
        (json!({ "type": "number" }), json!({ "anyOf": [{ "type": "integer" }, { "type": "number" }] })),
        (json!({ "not": { "type": "null" } }), json!({ "not": { "type": "null", "title": "None" } })),
        (json!(true), json!({ "description": "Anything." })),
    ] {
        assert_eq!(found(&one, &other), [""; 0], "{one} and {other}");
        // From `oneOf`, this needs the proof that no value is valid twice.
        assert_eq!(found(&other, &one), [""; 0], "{other} and {one}");
    }
}

#[test]
fn recursive_types_are_compared_to_the_end() {
    let list = |item: Value, next: &str| {
        let next = json!({ "anyOf": [{ "$ref": format!("#/{next}") }, { "type": "null" }] });
        json!({ "type": "object", "properties": { "item": item, "next": next }, "required": ["item"] })
    };
    let document = json!({
        "Whole": list(json!({ "type": "integer" }), "Whole"),
        "Any": list(json!({ "type": "number" }), "Any"),
        "Even": list(json!({ "type": "integer" }), "Odd"),
        "Odd": list(json!({ "type": "string" }), "Even"),
        "Loop": { "$ref": "#/Loop" },
    });
    let compare = |a: &str, b: &str| {
        let refer = |name: &str| json!({ "$ref": format!("#/{name}") });
        found_in(&document, &refer(a), &refer(b))
    };
    assert_eq!(compare("Whole", "Any"), [""; 0]);
    assert_eq!(compare("Any", "Whole"), [".item Type(TypeSet(8))"]);
    assert_eq!(compare("Even", "Any"), [".next.item Type(TypeSet(16))"]);
    assert_eq!(compare("Loop", "Loop"), [""; 0]);
    assert!(compare("Whole", "Loop")[0].contains("Incomparable"));
}

#[test]
fn what_cannot_be_proven_is_reported() {
    for (a, b) in [
        (json!({}), json!({ "not": { "type": "string", "pattern": "^a" } })),
        (json!({ "type": "string" }), json!({ "if": { "maxLength": 1 }, "then": { "pattern": "a" } })),
        (json!({ "type": "object" }), json!({ "dependencies": { "a": ["b"] } })),
        (json!({ "type": "object" }), json!({ "patternProperties": { "^a": { "type": "null" } } })),
        (json!({ "type": "array" }), json!({ "contains": { "type": "null" } })),
        (json!({ "type": "array" }), json!({ "prefixItems": [{ "type": "null" }] })),
        (json!({ "type": "object" }), json!({ "unevaluatedProperties": false })),
        (json!({ "enum": ["ab"] }), json!({ "pattern": "^a" })),
        (json!({ "type": "integer" }), json!({ "$ref": "#/nothing" })),
        (json!({ "type": "integer" }), json!({ "type": "int" })),
        (json!({ "type": "integer" }), json!({ "minimum": "1" })),
        (json!({ "type": "object" }), json!({ "oneOf": [{ "type": "object" }, { "required": ["a"] }] })),
    ] {
        let found = found(&a, &b);
        assert!(found.iter().any(|found| found.contains("Incomparable")), "{a} and {b}: {found:?}");
    }
}

fn in_nothing(schema: &Value) -> SchemaIn<'_> {
    SchemaIn { schema, document: &Value::Null }
}

#[test]
fn only_programs_leave_out_what_is_not_described() {
    let a = json!({ "type": "object", "properties": { "a": {} } });
    let b = json!({ "type": "object", "properties": { "a": {}, "b": { "type": "null" } } });
    assert_eq!(violations(in_nothing(&a), in_nothing(&b), Undescribed::Absent), []);
    assert_eq!(violations(in_nothing(&a), in_nothing(&b), Undescribed::Possible)[0].place, ".b");
    // A map, or a value of any form, may have any property.
    for open in
        [json!({ "type": "object" }), json!({}), json!({ "additionalProperties": {}, "properties": { "a": {} } })]
    {
        assert_ne!(violations(in_nothing(&open), in_nothing(&b), Undescribed::Absent), [], "{open}");
    }
}

#[test]
fn types_that_contain_each_other_many_times_end() {
    let mut document = json!({});
    for level in 0..40 {
        let next = json!({ "$ref": format!("#/T{}", level + 1) });
        document[format!("T{level}")] = json!({ "type": "object", "properties": { "a": next, "b": next } });
    }
    let (mut old, mut new) = (document.clone(), document);
    old["T40"] = json!({ "type": "integer" });
    new["T40"] = json!({ "type": "number" });
    let compare = |a: &Value, b: &Value| {
        violations(
            SchemaIn { schema: &a["T0"], document: a },
            SchemaIn { schema: &b["T0"], document: b },
            Undescribed::Absent,
        )
    };
    assert_eq!(compare(&old, &new), []);
    assert_ne!(compare(&new, &old), []);
}
