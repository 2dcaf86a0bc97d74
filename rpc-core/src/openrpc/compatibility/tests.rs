mod answers;
mod described;
mod documents;
mod inclusion;
mod limits;
mod page;
mod rules;
mod unresolved;

use serde_json::{Value, json};

use super::{Change, compare};
use crate::openrpc::model::Description;

/// Returns a document with a method that has everything.
fn base() -> Value {
    json!({
        "openrpc": "1.3.2",
        "info": { "title": "Users", "version": "1.0.0" },
        "methods": [{
            "name": "user.get",
            "summary": "Looks a user up.",
            "params": [
                { "name": "id", "required": true, "schema": { "type": "integer" } },
                { "name": "depth", "schema": { "type": "integer", "default": 2 } },
            ],
            "result": { "name": "result", "schema": { "$ref": "#/components/schemas/User" } },
            "errors": [{ "code": 1001, "message": "not found" }],
            "x-errors": { "1001": { "name": "NotFound", "retryable": true, "data": { "type": "integer" } } },
            "x-effect": "none",
            "x-timeout-ms": 2000,
            "x-aliases": ["user.fetch"],
            "x-requires": ["admin"],
        }],
        "components": { "schemas": {
            "User": {
                "type": "object",
                "properties": { "id": { "type": "integer" }, "boss": { "$ref": "#/components/schemas/User" } },
                "required": ["id"],
            },
        } },
    })
}

/// Sets the value at a pointer, or removes it if the value is `null`.
fn set(document: &mut Value, pointer: &str, value: Value) {
    let (parent, last) = pointer.rsplit_once('/').unwrap();
    match document.pointer_mut(parent).unwrap_or_else(|| panic!("{pointer}")) {
        Value::Array(items) => match last.parse::<usize>().unwrap() {
            index if value.is_null() => drop(items.remove(index)),
            index if index == items.len() => items.push(value),
            index => items[index] = value,
        },
        Value::Object(members) if value.is_null() => drop(members.remove(last)),
        Value::Object(members) => drop(members.insert(last.to_owned(), value)),
        other => panic!("{pointer}: {other}"),
    }
}

fn describe(document: Value) -> Description {
    Description::try_from(document).unwrap()
}

fn changes(old: Value, new: Value) -> Vec<Change> {
    compare(&describe(old), &describe(new))
}
