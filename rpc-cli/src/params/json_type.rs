//! [`JsonTypes`]: which types of JSON values a schema allows, and how the text of a command line becomes one of them.

use std::cell::Cell;
use std::fmt;

use serde_json::{Map, Value};

/// A set of JSON types.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct JsonTypes(u8);

const NULL: u8 = 1;
const BOOLEAN: u8 = 1 << 1;
const INTEGER: u8 = 1 << 2;
/// Numbers that are no integers.
const FRACTION: u8 = 1 << 3;
const STRING: u8 = 1 << 4;
const ARRAY: u8 = 1 << 5;
const OBJECT: u8 = 1 << 6;
const ANY: u8 = 0x7f;
const NUMBER: u8 = INTEGER | FRACTION;

/// How many schemas are visited for one parameter. A chain of references may have no end.
const MAX_VISITS: u32 = 1000;

impl JsonTypes {
    pub(super) const ALL: Self = Self(ANY);

    /// Returns the types that a schema allows. `resolve` finds the schema of a reference.
    pub(super) fn of<'a>(schema: &'a Value, resolve: &dyn Fn(&str) -> Option<&'a Value>) -> Self {
        Self(Reader { resolve, visits: Cell::new(MAX_VISITS) }.types(schema))
    }

    /// Returns whether a value can be an object.
    pub(super) fn has_objects(self) -> bool {
        self.0 & OBJECT != 0
    }

    /// Makes JSON of the text of a value. A string needs no quotes.
    ///
    /// Returns `None` if the text is no value of these types.
    pub(super) fn write(self, text: &str) -> Option<String> {
        let as_string = || Value::from(text).to_string();
        if self.0 == STRING {
            return Some(as_string());
        }
        let json: Option<&serde_json::value::RawValue> = serde_json::from_str(text).ok();
        match json {
            Some(json) if self.0 & type_of(json.get()) != 0 => Some(json.get().to_owned()),
            _ if self.0 & STRING != 0 => Some(as_string()),
            _ => None,
        }
    }
}

/// Returns the type of a JSON text.
fn type_of(json: &str) -> u8 {
    match json.as_bytes().first() {
        Some(b'n') => NULL,
        Some(b't' | b'f') => BOOLEAN,
        Some(b'"') => STRING,
        Some(b'[') => ARRAY,
        Some(b'{') => OBJECT,
        _ if json.bytes().all(|byte| byte == b'-' || byte.is_ascii_digit()) => INTEGER,
        _ if json.parse::<f64>().is_ok_and(|number| number.fract() == 0.0) => INTEGER,
        _ => FRACTION,
    }
}

/// Writes the types as a user calls them, such as `an integer or null`.
impl fmt::Display for JsonTypes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names = [
            (NUMBER, "a number"),
            (INTEGER, "an integer"),
            (FRACTION, "a fraction"),
            (BOOLEAN, "a boolean"),
            (STRING, "a string"),
            (ARRAY, "an array"),
            (OBJECT, "an object"),
            (NULL, "null"),
        ];
        let mut left = self.0;
        let mut separator = "";
        for (types, name) in names {
            if left & types == types {
                left &= !types;
                write!(f, "{separator}{name}")?;
                separator = " or ";
            }
        }
        if separator.is_empty() { f.write_str("nothing") } else { Ok(()) }
    }
}

/// Reads schemas.
struct Reader<'r, 'a> {
    resolve: &'r dyn Fn(&str) -> Option<&'a Value>,
    visits: Cell<u32>,
}

impl<'a> Reader<'_, 'a> {
    fn types(&self, schema: &'a Value) -> u8 {
        let Some(left) = self.visits.get().checked_sub(1) else { return ANY };
        self.visits.set(left);
        match schema {
            Value::Bool(false) => 0,
            Value::Object(schema) => self.of_keywords(schema),
            _ => ANY,
        }
    }

    /// Returns the types that all keywords together allow.
    fn of_keywords(&self, schema: &'a Map<String, Value>) -> u8 {
        let mut types = ANY;
        if let Some(reference) = schema.get("$ref").and_then(Value::as_str) {
            types &= (self.resolve)(reference).map_or(ANY, |schema| self.types(schema));
        }
        match schema.get("type") {
            Some(Value::String(name)) => types &= named(name),
            Some(Value::Array(names)) => {
                types &= names.iter().filter_map(Value::as_str).fold(0, |types, name| types | named(name));
            }
            _ => {}
        }
        if let Some(Value::Array(values)) = schema.get("enum") {
            types &= values.iter().fold(0, |types, value| types | type_of(&value.to_string()));
        }
        if let Some(value) = schema.get("const") {
            types &= type_of(&value.to_string());
        }
        for keyword in ["anyOf", "oneOf"] {
            if let Some(Value::Array(schemas)) = schema.get(keyword) {
                types &= schemas.iter().fold(0, |types, schema| types | self.types(schema));
            }
        }
        if let Some(Value::Array(schemas)) = schema.get("allOf") {
            types = schemas.iter().fold(types, |types, schema| types & self.types(schema));
        }
        // A keyword of earlier drafts.
        if schema.get("nullable") == Some(&Value::Bool(true)) {
            types |= NULL;
        }
        types
    }
}

