//! Random schemas, with all keywords that the comparison knows.

use serde_json::{Map, Value, json};

use super::choices::Choices;

/// Where the schemas of a document are.
pub(super) const PLACE: &str = "definitions";

/// The names of a document's schemas.
const NAMES: [&str; 3] = ["Root", "One", "Two"];

/// The names of properties.
pub(super) const PROPERTIES: [&str; 4] = ["a", "b", "c", "kind"];

pub(super) const TEXTS: [&str; 6] = ["", "a", "b", "ab", "abc", "aaaa"];

const TYPES: [&str; 7] = ["string", "integer", "object", "number", "array", "boolean", "null"];

/// Which schemas are made.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Forms {
    All,
    /// Without schemas that combine others for the same object, so that each says itself what its objects may have.
    Plain,
}

/// Makes a document of schemas that refer to each other.
pub(super) fn document(forms: Forms, choices: &mut Choices<'_>) -> Value {
    let schemas: Map<_, _> = NAMES.iter().map(|name| ((*name).to_owned(), schema(forms, 3, choices))).collect();
    json!({ PLACE: schemas })
}

/// Makes a schema of at most some depth. References are only inside of properties and items, so that each schema has a
/// meaning.
pub(super) fn schema(forms: Forms, depth: usize, choices: &mut Choices<'_>) -> Value {
    let leaf = depth == 0;
    match choices.below(if leaf { 7 } else { 16 }) {
        0 => json!({}),
        1 => integer(choices),
        2 => number(choices),
        3 => string(choices),
        4 => listed(choices),
        5 => json!({ "type": choices.pick(&["boolean", "null"]) }),
        6 => types(choices),
        7 | 8 => object(forms, depth - 1, choices),
        9 => json!({ "type": "object", "additionalProperties": inner(forms, depth - 1, choices) }),
        10 => array(forms, depth - 1, choices),
        11 => tuple(forms, depth - 1, choices),
        12 => union(forms, depth - 1, choices),
        13 => tagged(forms, depth - 1, choices),
        14 => json!({ "anyOf": [schema(forms, depth - 1, choices), { "type": "null" }] }),
        _ if forms == Forms::Plain => object(forms, depth - 1, choices),
        _ => combined(depth - 1, choices),
    }
}

/// Makes a schema inside of another one, which may be a reference.
fn inner(forms: Forms, depth: usize, choices: &mut Choices<'_>) -> Value {
    if choices.chance(1, 5) {
        return json!({ "$ref": format!("#/{PLACE}/{}", choices.pick(&NAMES)) });
    }
    match choices.below(20) {
        0 => json!(true),
        1 => json!(false),
        _ => schema(forms, depth, choices),
    }
}

/// Sets a keyword in a part of the cases.
fn maybe(schema: &mut Value, keyword: &str, choices: &mut Choices<'_>, value: impl FnOnce(&mut Choices<'_>) -> Value) {
    if choices.chance(2, 5) {
        schema[keyword] = value(choices);
    }
}

fn small(choices: &mut Choices<'_>) -> Value {
    json!(choices.below(8))
}

fn integer(choices: &mut Choices<'_>) -> Value {
    let mut schema = json!({ "type": "integer" });
    maybe(&mut schema, "minimum", choices, small);
    maybe(&mut schema, "maximum", choices, |choices| json!(choices.below(12)));
    maybe(&mut schema, "format", choices, |choices| json!(choices.pick(&["uint8", "int8", "uint16", "int64"])));
    if choices.chance(1, 5) {
        schema["multipleOf"] = json!(choices.below(4) + 1);
    }
    schema
}

fn number(choices: &mut Choices<'_>) -> Value {
    let half = |choices: &mut Choices<'_>| match choices.below(16) {
        even if even % 2 == 0 => json!(even / 2),
        #[allow(clippy::cast_precision_loss, reason = "small")]
        odd => json!(odd as f64 / 2.0),
    };
    let mut schema = json!({ "type": choices.pick(&["number", "integer"]) });
    maybe(&mut schema, "exclusiveMinimum", choices, half);
    maybe(&mut schema, "exclusiveMaximum", choices, half);
    maybe(&mut schema, "minimum", choices, half);
    maybe(&mut schema, "maximum", choices, half);
    schema
}

