//! Makes an example of a value that a JSON Schema allows, from its examples and defaults or else from its types.

use std::cell::Cell;

use serde_json::{Map, Number, Value};

/// How many schemas are visited for one example. A type may contain itself.
const MAX_VISITS: u32 = 500;

/// How deep an example is.
const MAX_DEPTH: u32 = 16;

/// How many bytes an example has at most.
const MAX_BYTES: usize = 4096;

/// Returns a value that the schema allows as far as that can be told, or `None` if none is found or it would be long.
/// `resolve` finds the schema of a reference.
pub(crate) fn example_value<'a>(schema: &'a Value, resolve: &dyn Fn(&str) -> Option<&'a Value>) -> Option<Value> {
    Examples { resolve, visits: Cell::new(MAX_VISITS), bytes: Cell::new(MAX_BYTES) }.of(schema, 0)
}

struct Examples<'r, 'a> {
    resolve: &'r dyn Fn(&str) -> Option<&'a Value>,
    visits: Cell<u32>,
    /// How many bytes the example may still get.
    bytes: Cell<usize>,
}

impl<'a> Examples<'_, 'a> {
    fn of(&self, schema: &'a Value, depth: u32) -> Option<Value> {
        let left = self.visits.get().checked_sub(1).filter(|_| depth <= MAX_DEPTH)?;
        self.visits.set(left);
        let object = match schema {
            Value::Bool(true) => return Some(Value::from("value")),
            Value::Object(object) => object,
            _ => return None,
        };
        if let Some(reference) = object.get("$ref").and_then(Value::as_str) {
            return self.of((self.resolve)(reference)?, depth + 1);
        }
        if let Some(given) = given(object) {
            self.spend(given.to_string().len())?;
            return Some(given.clone());
        }
        if let Some(Value::Array(parts)) = object.get("allOf").filter(|parts| **parts != Value::Array(Vec::new())) {
            return self.joined(object, parts, depth);
        }
        let alternatives = ["anyOf", "oneOf"].into_iter().find_map(|keyword| object.get(keyword)?.as_array());
        let Some(alternatives) = alternatives.filter(|schemas| !schemas.is_empty()) else {
            return self.of_type(object, depth);
        };
        // `null` shows little.
        let of_one = |schema| self.of(schema, depth + 1);
        let one = alternatives.iter().filter_map(of_one).find(|value| !value.is_null()).or_else(|| {
            alternatives
                .iter()
                .any(|schema| schema.get("type").is_some_and(|name| name == "null"))
                .then_some(Value::Null)
        })?;
        Some(merged(self.of_type(object, depth), one))
    }

    /// Joins the examples of schemas that all hold, and that of the object's own keywords.
    fn joined(&self, object: &'a Map<String, Value>, parts: &'a [Value], depth: u32) -> Option<Value> {
        let mut all = None;
        for part in parts {
            all = Some(merged(all, self.of(part, depth + 1)?));
        }
        let own = object.contains_key("properties").then(|| self.of_type(object, depth)).flatten();
        Some(merged(own, all?))
    }

    /// Counts bytes of the example. Returns `None` once it has too many.
    fn spend(&self, bytes: usize) -> Option<()> {
        self.bytes.set(self.bytes.get().checked_sub(bytes)?);
        Some(())
    }

    fn of_type(&self, object: &'a Map<String, Value>, depth: u32) -> Option<Value> {
        let name = match object.get("type") {
            Some(Value::String(name)) => Some(name.as_str()),
            Some(Value::Array(names)) => {
                let names = || names.iter().filter_map(Value::as_str);
                names().find(|name| *name != "null").or_else(|| names().next())
            }
            _ if object.contains_key("properties") => Some("object"),
            _ if object.contains_key("items") => Some("array"),
            _ => None,
        };
        match name {
            Some("integer") => Some(Value::Number(integer(object))),
            Some("number") => number(object),
            Some("boolean") => Some(Value::Bool(true)),
            Some("null") => Some(Value::Null),
            Some("array") => self.array(object, depth),
            Some("object") => self.object(object, depth),
            Some("string") => {
                let text = string(object)?;
                self.spend(text.len())?;
                Some(Value::String(text))
            }
            Some(_) => None,
            None => Some(Value::from("value")),
        }
    }

    fn array(&self, object: &'a Map<String, Value>, depth: u32) -> Option<Value> {
        let least = object.get("minItems").and_then(Value::as_u64).unwrap_or(0);
        let tuple = object.get("prefixItems").or(object.get("items")).and_then(Value::as_array);
        if let Some(tuple) = tuple {
            return tuple.iter().map(|item| self.of(item, depth + 1)).collect::<Option<_>>().map(Value::Array);
        }
        let Some(item) = object.get("items") else { return (least == 0).then(|| Value::Array(Vec::new())) };
        match self.of(item, depth + 1) {
            None if least == 0 => Some(Value::Array(Vec::new())),
            None => None,
            // Equal items would not be unique.
            Some(_) if least > 1 && object.get("uniqueItems") == Some(&Value::Bool(true)) => None,
            Some(item) => {
                let count = usize::try_from(least.clamp(1, 100)).ok()?;
                // The item itself is paid for. Arrays in arrays would multiply.
                self.spend(item.to_string().len() * (count - 1))?;
                Some(Value::Array(vec![item; count]))
            }
        }
    }

    /// Makes an object with the required members only.
    fn object(&self, object: &'a Map<String, Value>, depth: u32) -> Option<Value> {
        let properties = object.get("properties").and_then(Value::as_object);
        let required = object.get("required").and_then(Value::as_array).into_iter().flatten();
        let member = |name: &'a Value| {
            let name = name.as_str()?;
            self.spend(name.len() + 1)?;
            let schema = properties.and_then(|properties| properties.get(name));
            let value = schema.map_or_else(|| Some(Value::from("value")), |schema| self.of(schema, depth + 1))?;
            Some((name.to_owned(), value))
        };
        required.map(member).collect::<Option<_>>().map(Value::Object)
    }
}

