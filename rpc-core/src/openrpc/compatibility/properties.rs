//! Lists the properties that a schema describes, at all depths, with their defaults.

use std::collections::BTreeMap;

use serde_json::Value;

use super::inclusion::{Place, Resolver, SchemaIn, Target};

/// The maximum number of schemas to visit. Types that contain each other many times have more places than anyone reads.
const MAX_VISITS: usize = 5000;

/// Returns the places of all properties, each with its default. Those of a type that contains itself are listed once.
pub(super) fn places(schema: SchemaIn<'_>) -> BTreeMap<String, Option<Value>> {
    let mut walk =
        Walk { resolver: Resolver::new(schema.document), within: Vec::new(), visits: 0, found: BTreeMap::new() };
    walk.schema(schema.schema, &Place::root());
    walk.found
}

/// Returns whether a place is another one, or inside of it.
pub(super) fn is_inside(place: &str, outer: &str) -> bool {
    place.strip_prefix(outer).is_some_and(|rest| rest.is_empty() || rest.starts_with(['.', '[']))
}

struct Walk<'a> {
    resolver: Resolver<'a>,
    /// The schemas around the present one.
    within: Vec<&'a Value>,
    visits: usize,
    found: BTreeMap<String, Option<Value>>,
}

impl<'a> Walk<'a> {
    fn schema(&mut self, schema: &'a Value, place: &Place) {
        let is_inside_itself = self.within.iter().any(|outer| std::ptr::eq(*outer, schema));
        self.visits += 1;
        let Some(keywords) = schema.as_object().filter(|_| !is_inside_itself && self.visits <= MAX_VISITS) else {
            return;
        };
        self.within.push(schema);
        if let Some(Target::Found(target)) = self.resolver.target(keywords) {
            self.schema(target, place);
        }
        for (keyword, value) in keywords {
            match (keyword.as_str(), value) {
                ("allOf" | "anyOf" | "oneOf", Value::Array(all)) => all.iter().for_each(|one| self.schema(one, place)),
                ("properties", Value::Object(properties)) => {
                    for (name, schema) in properties {
                        let place = place.member(name);
                        self.found.entry(place.as_str().to_owned()).or_insert_with(|| schema.get("default").cloned());
                        self.schema(schema, &place);
                    }
                }
                ("items", Value::Array(tuple)) => {
                    tuple.iter().enumerate().for_each(|(index, item)| self.schema(item, &place.item(index)));
                }
                ("items", item) => self.schema(item, &place.items()),
                ("additionalProperties", schema) => self.schema(schema, &place.any_member()),
                _ => {}
            }
        }
        self.within.pop();
    }
}
