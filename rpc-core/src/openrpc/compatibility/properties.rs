//! Lists the places that a schema describes, at all depths: which of them are properties, and their defaults.

use std::collections::{BTreeMap, BTreeSet, HashSet};

use serde_json::Value;

use super::inclusion::{Place, Resolver, SchemaIn, Target};

/// The maximum number of schemas to visit. Types that contain each other many times have more places than anyone reads.
const MAX_VISITS: usize = 5000;

/// The maximum depth of schemas, with references. It spares the stack.
const MAX_DEPTH: usize = 250;

/// The maximum number of schemas at one place in which defaults are searched.
const MAX_ALTERNATIVES: usize = 1000;

/// What a schema describes. Places of a type that contains itself are listed once.
#[derive(Debug, Default)]
pub(super) struct Places {
    /// The places of the properties, each with that of its object.
    pub(super) properties: BTreeMap<String, String>,
    /// All places with a schema, each with its defaults.
    pub(super) defaults: BTreeMap<String, Vec<Value>>,
    /// The places of objects with keywords for other properties than those with names.
    open: BTreeSet<String>,
    /// The places of objects whose properties are described by their names.
    described: BTreeSet<String>,
    /// The places that were left out, since there are too many.
    left_out: Vec<String>,
}

impl Places {
    /// Visits a schema, with all that it contains.
    pub(super) fn of(schema: SchemaIn<'_>) -> Self {
        let resolver = Resolver::new(schema.document);
        let mut walk =
            Walk { document: schema.document, resolver, within: Vec::new(), visits: 0, found: Self::default() };
        walk.described(schema.schema, &Place::root());
        walk.found
    }

    /// Returns whether a place was not visited, or only in part.
    pub(super) fn leaves_out(&self, place: &str) -> bool {
        self.left_out.iter().any(|left_out| is_inside(place, left_out))
    }

    /// Returns whether an object may have properties that the schema does not describe by their names.
    pub(super) fn is_open(&self, place: &str) -> bool {
        self.open.contains(place) || !self.described.contains(place)
    }

    /// Returns whether properties or items of a place are described.
    pub(super) fn has_parts(&self, place: &str) -> bool {
        self.defaults.keys().any(|inner| inner != place && is_inside(inner, place))
    }
}

/// Returns the defaults of a schema: its own, or else those behind its reference and of its alternatives.
pub(super) fn defaults(schema: SchemaIn<'_>) -> Vec<Value> {
    let resolver = Resolver::new(schema.document);
    let (mut left, mut seen, mut found) = (vec![schema.schema], HashSet::new(), Vec::new());
    while let Some(schema) = left.pop() {
        let Some(keywords) = schema.as_object() else { continue };
        if seen.len() >= MAX_ALTERNATIVES || !seen.insert(std::ptr::from_ref(schema).addr()) {
            continue;
        }
        if let Some(default) = keywords.get("default") {
            if !found.contains(default) {
                found.push(default.clone());
            }
            continue;
        }
        // The last one is next.
        for keyword in ["oneOf", "anyOf", "allOf"] {
            left.extend(keywords.get(keyword).and_then(Value::as_array).into_iter().flatten().rev());
        }
        if let Some(Target::Found(target)) = resolver.target(keywords) {
            left.push(target);
        }
    }
    found
}

/// Returns whether a place is another one, or inside of it.
pub(super) fn is_inside(place: &str, outer: &str) -> bool {
    place.strip_prefix(outer).is_some_and(|rest| rest.is_empty() || rest.starts_with(['.', '[']))
}

struct Walk<'a> {
    document: &'a Value,
    resolver: Resolver<'a>,
    /// The schemas around the present one.
    within: Vec<&'a Value>,
    visits: usize,
    found: Places,
}

impl<'a> Walk<'a> {
    /// Visits the schema of a place, with its defaults.
    fn described(&mut self, schema: &'a Value, place: &Place) {
        if self.visits < MAX_VISITS {
            let all = self.found.defaults.entry(place.as_str().to_owned()).or_default();
            for default in defaults(SchemaIn { schema, document: self.document }) {
                if !all.contains(&default) {
                    all.push(default);
                }
            }
        }
        self.schema(schema, place);
    }

    fn schema(&mut self, schema: &'a Value, place: &Place) {
        let is_inside_itself = self.within.iter().any(|outer| std::ptr::eq(*outer, schema));
        let Some(keywords) = schema.as_object().filter(|_| !is_inside_itself) else { return };
        self.visits += 1;
        if self.visits > MAX_VISITS || self.within.len() >= MAX_DEPTH {
            self.found.left_out.push(place.as_str().to_owned());
            return;
        }
        self.within.push(schema);
        if let Some(Target::Found(target)) = self.resolver.target(keywords) {
            self.schema(target, place);
        }
        for (keyword, value) in keywords {
            match (keyword.as_str(), value) {
                ("allOf" | "anyOf" | "oneOf", Value::Array(all)) => all.iter().for_each(|one| self.schema(one, place)),
                ("properties", Value::Object(properties)) => {
                    self.found.described.insert(place.as_str().to_owned());
                    for (name, schema) in properties {
                        let inner = place.member(name);
                        self.found.properties.entry(inner.as_str().to_owned()).or_insert(place.as_str().to_owned());
                        self.described(schema, &inner);
                    }
                }
                ("items", Value::Array(tuple)) => {
                    tuple.iter().enumerate().for_each(|(index, item)| self.described(item, &place.item(index)));
                }
                ("items", item) => self.described(item, &place.items()),
                ("additionalProperties", Value::Bool(false)) => {
                    self.found.described.insert(place.as_str().to_owned());
                }
                ("additionalProperties", schema) => {
                    self.found.open.insert(place.as_str().to_owned());
                    self.described(schema, &place.any_member());
                }
                ("patternProperties", _) => {
                    self.found.open.insert(place.as_str().to_owned());
                }
                _ => {}
            }
        }
        self.within.pop();
    }
}
