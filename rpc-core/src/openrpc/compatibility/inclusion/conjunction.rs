//! [`Conjunction`]: schemas that hold for the same value, and what they prove together.

use std::collections::BTreeSet;

use serde_json::{Map, Value};

use super::evaluate::{Validity, evaluate};
use super::keywords::constraints;
use super::resolver::{Resolver, Target};
use super::types::TypeSet;

/// The maximum number of schemas that one schema adds.
const MAX_PARTS: usize = 1000;

/// Schemas of one document that all hold for a value.
///
/// References and `allOf` are resolved. A keyword that is unknown here is left out, so the conjunction allows at least
/// the values that the schemas allow.
#[derive(Clone, Debug)]
pub(super) struct Conjunction<'a> {
    resolver: Resolver<'a>,
    /// The schemas, the targets of their references, and the members of their `allOf`.
    nodes: Vec<&'a Value>,
    /// The lists of `anyOf` and `oneOf` that [`split`](Self::split) has not resolved.
    unions: Vec<&'a [Value]>,
    types: TypeSet,
    is_never: bool,
}

impl<'a> Conjunction<'a> {
    /// Returns the conjunction of schemas. Without any, all values are valid.
    pub(super) fn new(resolver: Resolver<'a>, schemas: impl IntoIterator<Item = &'a Value>) -> Self {
        let mut all = Self { resolver, nodes: Vec::new(), unions: Vec::new(), types: TypeSet::ALL, is_never: false };
        schemas.into_iter().for_each(|schema| all.add(schema));
        all
    }

    /// Adds a schema, with all that it refers to and consists of.
    fn add(&mut self, schema: &'a Value) {
        let mut remaining = vec![schema];
        // Without the parts beyond the limit, the conjunction allows more. A schema that refers to itself adds nothing.
        for _ in 0..MAX_PARTS {
            let Some(schema) = remaining.pop() else { return };
            self.add_one(schema, &mut remaining);
        }
    }

    fn add_one(&mut self, schema: &'a Value, remaining: &mut Vec<&'a Value>) {
        if self.nodes.iter().any(|node| std::ptr::eq(*node, schema)) {
            return;
        }
        let Value::Object(keywords) = schema else {
            self.nodes.push(schema);
            self.is_never |= *schema == Value::Bool(false);
            return;
        };
        match self.resolver.target(keywords) {
            // Draft 7 ignores the other keywords. Without them, the conjunction allows more.
            Some(Target::Found(target)) => {
                // A schema that is only a reference says no more than its target.
                self.nodes.extend(constraints(keywords).next().is_some().then_some(schema));
                remaining.push(target);
                return;
            }
            Some(Target::Unknown(_)) => return self.nodes.push(schema),
            None => self.nodes.push(schema),
        }
        if let Some(types) = keywords.get("type").and_then(TypeSet::parse) {
            self.types = self.types & types;
        }
        for keyword in ["anyOf", "oneOf"] {
            self.unions.extend(keywords.get(keyword).and_then(Value::as_array).map(Vec::as_slice));
        }
        remaining.extend(keywords.get("allOf").and_then(Value::as_array).into_iter().flatten().rev());
    }

    /// Takes steps of work, or returns `false` if too few remain.
    pub(super) fn take(&self, steps: usize) -> bool {
        self.resolver.take(steps)
    }

    /// Returns the conjunction for values of some types only.
    pub(super) fn restricted(&self, types: TypeSet) -> Self {
        Self { types: self.types & types, ..self.clone() }
    }

