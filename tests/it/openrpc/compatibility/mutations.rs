//! Random changes of schemas.

use serde_json::{Value, json};

use super::choices::Choices;
use super::schemas::{Forms, PLACE, PROPERTIES, constant, document, schema};

/// Makes two documents that differ by a few changes, in either direction.
pub(super) fn pair(forms: Forms, choices: &mut Choices<'_>) -> (Value, Value) {
    let one = document(forms, choices);
    let mut other = one.clone();
    for _ in 0..choices.below(3) + 1 {
        let root = if choices.chance(1, 4) { *choices.pick(&["One", "Two"]) } else { "Root" };
        mutate(&mut other[PLACE][root], forms, choices);
    }
    if choices.chance(1, 2) { (other, one) } else { (one, other) }
}

/// Changes a schema, or one inside of it.
fn mutate(schema: &mut Value, forms: Forms, choices: &mut Choices<'_>) {
    let mut inner = parts(schema);
    if !inner.is_empty() && choices.chance(2, 3) {
        let index = choices.below(inner.len());
        return mutate(inner.swap_remove(index), forms, choices);
    }
    change(schema, forms, choices);
}

/// Returns the schemas inside of a schema.
fn parts(schema: &mut Value) -> Vec<&mut Value> {
    let mut parts = Vec::new();
    for (keyword, value) in schema.as_object_mut().into_iter().flatten() {
        match (keyword.as_str(), value) {
            ("properties" | "patternProperties", Value::Object(all)) => parts.extend(all.values_mut()),
            ("items" | "anyOf" | "oneOf" | "allOf", Value::Array(all)) => parts.extend(all.iter_mut()),
            ("items" | "additionalProperties" | "additionalItems" | "not" | "if" | "then" | "else", value) => {
                parts.push(value);
            }
            _ => {}
        }
    }
    parts
}

fn change(old: &mut Value, forms: Forms, choices: &mut Choices<'_>) {
    let Some(keywords) = old.as_object_mut().filter(|keywords| !keywords.contains_key("$ref")) else {
        *old = schema(forms, 1, choices);
        return;
    };
    let names: Vec<_> = keywords.keys().cloned().collect();
    let any = choices.below(names.len().max(1));
    match (choices.below(10), names.get(any)) {
        (0 | 1, Some(name)) => drop(keywords.remove(name)),
        (2..=4, Some(_)) => names.iter().for_each(|name| adjust(name, &mut keywords[name], forms, choices)),
        (5, _) => keywords.extend(schema(Forms::Plain, 0, choices).as_object_mut().map(std::mem::take).unwrap()),
        (6, _) => *old = json!({ "anyOf": [old.take(), { "type": "null" }] }),
        (7, _) => *old = json!({ "anyOf": [old.take(), schema(forms, 1, choices)] }),
        (8, _) => widen(keywords),
        _ => *old = schema(forms, 2, choices),
    }
}

/// Makes a schema that allows more: the type of all numbers, or no additional properties.
fn widen(keywords: &mut serde_json::Map<String, Value>) {
    if keywords.get("type") == Some(&json!("integer")) {
        keywords.insert("type".to_owned(), json!("number"));
    }
    for keyword in ["minLength", "maximum", "required", "pattern", "uniqueItems"] {
        keywords.remove(keyword);
    }
}

/// Changes the value of a keyword a little.
fn adjust(keyword: &str, value: &mut Value, forms: Forms, choices: &mut Choices<'_>) {
    match (keyword, value) {
        ("multipleOf", value) => *value = json!(choices.below(6) + 1),
        (_, Value::Number(number)) => {
            let old = number.as_f64().unwrap();
            let new = old + [-1.0, 0.0, 1.0, 0.0][choices.below(4)];
            #[allow(clippy::cast_possible_truncation, reason = "small")]
            let new = if new.fract() == 0.0 { json!((new as i64).max(0)) } else { json!(new) };
            if let Some(new) = new.as_number() {
                *number = new.clone();
            }
        }
        ("type", value @ Value::String(_)) if value != "null" && choices.chance(1, 3) => {
            *value = json!([value.take(), "null"])
        }
        ("enum", Value::Array(values)) => match choices.below(3) {
            0 => values.push(constant(choices)),
            1 if values.len() > 1 => drop(values.pop()),
            _ => values.reverse(),
        },
        ("required", Value::Array(names)) => match choices.below(2) {
            0 => drop(names.pop()),
            _ => {
                let name = json!(choices.pick(&PROPERTIES));
                if !names.contains(&name) {
                    names.push(name);
                }
            }
        },
        ("anyOf" | "oneOf" | "allOf", Value::Array(all)) => match choices.below(3) {
            0 => all.push(schema(forms, 1, choices)),
            1 if all.len() > 1 => drop(all.remove(0)),
            _ => all.reverse(),
        },
        ("properties", Value::Object(all)) => {
            let name = *choices.pick(&PROPERTIES);
            match all.remove(name) {
                Some(_) => {}
                None => drop(all.insert(name.to_owned(), schema(forms, 1, choices))),
            }
        }
        ("additionalProperties", value) => *value = json!(choices.chance(1, 2)),
        _ => {}
    }
}
