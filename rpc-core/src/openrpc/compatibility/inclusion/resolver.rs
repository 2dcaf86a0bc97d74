//! [`Resolver`]: finds what the references of a schema point to.

use serde_json::{Map, Value};

use super::effort::Effort;
use super::number::are_equal;
use crate::openrpc::pointer::decode_percent;

/// A document in which the references of its schemas are resolved.
#[derive(Clone, Copy, Debug)]
pub(in crate::openrpc::compatibility) struct Resolver<'a> {
    document: &'a Value,
    /// What evaluations in the document may cost, if they are limited.
    effort: Option<&'a Effort>,
}

/// What a schema with a reference refers to.
pub(in crate::openrpc::compatibility) enum Target<'a> {
    /// A schema of the same document.
    Found(&'a Value),
    /// Another document, or nothing.
    Unknown(&'a str),
}

impl<'a> Resolver<'a> {
    pub(in crate::openrpc::compatibility) fn new(document: &'a Value) -> Self {
        Self { document, effort: None }
    }

    /// Limits what evaluations and proofs cost.
    pub(super) fn limited(self, effort: &'a Effort) -> Self {
        Self { effort: Some(effort), ..self }
    }

    /// Takes steps of work, or returns `false` if too few remain.
    pub(super) fn take(self, steps: usize) -> bool {
        self.effort.is_none_or(|effort| effort.take(steps))
    }

    /// Returns whether a list of a schema has a value.
    pub(super) fn is_listed(self, list: &'a [Value], value: &Value) -> bool {
        match self.effort {
            Some(effort) => effort.is_listed(list, value),
            None => list.iter().any(|listed| are_equal(listed, value)),
        }
    }

    /// Resolves the reference of a schema, if it has one.
    pub(in crate::openrpc::compatibility) fn target(self, schema: &'a Map<String, Value>) -> Option<Target<'a>> {
        let reference = schema.get("$ref")?.as_str()?;
        Some(self.find(reference).map_or(Target::Unknown(reference), Target::Found))
    }

    fn find(self, reference: &str) -> Option<&'a Value> {
        // The whole document is no schema.
        let pointer = reference.strip_prefix('#').filter(|pointer| !pointer.is_empty())?;
        if pointer.contains('%') {
            self.document.pointer(&decode_percent(pointer)?)
        } else {
            self.document.pointer(pointer)
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::{Resolver, Target};

    #[test]
    fn references_are_resolved_inside_their_document_only() {
        let document = json!({ "components": { "schemas": { "a /é~": { "type": "null" } } } });
        let found = |reference: &str| {
            let schema = json!({ "$ref": reference });
            let schema = schema.as_object().unwrap().clone();
            let schema = Box::leak(Box::new(schema));
            match Resolver::new(Box::leak(Box::new(document.clone()))).target(schema).unwrap() {
                Target::Found(schema) => Some(schema.clone()),
                Target::Unknown(_) => None,
            }
        };
        assert_eq!(found("#/components/schemas/a%20~1%C3%A9~0"), Some(json!({ "type": "null" })));
        let others = ["#/components/schemas/b", "other.json#/a", "#/components/schemas/%C3", "#/components/schemas/%C"];
        for other in others.into_iter().chain(["#"]) {
            assert_eq!(found(other), None, "{other}");
        }
    }
}
