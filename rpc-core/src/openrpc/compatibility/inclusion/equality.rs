//! [`Equality`]: whether two schemas have the same constraints, with references resolved.

use std::collections::HashSet;

use serde_json::{Map, Value};

use super::keywords::{KeywordShape, constraints, is_unconstrained, shape};
use super::number::are_equal;
use super::resolver::{Resolver, Target};

/// The addresses of two schemas, which identify the pair as long as their documents are borrowed.
type Pair = (usize, usize);

/// The maximum number of pairs of schemas. If there are more, the schemas count as different.
const MAX_PAIRS: usize = 500_000;

/// Compares the schemas of two documents for equality, and remembers results.
#[derive(Debug)]
pub(super) struct Equality<'a, 'b> {
    one: Resolver<'a>,
    other: Resolver<'b>,
    equal: HashSet<Pair>,
    different: HashSet<Pair>,
    is_open: bool,
}

/// Two schemas that must be the same, and the index of the pair that contains them.
type Part<'a, 'b> = (&'a Value, &'b Value, Option<usize>);

/// The present comparison. It has no recursion, since types may contain each other to any depth.
#[derive(Debug, Default)]
struct Walk<'a, 'b> {
    remaining: Vec<Part<'a, 'b>>,
    /// The pairs that were reached, each with the index of the pair that contains it.
    reached: Vec<(Pair, Option<usize>)>,
    /// The same pairs. They are equal if nothing differs in the end.
    assumed: HashSet<Pair>,
}

impl<'a, 'b> Equality<'a, 'b> {
    pub(super) fn new(one: Resolver<'a>, other: Resolver<'b>) -> Self {
        Self { one, other, equal: HashSet::new(), different: HashSet::new(), is_open: false }
    }

    /// Returns whether two schemas have the same constraints. Titles, descriptions and defaults do not matter.
    pub(super) fn are_same(&mut self, one: &'a Value, other: &'b Value) -> bool {
        self.finish(Walk { remaining: vec![(one, other, None)], ..Walk::default() })
    }

    /// Returns whether schemas counted as different because it is unknown what they refer to, or for their size.
    pub(super) fn is_open(&self) -> bool {
        self.is_open
    }

    /// Returns whether a keyword is the same in two schemas.
    pub(super) fn is_keyword_same(
        &mut self,
        keyword: &str,
        one: &'a Map<String, Value>,
        other: &'b Map<String, Value>,
    ) -> bool {
        let mut remaining = Vec::new();
        match (one.get(keyword), other.get(keyword), shape(keyword)) {
            (None, None, _) => true,
            (Some(one), Some(other), Some(shape)) => {
                compare_keyword(shape, (one, other, None), &mut remaining)
                    && self.finish(Walk { remaining, ..Walk::default() })
            }
            _ => false,
        }
    }

    /// Compares all that remains. A difference makes the pairs around it different, and the others stay open.
    fn finish(&mut self, mut walk: Walk<'a, 'b>) -> bool {
        while let Some(part) = walk.remaining.pop() {
            if self.visit(part, &mut walk) {
                continue;
            }
            let mut around = part.2;
            while let Some((pair, outer)) = around.and_then(|index| walk.reached.get(index)) {
                self.different.insert(*pair);
                around = *outer;
            }
            return false;
        }
        self.equal.extend(walk.assumed);
        true
    }

    /// Compares one pair, and adds what it contains to the walk. Returns `false` if the pair differs.
    fn visit(&mut self, (one, other, around): Part<'a, 'b>, walk: &mut Walk<'a, 'b>) -> bool {
        // References are followed first. Otherwise one that refers to itself would be assumed to equal anything.
        let (Some(one), Some(other)) = (follow(self.one, one), follow(self.other, other)) else {
            self.is_open = true;
            return false;
        };
        let pair = (std::ptr::from_ref(one).addr(), std::ptr::from_ref(other).addr());
        if self.different.contains(&pair) {
            return false;
        }
        if self.equal.contains(&pair) || !walk.assumed.insert(pair) {
            return true;
        }
        let index = walk.reached.len();
        walk.reached.push((pair, around));
        let (Value::Object(first), Value::Object(second)) = (one, other) else {
            return one == other || (is_unconstrained(one) && is_unconstrained(other));
        };
        match (self.one.target(first), self.other.target(second)) {
            (None, None) => {}
            (Some(Target::Found(here)), Some(Target::Found(there))) => walk.remaining.push((here, there, Some(index))),
            // Whatever an unknown reference points to may differ, even if its text is the same.
            (here, there) => {
                let is_unknown = |target: Option<Target<'_>>| matches!(target, Some(Target::Unknown(_)));
                self.is_open |= is_unknown(here) || is_unknown(there);
                return false;
            }
        }
        if index >= MAX_PAIRS || ["$dynamicRef", "$recursiveRef"].iter().any(|keyword| first.contains_key(*keyword)) {
            self.is_open = true;
            return false;
        }
        let are_parts_same = compare_constraints(first, second, index, &mut walk.remaining);
        if !are_parts_same {
            self.different.insert(pair);
        }
        are_parts_same
    }
}

fn compare_constraints<'a, 'b>(
    one: &'a Map<String, Value>,
    other: &'b Map<String, Value>,
    index: usize,
    remaining: &mut Vec<Part<'a, 'b>>,
) -> bool {
    constraints(one).count() == constraints(other).count()
        && constraints(one).all(|(keyword, shape, one)| {
            other.get(keyword).is_some_and(|other| compare_keyword(shape, (one, other, Some(index)), remaining))
        })
}

/// Compares the values of a keyword, and adds the schemas in it to those that remain.
fn compare_keyword<'a, 'b>(
    shape: KeywordShape,
    (one, other, around): Part<'a, 'b>,
    remaining: &mut Vec<Part<'a, 'b>>,
) -> bool {
    match (shape, one, other) {
        (KeywordShape::Schemas, Value::Array(one), Value::Array(other)) => {
            remaining.extend(one.iter().zip(other).map(|(one, other)| (one, other, around)));
            one.len() == other.len()
        }
        (KeywordShape::SchemasByName, Value::Object(one), Value::Object(other)) => {
            // A dependency may be a list of names, which `visit` compares as it is.
            let known = one.iter().filter_map(|(name, one)| Some((one, other.get(name)?, around)));
            let before = remaining.len();
            remaining.extend(known);
            one.len() == other.len() && remaining.len() - before == one.len()
        }
        (KeywordShape::Schema | KeywordShape::Schemas, ..) => {
            remaining.push((one, other, around));
            true
        }
        _ => are_equal(one, other),
    }
}

/// Returns the schema behind references that have no other constraints beside them, or `None` if they do not end.
pub(super) fn follow<'d>(resolver: Resolver<'d>, schema: &'d Value) -> Option<&'d Value> {
    let mut schema = schema;
    for _ in 0..MAX_CHAIN {
        let Some(keywords) = schema.as_object() else { return Some(schema) };
        match resolver.target(keywords) {
            Some(Target::Found(target)) if constraints(keywords).next().is_none() => schema = target,
            _ => return Some(schema),
        }
    }
    None
}

/// The maximum number of references from one to the next.
const MAX_CHAIN: usize = 200;
