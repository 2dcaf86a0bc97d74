//! Compares two JSON Schemas: why may a value that is valid under one be invalid under the other?
//!
//! The comparison is conservative. It reports each value that it cannot prove to be valid, unless both schemas have the
//! same constraints. It knows draft 7, and compares newer keywords for equality.

mod arrays;
mod bounds;
mod conjunction;
mod disjoint;
mod effort;
mod equality;
mod evaluate;
mod goal;
mod identity;
mod keywords;
mod number;
mod objects;
mod progress;
mod resolver;
mod schema_in;
mod types;
mod violation;

use std::collections::{BTreeMap, HashSet};

use serde_json::{Map, Value};

use conjunction::Conjunction;
use disjoint::are_disjoint;
use effort::Effort;
use equality::{Equality, follow};
use evaluate::{Validity, evaluate};
use goal::Goals;
use identity::are_identical;
use keywords::{constraints, is_unconstrained};
use progress::Progress;
pub(super) use resolver::{Resolver, Target};
pub(super) use violation::Place;

pub use goal::Undescribed;
pub use schema_in::SchemaIn;
pub use types::TypeSet;
pub use violation::{Violation, ViolationKind};

/// Returns why a value that is valid under schema `a` may be invalid under schema `b`, sorted by place. If the list is
/// empty, each value that is valid under `a` is valid under `b`.
pub fn violations(a: SchemaIn<'_>, b: SchemaIn<'_>, undescribed: Undescribed) -> Vec<Violation> {
    let effort = Effort::new();
    let resolvers = (Resolver::new(a.document).limited(&effort), Resolver::new(b.document).limited(&effort));
    let mut inclusion = Inclusion::new(resolvers, undescribed);
    let all = Conjunction::new(inclusion.resolver, [a.schema]);
    let found = inclusion.compare(&all, b.schema, &Place::root());
    let is_open = found.iter().any(|violation| matches!(violation.kind, ViolationKind::Incomparable(_)));
    if is_open && are_identical(a, b) { Vec::new() } else { merged(found) }
}

/// Returns whether two schemas have the same constraints. Titles, descriptions, defaults and examples do not matter.
pub(super) fn are_same(a: SchemaIn<'_>, b: SchemaIn<'_>) -> bool {
    let mut equality = Equality::new(Resolver::new(a.document), Resolver::new(b.document));
    equality.are_same(a.schema, b.schema) || (equality.is_open() && are_identical(a, b))
}

/// Makes one violation of all types at a place, and removes those that are there twice.
fn merged(found: Vec<Violation>) -> Vec<Violation> {
    let mut by_place = BTreeMap::<String, Vec<ViolationKind>>::new();
    let mut types = BTreeMap::<String, TypeSet>::new();
    let mut known = HashSet::new();
    for Violation { place, kind } in found {
        // A list may miss thousands of values.
        if !known.insert(format!("{place} {kind:?}")) {
            continue;
        }
        if let ViolationKind::Type(more) = kind {
            let all = types.entry(place.clone()).or_insert(TypeSet::NONE);
            let is_first = all.is_empty();
            *all = *all | more;
            if !is_first {
                continue;
            }
        }
        by_place.entry(place).or_default().push(kind);
    }
    let all = by_place.into_iter().flat_map(|(place, kinds)| kinds.into_iter().map(move |kind| (place.clone(), kind)));
    let whole = |(place, kind): (String, ViolationKind)| {
        let all_types = types.get(&place).filter(|_| matches!(kind, ViolationKind::Type(_)));
        Violation { kind: all_types.map_or(kind, |types| ViolationKind::Type(*types)), place }
    };
    all.map(whole).collect()
}

/// One comparison of two schemas, with all that they contain.
#[derive(Debug)]
struct Inclusion<'a, 'b> {
    resolver: Resolver<'a>,
    resolver_of_b: Resolver<'b>,
    undescribed: Undescribed,
    equality: Equality<'a, 'b>,
    progress: Progress,
}

impl<'a, 'b> Inclusion<'a, 'b> {
    fn new((resolver, resolver_of_b): (Resolver<'a>, Resolver<'b>), undescribed: Undescribed) -> Self {
        let equality = Equality::new(resolver, resolver_of_b);
        Self { resolver, resolver_of_b, undescribed, equality, progress: Progress::default() }
    }

