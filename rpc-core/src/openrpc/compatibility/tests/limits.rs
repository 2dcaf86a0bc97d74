//! Comparisons of schemas that are large, refer to each other many times, or refer to nothing.

use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::openrpc::compatibility::inclusion::are_same;
use crate::openrpc::compatibility::{SchemaIn, Undescribed, Violation, ViolationKind, violations};

fn refer(name: impl std::fmt::Display) -> Value {
    json!({ "$ref": format!("#/{name}") })
}

/// Compares the schema `name` of two documents.
fn compare(a: &Value, b: &Value, name: &str) -> Vec<Violation> {
    let (a, b) = (SchemaIn { schema: &a[name], document: a }, SchemaIn { schema: &b[name], document: b });
    violations(a, b, Undescribed::Absent)
}

/// Compares two schemas without a document.
fn compare_alone(a: &Value, b: &Value) -> Vec<Violation> {
    let (a, b) = (SchemaIn { schema: a, document: &Value::Null }, SchemaIn { schema: b, document: &Value::Null });
    violations(a, b, Undescribed::Absent)
}

fn are_incomparable(found: &[Violation]) -> bool {
    found.iter().any(|violation| matches!(violation.kind, ViolationKind::Incomparable(_)))
}

#[test]
fn references_to_nothing_that_is_known_prove_nothing() {
    let with = |reference: &str, ty: &str| json!({ "allOf": [{ "$ref": reference }], "definitions": { "X": { "$id": "#x", "type": ty } } });
    for reference in ["#/definitions/X", "#x", "#", "other.json#/X"] {
        let found = compare_alone(&with(reference, "integer"), &with(reference, "string"));
        assert!(are_incomparable(&found), "{reference}: {found:?}");
    }
    let dynamic = |ty: &str| json!({ "$dynamicRef": "#x", "$defs": { "X": { "$dynamicAnchor": "x", "type": ty } } });
    assert!(are_incomparable(&compare_alone(&dynamic("integer"), &dynamic("string"))));
}

#[test]
fn identical_schemas_are_the_same_if_their_references_stay_inside_or_their_documents_are_identical() {
    let inner = json!({ "allOf": [refer("definitions/X")], "definitions": { "X": { "type": "integer" } } });
    let (one, other) = (json!({ "A": inner, "B": 1 }), json!({ "A": inner, "B": 2 }));
    assert_eq!(compare(&one, &other, "A"), []);
    let foreign = json!({ "A": { "$ref": "other.json#/X" }, "B": 1 });
    assert_eq!(compare(&foreign, &foreign.clone(), "A"), []);
    assert!(are_incomparable(&compare(&foreign, &json!({ "A": foreign["A"], "B": 2 }), "A")));
    let same = |one: &Value, other: &Value| {
        are_same(SchemaIn { schema: &one["A"], document: one }, SchemaIn { schema: &other["A"], document: other })
    };
    assert!(same(&one, &other) && same(&foreign, &foreign.clone()));
    assert!(!same(&foreign, &json!({ "A": foreign["A"], "B": 2 })));
}

#[test]
fn a_value_under_types_that_refer_to_themselves_or_to_others_many_times_ends() {
    let itself = json!({ "A": { "anyOf": [refer("A"), refer("A")] }, "P": { "enum": ["x"] } });
    let mut changed = itself.clone();
    changed["P"] = refer("A");
    let start = Instant::now();
    assert!(are_incomparable(&compare(&itself, &changed, "P")));

    let mut chain = json!({ "T30": { "type": "string" }, "P": { "const": "x" } });
    for level in 0..30 {
        let next = refer(format!("T{}", level + 1));
        chain[format!("T{level}")] = json!({ "anyOf": [{ "type": "null" }, next, { "allOf": [next] }] });
    }
    let mut changed = chain.clone();
    changed["P"] = refer("T0");
    assert_eq!(compare(&chain, &changed, "P"), []);
    assert!(start.elapsed() < Duration::from_secs(20));
}