    /// Returns a conjunction for each alternative of the first union, or `None` if there is no union.
    pub(super) fn split(&self) -> Option<Vec<Self>> {
        let (first, rest) = self.unions.split_first()?;
        let with = |alternative: &'a Value| {
            let mut one = Self { unions: rest.to_vec(), ..self.clone() };
            // Such a schema says no more than its alternative. Without it, equal comparisons are found to be equal.
            one.nodes.retain(|node| !is_only(node, first));
            one.add(alternative);
            one
        };
        Some(first.iter().map(with).collect())
    }

    pub(super) fn types(&self) -> TypeSet {
        self.types
    }

    /// Returns whether certainly no value is valid.
    pub(super) fn is_never(&self) -> bool {
        self.is_never || self.types.is_empty()
    }

    pub(super) fn nodes(&self) -> impl Iterator<Item = &'a Value> {
        self.nodes.iter().copied()
    }

    /// Returns the addresses of all that the conjunction consists of. They identify it.
    pub(super) fn key(&self) -> (Vec<usize>, TypeSet) {
        let mut key: Vec<_> = self.keywords().map(|keywords| std::ptr::from_ref(keywords).addr()).collect();
        // A list has the address of its first alternative. No schema has an odd address.
        key.extend(self.unions.iter().map(|union| union.as_ptr().addr() + 1));
        key.sort_unstable();
        (key, self.types)
    }

    /// Returns the schemas with keywords that count: those without a reference.
    pub(super) fn keywords(&self) -> impl Iterator<Item = &'a Map<String, Value>> {
        let keywords = self.nodes.iter().filter_map(|node| node.as_object());
        keywords.filter(|keywords| !keywords.get("$ref").is_some_and(Value::is_string))
    }

    /// Returns the values of a keyword.
    pub(super) fn all(&self, keyword: &str) -> impl Iterator<Item = &'a Value> {
        self.keywords().filter_map(move |keywords| keywords.get(keyword))
    }

    /// Returns all valid values if they are listed, or if only `null` and the booleans are possible.
    pub(super) fn values(&self) -> Option<Vec<Value>> {
        let listed = self.all("const").next().map(std::slice::from_ref);
        let listed = listed.or_else(|| self.all("enum").find_map(Value::as_array).map(Vec::as_slice));
        let values = match listed {
            Some(listed) => listed.to_vec(),
            None if self.types.is_within(TypeSet::NULL | TypeSet::BOOLEAN) => {
                vec![Value::Null, Value::Bool(false), Value::Bool(true)]
            }
            None => return None,
        };
        Some(values.into_iter().filter(|value| !self.rejects(value)).collect())
    }

    /// Returns whether a value is certainly invalid.
    pub(super) fn rejects(&self, value: &Value) -> bool {
        self.is_never()
            || !TypeSet::of(value).is_within(self.types)
            || self.nodes.iter().any(|node| evaluate(self.resolver, node, value) == Validity::Invalid)
    }

    /// Returns the conjunction of what holds for a property, if the object has it.
    pub(super) fn property(&self, name: &str) -> Self {
        let of = |keywords: &'a Map<String, Value>| match keywords.get("properties").and_then(|all| all.get(name)) {
            Some(schema) => Some(schema),
            // The name may match a pattern.
            None if keywords.contains_key("patternProperties") => None,
            None => keywords.get("additionalProperties"),
        };
        Self::new(self.resolver, self.keywords().filter_map(of))
    }

    /// Returns the conjunction of what holds for properties that no schema names.
    pub(super) fn unnamed_property(&self) -> Self {
        let closed = self.keywords().filter(|keywords| !keywords.contains_key("patternProperties"));
        Self::new(self.resolver, closed.filter_map(|keywords| keywords.get("additionalProperties")))
    }

    /// Returns the conjunction of what holds for the properties of a pattern, or `None` if no schema has the pattern.
    pub(super) fn pattern_property(&self, pattern: &str) -> Option<Self> {
        let schemas: Vec<_> = self.all("patternProperties").filter_map(|all| all.get(pattern)).collect();
        (!schemas.is_empty()).then(|| Self::new(self.resolver, schemas))
    }

    /// Returns the conjunction of what holds for an item, if the array has it. No index: what holds for all items
    /// behind those that have a place of their own.
    pub(super) fn item(&self, index: Option<usize>) -> Self {
        let tuples = self.keywords().filter(|keywords| !keywords.contains_key("prefixItems"));
        Self::new(self.resolver, tuples.filter_map(|keywords| item(keywords, index)))
    }

    pub(super) fn required(&self) -> BTreeSet<&'a str> {
        let names = self.all("required").filter_map(Value::as_array).flatten();
        names.filter_map(Value::as_str).collect()
    }

    /// Returns the names of the properties that the schemas describe.
    pub(super) fn names(&self) -> BTreeSet<&'a str> {
        let described = self.all("properties").filter_map(Value::as_object).flat_map(Map::keys);
        described.map(String::as_str).chain(self.required()).collect()
    }

    /// Returns whether the schemas describe properties, and say of no others that they are allowed.
    pub(super) fn is_record(&self) -> bool {
        let is_closed = |additional: &Value| *additional == Value::Bool(false);
        self.all("properties").any(|all| all.as_object().is_some_and(|all| !all.is_empty()))
            && self.all("additionalProperties").all(is_closed)
            && self.all("patternProperties").next().is_none()
    }
}

/// Returns whether a schema consists only of a list of alternatives.
fn is_only(schema: &Value, union: &[Value]) -> bool {
    let is_union = |(keyword, _, list): (&str, _, &Value)| {
        matches!(keyword, "anyOf" | "oneOf") && list.as_array().is_some_and(|list| std::ptr::eq(list.as_slice(), union))
    };
    schema.as_object().is_some_and(|keywords| constraints(keywords).count() == 1 && constraints(keywords).all(is_union))
}

/// Returns the schema of an item, or of the items behind those that have a place of their own.
pub(super) fn item(keywords: &Map<String, Value>, index: Option<usize>) -> Option<&Value> {
    match keywords.get("items") {
        Some(Value::Array(tuple)) => {
            index.and_then(|index| tuple.get(index)).or_else(|| keywords.get("additionalItems"))
        }
        items => items,
    }
}
