//! The keywords of JSON Schema that constrain values, and where schemas are inside of them.

use serde_json::{Map, Value};

/// What a keyword contains.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum KeywordShape {
    /// A value that is compared as it is.
    Plain,
    /// A schema.
    Schema,
    /// A list of schemas, or one schema.
    Schemas,
    /// Schemas by name.
    SchemasByName,
}

/// Returns the shape of a keyword, or `None` if the keyword does not constrain values.
pub(super) fn shape(keyword: &str) -> Option<KeywordShape> {
    Some(match keyword {
        "type" | "enum" | "const" | "required" | "pattern" | "format" | "multipleOf" | "minimum" | "maximum"
        | "exclusiveMinimum" | "exclusiveMaximum" | "minLength" | "maxLength" | "minItems" | "maxItems"
        | "uniqueItems" | "minProperties" | "maxProperties" | "minContains" | "maxContains" | "dependentRequired"
        | "$ref" | "$dynamicRef" | "$recursiveRef" => KeywordShape::Plain,
        "additionalProperties"
        | "additionalItems"
        | "propertyNames"
        | "contains"
        | "not"
        | "if"
        | "then"
        | "else"
        | "unevaluatedItems"
        | "unevaluatedProperties" => KeywordShape::Schema,
        "items" | "prefixItems" | "allOf" | "anyOf" | "oneOf" => KeywordShape::Schemas,
        "properties" | "patternProperties" | "dependentSchemas" | "dependencies" => KeywordShape::SchemasByName,
        _ => return None,
    })
}

/// Returns the constraints of a schema, without its reference.
pub(super) fn constraints(schema: &Map<String, Value>) -> impl Iterator<Item = (&str, KeywordShape, &Value)> {
    let all = schema.iter().filter_map(|(keyword, value)| Some((keyword.as_str(), shape(keyword)?, value)));
    all.filter(|(keyword, ..)| *keyword != "$ref")
}

/// Returns whether every value is valid under a schema, as far as can be told without its parts.
pub(super) fn is_unconstrained(schema: &Value) -> bool {
    match schema {
        Value::Bool(is_valid) => *is_valid,
        Value::Object(schema) => !schema.contains_key("$ref") && constraints(schema).next().is_none(),
        _ => false,
    }
}