    /// Compares all that `a` allows with a schema.
    fn compare(&mut self, a: &Conjunction<'a>, b: &'b Value, place: &Place) -> Vec<Violation> {
        // Types that refer to each other are known by their own address, whatever refers to them.
        let b = follow(self.resolver_of_b, b).unwrap_or(b);
        if a.is_never() || is_unconstrained(b) || a.nodes().any(|node| self.equality.are_same(node, b)) {
            return Vec::new();
        }
        let pair = (a.key(), std::ptr::from_ref(b).addr());
        if let Some(known) = self.progress.known(&pair, place) {
            return known;
        }
        if !self.progress.begin(pair, place) {
            return vec![place.incomparable("the schemas are too large")];
        }
        let found = self.compare_values(a, b, place);
        self.progress.end(&found);
        found
    }

    /// Resolves references, and compares listed values and alternatives of `a` one by one.
    fn compare_values(&mut self, a: &Conjunction<'a>, b: &'b Value, place: &Place) -> Vec<Violation> {
        let Value::Object(keywords) = b else {
            return vec![place.violated(ViolationKind::Type(a.types()))];
        };
        if let Some(values) = a.values() {
            return self.compare_listed(&values, b, keywords, place);
        }
        match self.resolver_of_b.target(keywords) {
            Some(Target::Unknown(reference)) => return vec![place.incomparable(format!("the reference {reference}"))],
            Some(Target::Found(target)) => {
                let mut found = self.compare(a, target, place);
                // Draft 7 ignores the other keywords, and later drafts do not.
                if constraints(keywords).next().is_some() {
                    found.extend(self.compare_object(a, keywords, place));
                }
                return found;
            }
            None => {}
        }
        if let Some(alternatives) = a.split() {
            return alternatives.iter().flat_map(|a| self.compare(a, b, place)).collect();
        }
        self.compare_object(a, keywords, place)
    }

    /// Compares with the keywords of a schema but `$ref`.
    fn compare_object(&mut self, a: &Conjunction<'a>, b: &'b Map<String, Value>, place: &Place) -> Vec<Violation> {
        let types = b.get("type").map_or(Some(TypeSet::ALL), TypeSet::parse);
        let Some(types) = types else { return vec![place.incomparable("type")] };
        let mut found = Vec::new();
        if !a.types().is_within(types) {
            found.push(place.violated(ViolationKind::Type(a.types() - types)));
        }
        let a = a.restricted(types);
        if !a.is_never() {
            found.extend(self.compare_keywords(&a, b, place));
            found.extend(self.compare_combined(&a, b, place));
        }
        found
    }

    fn compare_listed(
        &self,
        values: &[Value],
        b: &'b Value,
        keywords: &'b Map<String, Value>,
        place: &Place,
    ) -> Vec<Violation> {
        let types = keywords.get("type").and_then(TypeSet::parse).unwrap_or(TypeSet::ALL);
        let violation = |value: &Value| {
            let ty = TypeSet::of(value);
            match evaluate(self.resolver_of_b, b, value) {
                Validity::Valid => None,
                Validity::Unknown => Some(place.incomparable(format!("whether {value} is valid"))),
                Validity::Invalid if ty.is_null() || !ty.is_within(types) => {
                    Some(place.violated(ViolationKind::Type(ty)))
                }
                Validity::Invalid => Some(place.violated(ViolationKind::Value(value.clone()))),
            }
        };
        values.iter().filter_map(violation).collect()
    }

    /// Compares with the keywords that say something of the value itself, its properties or its items.
    fn compare_keywords(&mut self, a: &Conjunction<'a>, b: &'b Map<String, Value>, place: &Place) -> Vec<Violation> {
        let mut goals = Goals::new(self.undescribed);
        goals.found.extend(bounds::check(a, b, place));
        if b.contains_key("enum") || b.contains_key("const") {
            goals.found.push(place.violated(ViolationKind::Unlisted));
        }
        if a.types().meets(TypeSet::OBJECT) {
            objects::check(a, b, place, &mut goals);
        }
        if a.types().meets(TypeSet::ARRAY) {
            arrays::check(a, b, place, &mut goals);
        }
        let mut found = goals.found;
        for goal in goals.remaining {
            found.extend(self.compare(&goal.a, goal.b, &goal.place));
        }
        found
    }

