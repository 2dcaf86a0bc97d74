//! [`outline`]: a hash that schemas with the same constraints share.

use std::collections::hash_map::DefaultHasher;
use std::hash::{Hash, Hasher};

use serde_json::Value;

use super::inclusion::{Resolver, SchemaIn, Target};

/// The maximum number of references in a chain.
const MAX_CHAIN: usize = 32;

/// The depth to which schemas count.
const MAX_DEPTH: usize = 4;

/// The maximum number of schemas that count.
const MAX_SCHEMAS: usize = 200;

/// Returns a hash. If two schemas have the same constraints, their hashes are equal.
pub(super) fn outline(schema: SchemaIn<'_>) -> u64 {
    let mut outline =
        Outline { resolver: Resolver::new(schema.document), left: MAX_SCHEMAS, hash: DefaultHasher::new() };
    outline.schema(schema.schema, MAX_DEPTH);
    outline.hash.finish()
}

struct Outline<'a> {
    resolver: Resolver<'a>,
    left: usize,
    hash: DefaultHasher,
}

impl<'a> Outline<'a> {
    fn schema(&mut self, mut schema: &'a Value, depth: usize) {
        for _ in 0..MAX_CHAIN {
            match schema.as_object().and_then(|keywords| self.resolver.target(keywords)) {
                Some(Target::Found(target)) => schema = target,
                _ => break,
            }
        }
        if depth == 0 || self.left == 0 {
            return;
        }
        self.left -= 1;
        // A schema without constraints equals `true`, so that only what is there counts.
        for keyword in ["type", "required", "format", "pattern", "enum", "const", "minimum", "maximum", "maxLength"] {
            if let Some(value) = schema.get(keyword) {
                keyword.hash(&mut self.hash);
                self.value(value);
            }
        }
        if let Some(Value::Object(properties)) = schema.get("properties") {
            "properties".hash(&mut self.hash);
            let mut sorted: Vec<_> = properties.iter().collect();
            sorted.sort_unstable_by_key(|(name, _)| *name);
            for (name, schema) in sorted {
                name.hash(&mut self.hash);
                self.schema(schema, depth - 1);
            }
        }
        for keyword in ["items", "additionalProperties"] {
            if let Some(inner) = schema.get(keyword) {
                keyword.hash(&mut self.hash);
                self.schema(inner, depth - 1);
            }
        }
        for keyword in ["allOf", "anyOf", "oneOf"] {
            if let Some(Value::Array(all)) = schema.get(keyword) {
                (keyword, all.len()).hash(&mut self.hash);
                all.iter().for_each(|inner| self.schema(inner, depth - 1));
            }
        }
    }

    /// Adds a value. Numbers with different notations may be equal, and so may objects in another order.
    fn value(&mut self, value: &Value) {
        match value {
            Value::Array(all) => {
                all.len().hash(&mut self.hash);
                all.iter().for_each(|one| self.value(one));
            }
            // Both zeros are one number.
            Value::Number(number) => (number.as_f64().unwrap_or(0.0) + 0.0).to_bits().hash(&mut self.hash),
            Value::Object(members) => members.len().hash(&mut self.hash),
            other => other.to_string().hash(&mut self.hash),
        }
    }
}