fn named(name: &str) -> u8 {
    match name {
        "null" => NULL,
        "boolean" => BOOLEAN,
        "integer" => INTEGER,
        "number" => NUMBER,
        "string" => STRING,
        "array" => ARRAY,
        "object" => OBJECT,
        _ => ANY,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::JsonTypes;

    fn types(schema: &Value) -> String {
        let definitions = json!({
            "Id": { "type": "string" },
            "Loop": { "anyOf": [{ "$ref": "Loop" }, { "$ref": "Loop" }, { "type": "null" }] },
        });
        JsonTypes::of(schema, &|name| definitions.get(name)).to_string()
    }

    #[test]
    fn schemas_allow_types() {
        for (schema, expected) in [
            (json!({ "type": "string", "minLength": 1 }), "a string"),
            (json!({ "type": ["string", "null"] }), "a string or null"),
            (json!({ "type": "number" }), "a number"),
            (json!({ "type": "integer", "nullable": true }), "an integer or null"),
            (json!({ "enum": ["a", "b"] }), "a string"),
            (json!({ "const": 1.5 }), "a fraction"),
            (json!({ "$ref": "Id" }), "a string"),
            (json!({ "anyOf": [{ "$ref": "Id" }, { "type": "null" }] }), "a string or null"),
            (json!({ "oneOf": [{ "const": "a" }, { "type": "object" }] }), "a string or an object"),
            (json!({ "allOf": [{ "type": ["string", "boolean"] }, { "type": ["boolean", "array"] }] }), "a boolean"),
            (json!(false), "nothing"),
        ] {
            assert_eq!(types(&schema), expected, "{schema}");
        }
        let all = "a number or a boolean or a string or an array or an object or null";
        for schema in [json!({}), json!(true), json!({ "type": "other" }), json!({ "$ref": "None" }), json!(1)] {
            assert_eq!(types(&schema), all, "{schema}");
        }
        assert_eq!(types(&json!({ "$ref": "Loop" })), all, "a chain of references without an end allows everything");
    }

    #[test]
    fn text_becomes_a_value_of_the_schema() {
        for (schema, text, expected) in [
            (json!({ "type": "string" }), "1", Some(r#""1""#)),
            (json!({ "type": "string" }), r#"a"b\"#, Some(r#""a\"b\\""#)),
            (json!({ "type": "integer" }), "18446744073709551616", Some("18446744073709551616")),
            (json!({ "type": "integer" }), "1.0", Some("1.0")),
            (json!({ "type": "integer" }), "1.5", None),
            (json!({ "type": "integer" }), "abc", None),
            (json!({ "type": "integer" }), "\"1\"", None),
            (json!({ "type": "integer" }), "-7", Some("-7")),
            (json!({ "type": "number" }), "1.50", Some("1.50")),
            (json!({ "type": "boolean" }), "true", Some("true")),
            (json!({ "type": ["string", "null"] }), "null", Some("null")),
            (json!({ "type": ["string", "null"] }), "1", Some(r#""1""#)),
            (json!({ "type": ["string", "integer"] }), "1", Some("1")),
            (json!({ "type": ["string", "integer"] }), "\"1\"", Some("\"1\"")),
            (json!({ "type": "array" }), " [1, 2] ", Some("[1, 2]")),
            (json!({}), "{\"a\":1}", Some("{\"a\":1}")),
            (json!({}), "a", Some("\"a\"")),
            (json!({}), "", Some("\"\"")),
        ] {
            let written = JsonTypes::of(&schema, &|_| None).write(text);
            assert_eq!(written.as_deref(), expected, "{schema} {text}");
        }
    }
}
