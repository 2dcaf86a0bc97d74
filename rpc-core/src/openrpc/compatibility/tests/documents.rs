//! Whole documents: what is no change, and the order of changes.

use serde_json::{Value, json};

use super::{base, changes};
use crate::openrpc::compatibility::{Level, Rule};

/// Reverses the order of all members.
fn reversed(value: Value) -> Value {
    match value {
        Value::Object(members) => members.into_iter().rev().map(|(name, value)| (name, reversed(value))).collect(),
        Value::Array(items) => items.into_iter().map(reversed).collect(),
        other => other,
    }
}

#[test]
fn equal_documents_have_no_changes_whatever_their_order() {
    let mut old = base();
    let mut other = old["methods"][0].clone();
    (other["name"], other["x-aliases"]) = (json!("user.find"), json!([]));
    old["methods"].as_array_mut().unwrap().push(other);
    assert_eq!(changes(old.clone(), old.clone()), []);
    let mut new = reversed(old.clone());
    new["methods"].as_array_mut().unwrap().reverse();
    assert_eq!(changes(old, new), []);
}

#[test]
fn a_schema_may_move_to_the_components_without_another_meaning() {
    let mut new = base();
    new["components"]["schemas"]["Id"] = json!({ "type": "integer" });
    new["methods"][0]["params"][0]["schema"] = json!({ "$ref": "#/components/schemas/Id" });
    let found: Vec<_> = changes(base(), new).iter().map(|change| change.rule).collect();
    assert_eq!(found, [Rule::SchemaAdded, Rule::DocsChanged]);
}

#[test]
fn changes_are_sorted_by_level_and_place() {
    let mut new = base();
    new["methods"][0]["x-effect"] = json!("once");
    new["methods"][0]["x-aliases"] = json!([]);
    new["methods"][0]["summary"] = json!("Finds a user.");
    new["methods"][0]["params"][0]["schema"] = json!({ "type": "string" });
    new["methods"][0]["x-errors"]["1001"]["name"] = json!("Unknown");
    let found = changes(base(), new);
    let levels: Vec<_> = found.iter().map(super::Change::level).collect();
    assert_eq!(levels, [Level::Wire, Level::Wire, Level::Source, Level::Behaviour, Level::Compatible]);
    let lines: Vec<_> = found.iter().map(ToString::to_string).collect();
    assert_eq!(lines[0], "wire  alias-removed  user.get: the alias `user.fetch` is removed");
    assert_eq!(lines[1], "wire  param-type-narrowed  user.get, param `id`: `integer` is no longer accepted");
    assert!(found[3].is_breaking() && !found[4].is_breaking());
}

#[test]
fn what_is_inside_of_a_changed_place_is_not_told_again() {
    let schema = |inner: Value| json!({ "type": "object", "properties": { "a": inner } });
    let (mut old, mut new) = (base(), base());
    old["methods"][0]["result"]["schema"] = schema(schema(json!({ "type": "integer" })));
    new["methods"][0]["result"]["schema"] = schema(json!({ "type": "string" }));
    let found: Vec<_> = changes(old, new).iter().map(ToString::to_string).collect();
    assert_eq!(found, ["wire  result-type-changed  user.get, result, .a: may be `string` now"]);
}

#[test]
fn many_schemas_that_are_renamed_find_their_new_names() {
    let schema = |number: usize| json!({ "type": "object", "properties": { format!("p{number}"): { "$ref": "#/components/schemas/Id" } } });
    let all = |prefix: &str| {
        let mut document = base();
        for number in 0..1000 {
            document["components"]["schemas"][format!("{prefix}{number}")] = schema(number);
        }
        document["components"]["schemas"]["Id"] = json!({ "type": "integer", "minimum": 0 });
        document
    };
    let (old, mut new) = (all("Old"), all("New"));
    new["components"]["schemas"]["New7"]["properties"]["p7"] = json!({ "type": "integer", "minimum": 0.0 });
    new["components"]["schemas"]["New8"]["properties"]["p8"] = json!({ "type": "string" });
    let found = changes(old, new);
    let count = |rule: Rule| found.iter().filter(|change| change.rule == rule).count();
    let counts = [Rule::SchemaRenamed, Rule::SchemaRemoved, Rule::SchemaAdded].map(count);
    assert_eq!((counts, found.len()), ([999, 1, 1], 1001));
}

#[test]
fn a_document_equals_itself_whatever_its_depth() {
    let mut document = base();
    for number in 0..300 {
        let next = json!({ "$ref": format!("#/components/schemas/T{}", number + 1) });
        document["components"]["schemas"][format!("T{number}")] =
            json!({ "type": "object", "properties": { "next": next } });
    }
    document["components"]["schemas"]["T300"] = json!({ "type": "integer" });
    document["methods"][0]["result"]["schema"] = json!({ "$ref": "#/components/schemas/T0" });
    assert_eq!(changes(document.clone(), document), []);
}