/// Returns a value that the schema itself names.
fn given(object: &Map<String, Value>) -> Option<&Value> {
    let first = |keyword| object.get(keyword).and_then(Value::as_array).and_then(|values| values.first());
    let default = object.get("default").filter(|default| !default.is_null());
    object.get("const").or_else(|| first("examples")).or(object.get("example")).or(default).or_else(|| first("enum"))
}

/// Adds the members of an object to those of another. Values of other types replace it.
fn merged(base: Option<Value>, value: Value) -> Value {
    match (base, value) {
        (Some(Value::Object(mut members)), Value::Object(more)) => {
            members.extend(more);
            Value::Object(members)
        }
        (_, value) => value,
    }
}

fn integer(object: &Map<String, Value>) -> Number {
    let bound = |keyword| object.get(keyword).and_then(Value::as_f64);
    let least = bound("minimum").map(f64::ceil).or(bound("exclusiveMinimum").map(|least| least.floor() + 1.0));
    let most = bound("maximum").map(f64::floor).or(bound("exclusiveMaximum").map(|most| most.ceil() - 1.0));
    let step = bound("multipleOf").filter(|step| *step >= 1.0).unwrap_or(1.0);
    let mut value = step;
    if let Some(least) = least.filter(|least| *least > value) {
        value = (least / step).ceil() * step;
    }
    if let Some(most) = most.filter(|most| *most < value) {
        value = (most / step).floor() * step;
    }
    // Values that no i64 holds become the nearest one.
    #[expect(clippy::cast_possible_truncation, reason = "the bounds of an example need no more digits")]
    Number::from(value as i64)
}

fn number(object: &Map<String, Value>) -> Option<Value> {
    let bound = |keyword| object.get(keyword).and_then(Value::as_f64);
    let least = bound("minimum").or(bound("exclusiveMinimum"));
    let most = bound("maximum").or(bound("exclusiveMaximum"));
    let value = match (least, most) {
        (Some(least), Some(most)) => f64::midpoint(least, most),
        (Some(least), None) if least >= 1.5 => least + 1.0,
        (None, Some(most)) if most <= 1.5 => most - 1.0,
        _ => bound("multipleOf").unwrap_or(1.5),
    };
    Number::from_f64(value).map(Value::Number)
}