fn string(choices: &mut Choices<'_>) -> Value {
    let mut schema = json!({ "type": "string" });
    maybe(&mut schema, "minLength", choices, |choices| json!(choices.below(3)));
    maybe(&mut schema, "maxLength", choices, |choices| json!(choices.below(5)));
    if choices.chance(1, 5) {
        schema["pattern"] = json!(choices.pick(&["^a", "b$", "^[ab]*$"]));
    }
    schema
}

/// Makes a value that a schema may list.
pub(super) fn constant(choices: &mut Choices<'_>) -> Value {
    match choices.below(8) {
        0..=2 => json!(choices.pick(&TEXTS)),
        3 => json!(choices.below(6)),
        4 => json!(choices.pick(&[1.0, 0.5])),
        5 => choices.pick(&[Value::Null, true.into(), false.into()]).clone(),
        6 => json!([choices.below(3)]),
        _ => json!({ *choices.pick(&PROPERTIES): choices.pick(&TEXTS) }),
    }
}

fn listed(choices: &mut Choices<'_>) -> Value {
    if choices.chance(1, 3) {
        return json!({ "const": constant(choices) });
    }
    let values: Vec<_> = (0..choices.below(4) + 1).map(|_| constant(choices)).collect();
    json!({ "enum": values })
}

/// Makes a schema with several types, and limits for all of them.
fn types(choices: &mut Choices<'_>) -> Value {
    let first = choices.below(TYPES.len());
    let types = [TYPES[first], TYPES[(first + 1 + choices.below(6)) % TYPES.len()]];
    let mut schema = json!({ "type": types });
    maybe(&mut schema, "minimum", choices, small);
    maybe(&mut schema, "maxLength", choices, small);
    maybe(&mut schema, "maxItems", choices, small);
    maybe(&mut schema, "minProperties", choices, |choices| json!(choices.below(3)));
    schema
}

fn object(forms: Forms, depth: usize, choices: &mut Choices<'_>) -> Value {
    let mut schema = json!({ "type": "object" });
    let mut properties = Map::new();
    for name in PROPERTIES.iter().take(choices.below(4) + 1) {
        properties.insert((*name).to_owned(), inner(forms, depth, choices));
    }
    schema["properties"] = properties.into();
    let required: Vec<_> = PROPERTIES.iter().filter(|_| choices.chance(1, 3)).collect();
    maybe(&mut schema, "required", choices, |_| json!(required));
    if choices.chance(1, 2) {
        schema["additionalProperties"] = if choices.chance(2, 3) { json!(false) } else { inner(forms, depth, choices) };
    }
    if choices.chance(1, 8) {
        schema["patternProperties"] = json!({ *choices.pick(&["^a", "b"]): inner(forms, depth, choices) });
    }
    if choices.chance(1, 8) {
        schema["maxProperties"] = json!(choices.below(5));
    }
    if choices.chance(1, 8) {
        schema["minProperties"] = json!(choices.below(3));
    }
    schema
}

fn array(forms: Forms, depth: usize, choices: &mut Choices<'_>) -> Value {
    let mut schema = json!({ "type": "array", "items": inner(forms, depth, choices) });
    maybe(&mut schema, "minItems", choices, |choices| json!(choices.below(3)));
    maybe(&mut schema, "maxItems", choices, |choices| json!(choices.below(5)));
    if choices.chance(1, 5) {
        schema["uniqueItems"] = json!(true);
    }
    schema
}

fn tuple(forms: Forms, depth: usize, choices: &mut Choices<'_>) -> Value {
    let items: Vec<_> = (0..choices.below(3) + 1).map(|_| inner(forms, depth, choices)).collect();
    let mut schema = json!({ "type": "array", "minItems": items.len(), "items": items });
    if choices.chance(2, 3) {
        schema["maxItems"] = schema["minItems"].clone();
    } else {
        maybe(&mut schema, "additionalItems", choices, |choices| inner(forms, depth, choices));
    }
    schema
}

