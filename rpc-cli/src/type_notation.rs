//! Writes JSON Schemas as short types, such as `{ id: integer, name?: string } | null`. It accepts any JSON as a
//! schema. It follows no references, so it also ends for recursive types.

mod definition;
mod reference;

use std::collections::HashSet;

use serde_json::{Map, Value};

pub(crate) use definition::definition;
pub(crate) use reference::named_types;
use reference::reference_name;

/// How deep types are written. Deeper ones are `...`.
const MAX_DEPTH: usize = 24;

/// How many alternatives are written. The others are `...`.
const MAX_ALTERNATIVES: usize = 48;

/// What cannot be told more exactly.
const ANY: &str = "any";

/// Writes a schema as a type on one line.
pub(crate) fn notation(schema: &Value) -> String {
    write(schema, 0).text
}

/// A written type.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct Type {
    text: String,
    /// Whether it needs parentheses before `[]` and between `&`.
    is_union: bool,
    is_intersection: bool,
}

impl Type {
    fn simple(text: impl Into<String>) -> Self {
        Self { text: text.into(), is_union: false, is_intersection: false }
    }

    /// Returns the text, in parentheses if it has several alternatives.
    fn into_part(self) -> String {
        if self.is_union { format!("({})", self.text) } else { self.text }
    }

    /// Returns the text, in parentheses if it has several parts.
    fn into_one(self) -> String {
        if self.is_union || self.is_intersection { format!("({})", self.text) } else { self.text }
    }

    /// Joins alternatives, without repetitions and with `null` last.
    fn union(alternatives: Vec<Self>) -> Self {
        let mut all = without_repetitions(alternatives);
        all.sort_by_key(|alternative| alternative.text == "null");
        if all.len() > MAX_ALTERNATIVES {
            let null = all.pop_if(|last| last.text == "null");
            all.truncate(MAX_ALTERNATIVES);
            all.push(Self::simple("..."));
            all.extend(null);
        }
        if all.len() == 1 {
            return all.swap_remove(0);
        }
        let texts: Vec<_> = all.into_iter().map(|alternative| alternative.text).collect();
        Self { text: texts.join(" | "), is_union: true, is_intersection: false }
    }

    /// Joins parts that all hold. A part that allows everything says nothing.
    fn intersection(parts: Vec<Self>) -> Self {
        let mut all = without_repetitions(parts);
        all.retain(|part| part.text != ANY);
        match all.len() {
            0 => Self::simple(ANY),
            1 => all.swap_remove(0),
            _ => {
                let texts: Vec<_> = all.into_iter().map(Self::into_part).collect();
                Self { text: texts.join(" & "), is_union: false, is_intersection: true }
            }
        }
    }
}

/// Keeps the first of equal types.
fn without_repetitions(mut types: Vec<Type>) -> Vec<Type> {
    let mut seen = HashSet::new();
    types.retain(|of_these| seen.insert(of_these.clone()));
    types
}

/// Writes a schema that stands this deep in others.
fn write(schema: &Value, depth: usize) -> Type {
    if depth > MAX_DEPTH {
        return Type::simple("...");
    }
    let object = match schema {
        Value::Bool(false) => return Type::simple("never"),
        Value::Object(object) => object,
        _ => return Type::simple(ANY),
    };
    if let Some(reference) = object.get("$ref").and_then(Value::as_str) {
        return Type::simple(reference_name(reference));
    }
    let mut parts = Vec::new();
    for (keyword, join) in [("allOf", Type::intersection as fn(_) -> _), ("anyOf", Type::union), ("oneOf", Type::union)]
    {
        if let Some(Value::Array(schemas)) = object.get(keyword).filter(|schemas| **schemas != Value::Array(Vec::new()))
        {
            parts.push(join(schemas.iter().map(|schema| write(schema, depth + 1)).collect()));
        }
    }
    parts.insert(0, own_type(object, depth));
    if let Some(negated) = object.get("not") {
        parts.push(Type::simple(format!("not {}", write(negated, depth + 1).into_one())));
    }
    let whole = Type::intersection(parts);
    if object.get("nullable") == Some(&Value::Bool(true)) && whole.text != ANY {
        return Type::union(vec![whole, Type::simple("null")]);
    }
    whole
}