/// Returns a text of the schema's format and length. A pattern is too much.
fn string(object: &Map<String, Value>) -> Option<String> {
    if object.contains_key("pattern") {
        return None;
    }
    let text = match object.get("format").and_then(Value::as_str) {
        Some("uuid") => "67e55044-10b1-426f-9247-bb680e5fe0c8",
        Some("date-time") => "2030-01-31T12:00:00Z",
        Some("date") => "2030-01-31",
        Some("time" | "partial-date-time") => "12:00:00Z",
        Some("duration") => "PT1H",
        Some("email") => "user@example.org",
        Some("hostname") => "example.org",
        Some("uri" | "url" | "iri" | "uri-reference") => "https://example.org/",
        Some("ipv4" | "ip") => "192.0.2.1",
        Some("ipv6") => "2001:db8::1",
        _ => "text",
    };
    let limit = |keyword| object.get(keyword).and_then(Value::as_u64).and_then(|limit| usize::try_from(limit).ok());
    let least = limit("minLength").unwrap_or(0).min(1000);
    let mut text: String = text.chars().take(limit("maxLength").unwrap_or(usize::MAX)).collect();
    while text.len() < least {
        text.push('x');
    }
    Some(text)
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::example_value;

    fn of(schema: &Value) -> Option<Value> {
        let types = json!({
            "User": { "type": "object", "properties": { "id": { "type": "integer" }, "friend": { "$ref": "#/User" } },
                "required": ["id"] },
            "Endless": { "type": "object", "properties": { "next": { "$ref": "#/Endless" } }, "required": ["next"] },
            "Circle": { "$ref": "#/Circle" },
        });
        let types: &'static Value = Box::leak(Box::new(types));
        let schema: &'static Value = Box::leak(Box::new(schema.clone()));
        example_value(schema, &|reference| types.get(reference.trim_start_matches("#/")))
    }

    #[test]
    fn named_values_come_first() {
        assert_eq!(of(&json!({ "const": 7 })), Some(json!(7)));
        assert_eq!(of(&json!({ "type": "string", "examples": ["a"], "default": "b" })), Some(json!("a")));
        assert_eq!(of(&json!({ "type": "integer", "default": 2 })), Some(json!(2)));
        assert_eq!(of(&json!({ "type": ["string", "null"], "default": null })), Some(json!("text")));
        assert_eq!(of(&json!({ "enum": ["asc", "desc"] })), Some(json!("asc")));
    }

    #[test]
    fn types_and_bounds_are_kept() {
        for (schema, expected) in [
            (json!({ "type": "integer", "minimum": 0 }), json!(1)),
            (json!({ "type": "integer", "minimum": 10, "multipleOf": 4 }), json!(12)),
            (json!({ "type": "integer", "maximum": 0 }), json!(0)),
            (json!({ "type": "integer", "exclusiveMinimum": 5 }), json!(6)),
            (json!({ "type": "number", "minimum": 0, "maximum": 1 }), json!(0.5)),
            (json!({ "type": "string", "minLength": 6 }), json!("textxx")),
            (json!({ "type": "string", "maxLength": 2 }), json!("te")),
            (json!({ "type": "array", "items": { "type": "boolean" } }), json!([true])),
            (json!({ "type": "array", "items": [{ "type": "integer" }, { "type": "null" }] }), json!([1, null])),
            (json!({ "$ref": "#/User" }), json!({ "id": 1 })),
            (json!({ "anyOf": [{ "type": "null" }, { "$ref": "#/User" }] }), json!({ "id": 1 })),
            (json!({ "anyOf": [{ "$ref": "#/Endless" }, { "type": "null" }] }), json!(null)),
            (
                json!({ "properties": { "a": { "const": 1 } }, "required": ["a"], "oneOf": [{ "$ref": "#/User" }] }),
                json!({ "a": 1, "id": 1 }),
            ),
            (json!({ "allOf": [{ "$ref": "#/User" }], "description": "x" }), json!({ "id": 1 })),
        ] {
            assert_eq!(of(&schema), Some(expected), "{schema}");
        }
    }

    #[test]
    fn long_examples_are_none() {
        let text = json!({ "type": "string", "minLength": 1000 });
        let array = |items: Value| json!({ "type": "array", "minItems": 100, "items": items });
        assert_eq!(of(&(0..5).fold(text.clone(), |items, _| array(items))), None);
        assert_eq!(of(&array(json!({ "const": "x".repeat(100) }))), None);
        assert_eq!(of(&json!({ "default": "x".repeat(5000) })), None);
        let names: Vec<_> = (0..2000).map(|name| name.to_string()).collect();
        assert_eq!(of(&json!({ "type": "object", "required": names })), None);
        assert_eq!(of(&array(json!({ "type": "integer" }))), Some(json!(vec![1; 100])));
    }

    #[test]
    fn what_cannot_be_made_is_none() {
        for schema in [
            json!(false),
            json!({ "$ref": "#/Endless" }),
            json!({ "$ref": "#/Circle" }),
            json!({ "$ref": "#/Missing" }),
            json!({ "type": "string", "pattern": "^a" }),
            json!({ "type": "array", "items": { "type": "integer" }, "minItems": 2, "uniqueItems": true }),
        ] {
            assert_eq!(of(&schema), None, "{schema}");
        }
    }
}