fn union(forms: Forms, depth: usize, choices: &mut Choices<'_>) -> Value {
    let alternatives: Vec<_> = (0..choices.below(3) + 1).map(|_| schema(forms, depth, choices)).collect();
    json!({ *choices.pick(&["anyOf", "oneOf"]): alternatives })
}

/// Makes an enum as serde writes it: with a tag, or with a member for each variant.
fn tagged(forms: Forms, depth: usize, choices: &mut Choices<'_>) -> Value {
    let is_internal = choices.chance(1, 2);
    let variant = |name: &str, choices: &mut Choices<'_>| {
        let content = inner(forms, depth, choices);
        if is_internal {
            let properties = json!({ "kind": { "const": name }, "a": content });
            return json!({ "type": "object", "properties": properties, "required": ["kind"] });
        }
        let properties = json!({ name: content });
        json!({ "type": "object", "properties": properties, "required": [name], "additionalProperties": false })
    };
    let variants: Vec<_> = PROPERTIES[..choices.below(3) + 1].iter().map(|name| variant(name, choices)).collect();
    json!({ "oneOf": variants })
}

/// Makes a schema that combines others for the same value.
fn combined(depth: usize, choices: &mut Choices<'_>) -> Value {
    let mut one = schema(Forms::All, depth, choices);
    let other = schema(Forms::All, depth, choices);
    match choices.below(4) {
        0 => json!({ "allOf": [one, other] }),
        1 => json!({ "not": other }),
        2 => json!({ "if": one, "then": other, "else": schema(Forms::All, depth, choices) }),
        _ => {
            one["anyOf"] = json!([other, schema(Forms::All, depth, choices)]);
            one
        }
    }
}

/// Writes formats of integers as ranges. Servers check them, and validators do not.
pub(super) fn write_formats_as_ranges(schema: &mut Value) {
    match schema {
        Value::Array(items) => items.iter_mut().for_each(write_formats_as_ranges),
        Value::Object(keywords) => {
            keywords.values_mut().for_each(write_formats_as_ranges);
            let (min, max) = match keywords.get("format").and_then(Value::as_str) {
                Some("uint8") => (0, i64::from(u8::MAX)),
                Some("int8") => (i8::MIN.into(), i8::MAX.into()),
                Some("uint16") => (0, u16::MAX.into()),
                _ => return,
            };
            let range = json!({ "type": "integer", "minimum": min, "maximum": max });
            let range = json!({ "anyOf": [range, { "not": { "type": "number" } }] });
            let all = keywords.entry("allOf").or_insert_with(|| json!([]));
            all.as_array_mut().unwrap().push(range);
        }
        _ => {}
    }
}

/// Returns the document with all objects closed that describe properties, and do not say themselves which others they
/// allow.
pub(super) fn closed(document: &Value) -> Value {
    let mut closed = document.clone();
    close(&mut closed);
    closed
}

fn close(schema: &mut Value) {
    match schema {
        Value::Array(items) => items.iter_mut().for_each(close),
        Value::Object(keywords) => {
            keywords.values_mut().for_each(close);
            let describes = |properties: &Value| properties.as_object().is_some_and(|all| !all.is_empty());
            let is_open = keywords.contains_key("additionalProperties") || keywords.contains_key("patternProperties");
            if keywords.get("properties").is_some_and(describes) && !is_open {
                // What is required is described as well.
                let required = keywords.get("required").and_then(Value::as_array).cloned().unwrap_or_default();
                for name in required.iter().filter_map(Value::as_str) {
                    let properties = keywords["properties"].as_object_mut().unwrap();
                    properties.entry(name).or_insert_with(|| json!({}));
                }
                keywords.insert("additionalProperties".to_owned(), json!(false));
            }
        }
        _ => {}
    }
}
