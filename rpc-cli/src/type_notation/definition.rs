//! Writes a named type over several lines where one is not enough.

use serde_json::Value;

use super::{MAX_ALTERNATIVES, members, write};

/// A longer type is written over several lines.
const WIDTH: usize = 80;

/// Writes `NAME = TYPE`, over several lines if the type is long or its members have docs.
pub(crate) fn definition(name: &str, schema: &Value) -> String {
    let line = format!("{name} = {}", write(schema, 0).text);
    if let Some(variants) = variants(schema).filter(|_| line.chars().count() > WIDTH) {
        let mut lines: Vec<_> =
            variants.iter().take(MAX_ALTERNATIVES).map(|variant| format!("\n  | {}", write(variant, 1).text)).collect();
        lines.extend((variants.len() > MAX_ALTERNATIVES).then(|| "\n  | ...".to_owned()));
        return format!("{name} ={}", lines.concat());
    }
    let Some(object) = schema.as_object().filter(|_| is_plain_object(schema)) else { return line };
    let members = members(object, 0);
    if members.is_empty() || (line.chars().count() <= WIDTH && members.iter().all(|member| member.docs.is_none())) {
        return line;
    }
    let width = members.iter().map(|member| member.text.chars().count()).filter(|width| *width <= WIDTH / 2).max();
    let width = width.unwrap_or(0);
    let members = members.iter().map(|member| match member.docs.and_then(first_line) {
        Some(docs) => format!("  {:width$}  // {docs}\n", member.text),
        None => format!("  {}\n", member.text),
    });
    format!("{name} = {{\n{}}}", members.collect::<String>())
}

/// Returns the alternatives of a schema that is nothing else.
fn variants(schema: &Value) -> Option<&Vec<Value>> {
    let object = schema.as_object().filter(|object| !object.contains_key("type") && !object.contains_key("$ref"))?;
    let mut unions = ["oneOf", "anyOf"].into_iter().filter_map(|keyword| object.get(keyword)?.as_array());
    let only = unions.next().filter(|variants| variants.len() > 1)?;
    let others = ["allOf", "not", "properties", "enum", "const", "nullable"];
    (unions.next().is_none() && !others.iter().any(|key| object.contains_key(*key))).then_some(only)
}

/// Returns whether a schema says no more than its members.
fn is_plain_object(schema: &Value) -> bool {
    let others = ["$ref", "allOf", "anyOf", "oneOf", "not", "enum", "const", "nullable"];
    let is_object = schema.get("type").map_or_else(|| schema.get("properties").is_some(), |name| name == "object");
    is_object && !others.iter().any(|key| schema.get(key).is_some())
}

fn first_line(docs: &str) -> Option<&str> {
    docs.lines().map(str::trim).find(|line| !line.is_empty())
}
