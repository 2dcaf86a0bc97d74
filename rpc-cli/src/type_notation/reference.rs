//! References to named types: their names, and all types that a schema names, with those that these name.

use std::collections::HashSet;

use serde_json::Value;

/// A named type.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Named<'a> {
    pub(crate) name: String,
    /// The reference that names it, such as `#/components/schemas/User`.
    pub(crate) reference: &'a str,
    /// Its schema, if the document has it.
    pub(crate) schema: Option<&'a Value>,
}

/// Where documents keep named types.
const FOLDERS: [&str; 3] = ["#/components/schemas/", "#/definitions/", "#/$defs/"];

/// Returns the name of a reference: the last part of its pointer if that is a name, or else the whole reference.
pub(crate) fn reference_name(reference: &str) -> String {
    let name = FOLDERS.iter().find_map(|folder| reference.strip_prefix(folder));
    let name = name.map(|name| name.replace("~1", "/").replace("~0", "~"));
    word(name.as_deref().unwrap_or(reference))
}

/// Returns a name as it is, or as a JSON string if it would be unclear among types.
pub(super) fn word(name: &str) -> String {
    let is_plain = |c: char| c.is_alphanumeric() || "_-.$#/".contains(c);
    if !name.is_empty() && name.chars().all(is_plain) { name.to_owned() } else { Value::from(name).to_string() }
}

/// Returns the types that schemas name, each once and in the order of their first use, with those that they name.
pub(crate) fn named_types<'a>(
    schemas: impl IntoIterator<Item = &'a Value>,
    resolve: impl Fn(&str) -> Option<&'a Value>,
) -> Vec<Named<'a>> {
    let mut found: Vec<Named<'a>> = Vec::new();
    let mut seen = HashSet::new();
    for schema in schemas {
        collect(schema, &mut |reference| {
            if seen.insert(reference) {
                found.push(Named { name: reference_name(reference), reference, schema: resolve(reference) });
            }
        });
    }
    let mut next = 0;
    while next < found.len() {
        if let Some(schema) = found[next].schema {
            let mut new = Vec::new();
            collect(schema, &mut |reference| {
                if seen.insert(reference) {
                    new.push(Named { name: reference_name(reference), reference, schema: resolve(reference) });
                }
            });
            found.extend(new);
        }
        next += 1;
    }
    found
}

/// Passes each reference in a schema to `add`. It walks in a list and not by recursion, so no depth is too deep.
fn collect<'a>(schema: &'a Value, add: &mut impl FnMut(&'a str)) {
    // What is data and no schema can hold anything.
    const DATA: [&str; 5] = ["const", "enum", "default", "examples", "example"];
    // The members of these have names of their own, and are schemas.
    const MAPS: [&str; 4] = ["properties", "patternProperties", "definitions", "$defs"];
    let mut left = vec![schema];
    while let Some(value) = left.pop() {
        match value {
            Value::Object(object) => {
                if let Some(Value::String(reference)) = object.get("$ref") {
                    add(reference);
                    continue;
                }
                for (key, value) in object.iter().rev() {
                    match value.as_object().filter(|_| MAPS.contains(&key.as_str())) {
                        Some(map) => left.extend(map.values().rev()),
                        None if DATA.contains(&key.as_str()) => {}
                        None => left.push(value),
                    }
                }
            }
            Value::Array(values) => left.extend(values.iter().rev()),
            _ => {}
        }
    }
}
