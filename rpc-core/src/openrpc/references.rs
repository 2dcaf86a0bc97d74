//! Reads and rewrites references in schemas to named types: `{"$ref": "#/components/schemas/User"}`.

use serde_json::Value;

use super::pointer;

/// The beginning of a reference.
const PREFIX: &str = "#/components/schemas/";

/// Returns the name of the type that a reference points to: a JSON pointer in a URI.
pub(super) fn name(reference: &str) -> Option<String> {
    let name = pointer::decode_percent(written(reference)?)?;
    Some(pointer::unescape(&name))
}

/// Returns the name as written in the reference, with its escapes.
pub(super) fn written(reference: &str) -> Option<&str> {
    reference.strip_prefix(PREFIX)
}

/// Makes a reference from a name with its escapes.
pub(super) fn to(written: &str) -> String {
    format!("{PREFIX}{written}")
}

/// Returns the names of all types that a schema refers to.
pub(super) fn names(schema: &Value) -> Vec<String> {
    let mut names = Vec::new();
    for_each(schema, &mut |reference| names.extend(name(reference)));
    names
}

/// Calls back with the references of a schema.
pub(super) fn for_each(schema: &Value, found: &mut impl FnMut(&str)) {
    match schema {
        Value::Array(items) => items.iter().for_each(|item| for_each(item, found)),
        Value::Object(members) => {
            for (key, value) in members {
                match value {
                    Value::String(reference) if key == "$ref" => found(reference),
                    value => for_each(value, found),
                }
            }
        }
        _ => {}
    }
}

/// Replaces those references of a schema for which `other` returns a new one.
pub(super) fn replace(schema: &mut Value, other: &impl Fn(&str) -> Option<String>) {
    match schema {
        Value::Array(items) => items.iter_mut().for_each(|item| replace(item, other)),
        Value::Object(members) => {
            for (key, value) in members {
                match value {
                    Value::String(reference) if key == "$ref" => {
                        if let Some(other) = other(reference) {
                            *reference = other;
                        }
                    }
                    value => replace(value, other),
                }
            }
        }
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use super::name;

    #[test]
    fn names_are_found_behind_their_escapes() {
        assert_eq!(name("#/components/schemas/User").unwrap(), "User");
        assert_eq!(name("#/components/schemas/a%20~1%C3%A9~0").unwrap(), "a /é~");
        for other in ["#/definitions/User", "#/components/schemas/%C3", "#/components/schemas/%C"] {
            assert_eq!(name(other), None, "{other}");
        }
    }
}