/// Writes what the keywords of an object say, apart from those that combine schemas.
fn own_type(object: &Map<String, Value>, depth: usize) -> Type {
    if let Some(value) = object.get("const") {
        return Type::simple(value.to_string());
    }
    if let Some(Value::Array(values)) = object.get("enum") {
        let literals: Vec<_> = values.iter().map(|value| Type::simple(value.to_string())).collect();
        return if literals.is_empty() { Type::simple("never") } else { Type::union(literals) };
    }
    match object.get("type") {
        Some(Value::String(name)) => named(name, object, depth),
        Some(Value::Array(names)) if !names.is_empty() => {
            Type::union(names.iter().map(|name| named(name.as_str().unwrap_or(ANY), object, depth)).collect())
        }
        _ if ["properties", "additionalProperties", "patternProperties"]
            .iter()
            .any(|key| object.contains_key(*key)) =>
        {
            object_type(object, depth)
        }
        _ if ["items", "prefixItems"].iter().any(|key| object.contains_key(*key)) => array_type(object, depth),
        _ => Type::simple(ANY),
    }
}

fn named(name: &str, object: &Map<String, Value>, depth: usize) -> Type {
    match name {
        "object" => object_type(object, depth),
        "array" => array_type(object, depth),
        "string" => match object.get("format").and_then(Value::as_str) {
            Some(format) => Type::simple(format!("string<{format}>")),
            None => Type::simple("string"),
        },
        other => Type::simple(other),
    }
}

fn object_type(object: &Map<String, Value>, depth: usize) -> Type {
    let members: Vec<_> = members(object, depth).into_iter().map(|member| member.text).collect();
    if members.is_empty() {
        return Type::simple(if is_closed(object) { "{}" } else { "object" });
    }
    Type::simple(format!("{{ {} }}", members.join(", ")))
}

fn is_closed(object: &Map<String, Value>) -> bool {
    object.get("additionalProperties") == Some(&Value::Bool(false))
}

/// A member of an object: `name?: string`.
struct Member<'a> {
    text: String,
    docs: Option<&'a str>,
}

/// Writes the members of an object, the required ones first.
fn members(object: &Map<String, Value>, depth: usize) -> Vec<Member<'_>> {
    let names = object.get("required").and_then(Value::as_array).into_iter().flatten();
    let names: HashSet<_> = names.filter_map(Value::as_str).collect();
    let required = |name: &str| names.contains(name);
    let mut properties: Vec<_> = object.get("properties").and_then(Value::as_object).into_iter().flatten().collect();
    properties.sort_by_key(|(name, _)| !required(name));
    let mut members = Vec::new();
    for (name, schema) in properties {
        let mark = if required(name) { "" } else { "?" };
        let text = format!("{}{mark}: {}", reference::word(name), write(schema, depth + 1).text);
        members.push(Member { text, docs: schema.get("description").and_then(Value::as_str) });
    }
    for (pattern, schema) in object.get("patternProperties").and_then(Value::as_object).into_iter().flatten() {
        let text = format!("[/{pattern}/]: {}", write(schema, depth + 1).text);
        members.push(Member { text, docs: None });
    }
    if let Some(others @ Value::Object(_)) = object.get("additionalProperties") {
        members.push(Member { text: format!("[key]: {}", write(others, depth + 1).text), docs: None });
    }
    members
}

fn array_type(object: &Map<String, Value>, depth: usize) -> Type {
    let prefix = object.get("prefixItems").and_then(Value::as_array);
    let tuple = prefix.or_else(|| object.get("items").and_then(Value::as_array));
    let Some(tuple) = tuple.filter(|items| !items.is_empty()) else {
        let item = object.get("items").map_or_else(|| Type::simple(ANY), |items| write(items, depth + 1));
        return Type::simple(format!("{}[]", item.into_one()));
    };
    let number = |keyword| object.get(keyword).and_then(Value::as_u64);
    let least = number("minItems").unwrap_or(0);
    let mut items: Vec<_> = (0_u64..)
        .zip(tuple)
        .map(|(index, item)| {
            let item = write(item, depth + 1);
            if index < least { item.text } else { format!("{}?", item.into_one()) }
        })
        .collect();
    let length = u64::try_from(tuple.len()).unwrap_or(u64::MAX);
    let rest = object.get(if prefix.is_some() { "items" } else { "additionalItems" });
    let is_closed = rest == Some(&Value::Bool(false)) || number("maxItems").is_some_and(|most| most <= length);
    if !is_closed {
        let rest = rest.map_or_else(|| Type::simple(ANY), |rest| write(rest, depth + 1));
        items.push(format!("...{}[]", rest.into_one()));
    }
    Type::simple(format!("[{}]", items.join(", ")))
}

#[cfg(test)]
mod tests;
