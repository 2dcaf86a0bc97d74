//! Tells whether two schemas are the same text with the same meaning, whatever their references point to.

use serde_json::Value;

use super::resolver::{Resolver, Target};
use super::schema_in::SchemaIn;

/// Returns whether two schemas are identical JSON, and their references certainly have the same targets.
pub(super) fn are_identical(a: SchemaIn<'_>, b: SchemaIn<'_>) -> bool {
    a.schema == b.schema
        && (std::ptr::eq(a.document, b.document)
            || (is_self_contained(a) && is_self_contained(b))
            || a.document == b.document)
}

/// Returns whether all references of a schema lead into the schema itself, such as to its own `definitions`.
fn is_self_contained(schema: SchemaIn<'_>) -> bool {
    let resolver = Resolver::new(schema.document);
    let mut remaining = vec![schema.schema];
    while let Some(part) = remaining.pop() {
        match part {
            Value::Array(items) => remaining.extend(items),
            Value::Object(members) => {
                let is_inner = |reference: &str| {
                    reference.strip_prefix('#').is_some_and(|pointer| schema.schema.pointer(pointer).is_some())
                };
                match (resolver.target(members), members.get("$ref")) {
                    (Some(Target::Unknown(reference)), _) if is_inner(reference) => {}
                    (None, None) => {}
                    _ => return false,
                }
                if members.contains_key("$dynamicRef") || members.contains_key("$recursiveRef") {
                    return false;
                }
                remaining.extend(members.values());
            }
            _ => {}
        }
    }
    true
}