#[test]
fn long_chains_of_references_end_without_a_stack_overflow() {
    let mut document = json!({ "T50000": { "type": "integer" } });
    for level in 0..50_000 {
        document[format!("T{level}")] = refer(format!("T{}", level + 1));
    }
    let mut changed = document.clone();
    changed["T50000"] = json!({ "type": "string" });
    assert_ne!(compare(&document, &changed, "T0"), []);
    assert_ne!(compare(&json!({ "T0": { "type": "integer" } }), &document, "T0"), []);
    assert_eq!(compare(&document, &document.clone(), "T0"), []);
}

#[test]
fn values_of_long_lists_are_looked_up() {
    let list = |count: usize| json!({ "enum": (0..count).map(|index| format!("v{index}")).collect::<Vec<_>>() });
    let start = Instant::now();
    assert_eq!(compare_alone(&list(20_000), &list(20_001)), []);
    assert_eq!(compare_alone(&list(20_000), &list(10_000)).len(), 10_000);
    assert!(start.elapsed() < Duration::from_secs(20));
}

/// Returns types that all refer to each other.
fn mesh(count: usize, is_nullable: bool) -> Value {
    let other = |name: usize| match is_nullable {
        true => json!({ "anyOf": [refer(format!("T{name}")), { "type": "null" }] }),
        false => refer(format!("T{name}")),
    };
    let properties: Value = (0..count).map(|name| (format!("t{name}"), other(name))).collect();
    (0..count).map(|name| (format!("T{name}"), json!({ "type": "object", "properties": properties }))).collect()
}

#[test]
fn types_that_all_refer_to_each_other_are_compared_to_the_end() {
    for is_nullable in [false, true] {
        let old = mesh(9, is_nullable);
        let mut new = old.clone();
        new["T8"]["properties"]["more"] = json!({ "type": "integer" });
        assert_eq!(compare(&new, &old, "T0"), [], "{is_nullable}");
        new["T8"]["required"] = json!(["more"]);
        let found = compare(&old, &new, "T0");
        assert!(!found.is_empty() && !are_incomparable(&found), "{is_nullable}: {found:?}");
    }
}

#[test]
fn types_of_any_depth_are_the_same_as_themselves() {
    let document: Value = (0..500)
        .map(|level| {
            let next = refer(format!("T{}", level + 1));
            (format!("T{level}"), json!({ "type": "object", "properties": { "next": next } }))
        })
        .chain([("T500".to_owned(), json!({ "type": "integer" }))])
        .collect();
    let mut other = document.clone();
    other["T500"]["description"] = json!("The end.");
    assert_eq!(compare(&document, &other, "T0"), []);
    other["T500"] = json!({ "type": "null" });
    assert_ne!(compare(&document, &other, "T0"), []);
}

#[test]
fn formats_of_numbers_are_ranges_of_numbers_only() {
    let plain = |ty: &str| json!({ "type": ty });
    let with = |ty: &str, format: &str| json!({ "type": ty, "format": format });
    for (a, b, is_included) in [
        (plain("string"), with("string", "int64"), false),
        (plain("string"), with("string", "double"), false),
        (with("string", "int64"), with("string", "int64"), true),
        (with("string", "int64"), plain("string"), true),
        (with("number", "double"), with("number", "float"), false),
        (plain("number"), with("number", "float"), false),
        (with("number", "float"), with("number", "double"), true),
        (plain("number"), with("number", "double"), true),
        (with("integer", "int16"), with("number", "float"), true),
        (with("integer", "int32"), with("number", "float"), false),
        (json!({ "enum": [0.5, 1] }), with("number", "float"), true),
        (json!({ "enum": [0.1] }), with("number", "float"), false),
        (json!({ "type": ["integer", "string"], "format": "int8" }), with("number", "int16"), false),
    ] {
        assert_eq!(compare_alone(&a, &b).is_empty(), is_included, "{a} and {b}");
    }
}