    /// Compares with the keywords that combine other schemas, and with those that are only compared for equality.
    fn compare_combined(&mut self, a: &Conjunction<'a>, b: &'b Map<String, Value>, place: &Place) -> Vec<Violation> {
        let mut found = Vec::new();
        for schema in b.get("allOf").and_then(Value::as_array).into_iter().flatten() {
            found.extend(self.compare(a, schema, place));
        }
        for keyword in ["anyOf", "oneOf"] {
            if let Some(Value::Array(alternatives)) = b.get(keyword)
                && !self.is_known(a, b, &[keyword])
            {
                found.extend(self.compare_with_union(a, alternatives, keyword, place));
            }
        }
        if let Some(schema) = b.get("not") {
            let excluded = Conjunction::new(self.resolver_of_b, [schema]);
            if !are_disjoint(a, &excluded) && !self.is_known(a, b, &["not"]) {
                found.push(place.incomparable("not"));
            }
        }
        let has_condition = b.contains_key("then") || b.contains_key("else");
        if has_condition && b.contains_key("if") && !self.is_known(a, b, &["if", "then", "else"]) {
            found.push(place.incomparable("if"));
        }
        for (keyword, ty) in OTHERS {
            if b.contains_key(keyword) && a.types().meets(ty) && !self.is_known(a, b, &[keyword]) {
                found.push(place.incomparable(keyword));
            }
        }
        // These depend on all other keywords of their schema, so that only whole schemas are compared.
        let dependent = ["unevaluatedItems", "unevaluatedProperties", "prefixItems", "minContains", "maxContains"];
        let dependent = dependent.into_iter().chain(["$dynamicRef", "$recursiveRef"]);
        found.extend(dependent.filter(|keyword| b.contains_key(*keyword)).map(|keyword| place.incomparable(keyword)));
        found
    }

    /// Returns whether `a` has the same keywords as `b`.
    fn is_known(&mut self, a: &Conjunction<'a>, b: &'b Map<String, Value>, keywords: &[&str]) -> bool {
        let equality = &mut self.equality;
        a.keywords().any(|a| keywords.iter().all(|keyword| equality.is_keyword_same(keyword, a, b)))
    }

    /// Compares with the alternatives of `anyOf` or `oneOf`. If `a` fits none, reports what the closest one violates.
    fn compare_with_union(
        &mut self,
        a: &Conjunction<'a>,
        alternatives: &'b [Value],
        keyword: &str,
        place: &Place,
    ) -> Vec<Violation> {
        if a.types().each().nth(1).is_some() {
            let each: Vec<_> = a.types().each().map(|ty| a.restricted(ty)).collect();
            return each.iter().flat_map(|a| self.compare_with_union(a, alternatives, keyword, place)).collect();
        }
        let others: Vec<_> = alternatives.iter().map(|b| Conjunction::new(self.resolver_of_b, [b])).collect();
        let is_of_type = |other: &Conjunction<'_>| other.types().meets(a.types());
        let has_one_of_type = others.iter().filter(|other| is_of_type(other)).count() == 1;
        let mut closest = None::<Vec<Violation>>;
        for (index, b) in alternatives.iter().enumerate() {
            let found = self.compare(a, b, place);
            if found.is_empty() {
                let mut others = others.iter().enumerate().filter(|(other, _)| *other != index);
                let is_proven = keyword == "anyOf" || others.all(|(_, other)| are_disjoint(a, other));
                return if is_proven { found } else { vec![place.incomparable(keyword)] };
            }
            let other = &others[index];
            let is_meant = !are_disjoint(a, other) || (has_one_of_type && is_of_type(other) && !has_other_tag(&found));
            if is_meant && closest.as_ref().is_none_or(|closest| found.len() < closest.len()) {
                closest = Some(found);
            }
        }
        closest.unwrap_or_else(|| {
            let is_of_known_type = others.iter().any(is_of_type);
            let kind = if is_of_known_type { ViolationKind::Alternative } else { ViolationKind::Type(a.types()) };
            vec![place.violated(kind)]
        })
    }
}

/// Returns whether an alternative lists other values than those of the value, such as another tag.
fn has_other_tag(found: &[Violation]) -> bool {
    found.iter().any(|violation| matches!(violation.kind, ViolationKind::Value(_) | ViolationKind::MissingProperty))
}

/// The other keywords that must be equal, and the types for which they matter.
const OTHERS: [(&str, TypeSet); 5] = [
    ("contains", TypeSet::ARRAY),
    ("propertyNames", TypeSet::OBJECT),
    ("dependencies", TypeSet::OBJECT),
    ("dependentSchemas", TypeSet::OBJECT),
    ("dependentRequired", TypeSet::OBJECT),
];
