//! Random values that are near to those that a schema allows.

use serde_json::{Map, Value, json};

use super::choices::Choices;
use super::schemas::{PLACE, PROPERTIES, TEXTS, constant};

/// Makes a value for the first schema of a document. It is often valid.
pub(super) fn value(document: &Value, choices: &mut Choices<'_>) -> Value {
    let schema = &document[PLACE]["Root"];
    Sampler { document }.value(schema, 4, choices)
}

struct Sampler<'a> {
    document: &'a Value,
}

impl Sampler<'_> {
    fn value(&self, schema: &Value, depth: usize, choices: &mut Choices<'_>) -> Value {
        if let Some(reference) = schema.get("$ref").and_then(Value::as_str) {
            return match depth.checked_sub(1) {
                Some(depth) => self.value(self.document.pointer(&reference[1..]).unwrap(), depth, choices),
                None => constant(choices),
            };
        }
        if let Some(value) = schema.get("const") {
            return value.clone();
        }
        if let Some(Value::Array(values)) = schema.get("enum") {
            return choices.pick(values).clone();
        }
        let mut of_alternative = None;
        for keyword in ["anyOf", "oneOf", "allOf"] {
            if let Some(Value::Array(all)) = schema.get(keyword) {
                of_alternative = Some(self.value(choices.pick(all), depth, choices));
            }
        }
        if let Some(branch) = schema.get(*choices.pick(&["then", "else"])) {
            of_alternative = Some(self.value(branch, depth, choices));
        }
        if schema.get("type").is_none() && of_alternative.is_some() {
            return of_alternative.unwrap_or_default();
        }
        match (self.typed(schema, depth, choices), of_alternative) {
            // The value must suit both.
            (Value::Object(mut members), Some(Value::Object(more))) => {
                members.extend(more);
                Value::Object(members)
            }
            (_, Some(value)) if choices.chance(1, 2) => value,
            (value, _) => value,
        }
    }

    fn typed(&self, schema: &Value, depth: usize, choices: &mut Choices<'_>) -> Value {
        let ty = match schema.get("type") {
            Some(Value::Array(types)) => choices.pick(types).as_str(),
            Some(ty) => ty.as_str(),
            None => None,
        };
        match ty {
            Some("integer") => json!(number(schema, choices).trunc() as i64),
            Some("number") if choices.chance(1, 2) => json!(number(schema, choices).trunc() as i64),
            Some("number") => json!(number(schema, choices)),
            Some("string") => text(schema, choices).into(),
            Some("boolean") => choices.chance(1, 2).into(),
            Some("null") => Value::Null,
            Some("array") => self.array(schema, depth, choices),
            Some("object") => self.object(schema, depth, choices),
            _ => constant(choices),
        }
    }

    fn array(&self, schema: &Value, depth: usize, choices: &mut Choices<'_>) -> Value {
        let min = schema["minItems"].as_u64().unwrap_or(0);
        let max = schema["maxItems"].as_u64().unwrap_or(min + 2).max(min);
        let length = if choices.chance(1, 3) { max } else { min + choices.below(3) as u64 };
        let item = |index: usize, choices: &mut Choices<'_>| {
            let schema = match &schema["items"] {
                Value::Array(tuple) => tuple.get(index).unwrap_or(&schema["additionalItems"]),
                schema => schema,
            };
            self.value(schema, depth.saturating_sub(1), choices)
        };
        (0..usize::try_from(length).unwrap().min(6)).map(|index| item(index, choices)).collect()
    }

    fn object(&self, schema: &Value, depth: usize, choices: &mut Choices<'_>) -> Value {
        let mut members = Map::new();
        let empty = Map::new();
        let properties = schema["properties"].as_object().unwrap_or(&empty);
        let required = |name: &str| schema["required"].as_array().is_some_and(|all| all.contains(&json!(name)));
        for name in PROPERTIES {
            let chance = if properties.contains_key(name) { 1 } else { 0 };
            if required(name) || (chance > 0 && depth > 0 && choices.chance(2, 3)) || choices.chance(1, 12) {
                let schema = properties.get(name).unwrap_or(&schema["additionalProperties"]);
                members.insert(name.to_owned(), self.value(schema, depth.saturating_sub(1), choices));
            }
        }
        if choices.chance(1, 6) {
            let value = self.value(&schema["additionalProperties"], depth.saturating_sub(1), choices);
            members.insert((*choices.pick(&["ab", "d", "xb"])).to_owned(), value);
        }
        Value::Object(members)
    }
}

/// Makes a number that is in the range of the schema, or near to it.
fn number(schema: &Value, choices: &mut Choices<'_>) -> f64 {
    let limit = |keyword: &str| schema.get(keyword).and_then(Value::as_f64);
    let lower = limit("minimum").or(limit("exclusiveMinimum"));
    let upper = limit("maximum").or(limit("exclusiveMaximum"));
    let offset = [0.0, 0.5, 1.0, 2.0, 3.0, -1.0, -0.5][choices.below(7)];
    match (lower, upper) {
        _ if choices.chance(1, 10) => [255.0, 256.0, -1.0, -128.0, 127.0, 65535.0, 65536.0][choices.below(7)],
        (Some(lower), None) => lower + offset,
        (Some(lower), Some(_)) if choices.chance(1, 2) => lower + offset,
        (_, Some(upper)) => upper - offset,
        _ => offset + 2.0,
    }
}

/// Makes a text with a length that the schema allows, or nearly.
fn text(schema: &Value, choices: &mut Choices<'_>) -> String {
    let text = *choices.pick(&TEXTS);
    let length = schema.get("minLength").and_then(Value::as_u64).unwrap_or(0);
    let max = schema.get("maxLength").and_then(Value::as_u64).unwrap_or(8);
    let mut text = text.to_owned();
    while (text.len() as u64) < length {
        text.push('a');
    }
    if !choices.chance(1, 6) {
        text.truncate(usize::try_from(max).unwrap());
    }
    text
}
