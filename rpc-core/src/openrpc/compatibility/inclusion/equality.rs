//! [`Equality`]: whether two schemas have the same constraints, with references resolved.

use std::collections::HashSet;

use serde_json::{Map, Value};

use super::keywords::{KeywordShape, constraints, is_unconstrained};
use super::number::are_equal;
use super::resolver::{Resolver, Target};

/// The addresses of two schemas, which identify the pair as long as their documents are borrowed.
type Pair = (usize, usize);

/// Compares the schemas of two documents for equality, and remembers results.
#[derive(Debug)]
pub(super) struct Equality<'a, 'b> {
    one: Resolver<'a>,
    other: Resolver<'b>,
    equal: HashSet<Pair>,
    different: HashSet<Pair>,
    /// The pairs of the present comparison. They are equal if nothing differs in the end.
    assumed: HashSet<Pair>,
}

impl<'a, 'b> Equality<'a, 'b> {
    pub(super) fn new(one: Resolver<'a>, other: Resolver<'b>) -> Self {
        Self { one, other, equal: HashSet::new(), different: HashSet::new(), assumed: HashSet::new() }
    }

    /// Returns whether two schemas have the same constraints. Titles, descriptions and defaults do not matter.
    pub(super) fn are_same(&mut self, one: &'a Value, other: &'b Value) -> bool {
        self.assumed.clear();
        let are_same = self.compare(one, other, MAX_DEPTH);
        if are_same {
            self.equal.extend(self.assumed.drain());
        }
        are_same
    }

    /// Returns whether a keyword is the same in two schemas.
    pub(super) fn is_keyword_same(
        &mut self,
        keyword: &str,
        one: &'a Map<String, Value>,
        other: &'b Map<String, Value>,
    ) -> bool {
        self.assumed.clear();
        match (one.get(keyword), other.get(keyword), super::keywords::shape(keyword)) {
            (None, None, _) => true,
            (Some(one), Some(other), Some(shape)) => self.compare_keyword(shape, one, other, MAX_DEPTH),
            _ => false,
        }
    }

    fn compare(&mut self, one: &'a Value, other: &'b Value, depth: usize) -> bool {
        // References are followed first. Otherwise one that refers to itself would be assumed to equal anything.
        let (Some(one), Some(other)) = (follow(self.one, one), follow(self.other, other)) else {
            return one == other;
        };
        let pair = (std::ptr::from_ref(one).addr(), std::ptr::from_ref(other).addr());
        if self.different.contains(&pair) {
            return false;
        }
        if self.equal.contains(&pair) || !self.assumed.insert(pair) {
            return true;
        }
        // A pair is assumed to be equal only while nothing differs, so that a difference is final.
        let Some(depth) = depth.checked_sub(1) else { return false };
        let are_same = match (one, other) {
            (Value::Object(first), Value::Object(second)) => {
                let are_targets_same = match (self.one.target(first), self.other.target(second)) {
                    (None, None) => true,
                    (Some(Target::Unknown(here)), Some(Target::Unknown(there))) => here == there,
                    (Some(Target::Found(here)), Some(Target::Found(there))) => self.compare(here, there, depth),
                    _ => false,
                };
                are_targets_same && self.compare_constraints(first, second, depth)
            }
            _ => one == other || (is_unconstrained(one) && is_unconstrained(other)),
        };
        if !are_same {
            self.different.insert(pair);
        }
        are_same
    }

    fn compare_constraints(
        &mut self,
        one: &'a Map<String, Value>,
        other: &'b Map<String, Value>,
        depth: usize,
    ) -> bool {
        constraints(one).count() == constraints(other).count()
            && constraints(one).all(|(keyword, shape, one)| {
                other.get(keyword).is_some_and(|other| self.compare_keyword(shape, one, other, depth))
            })
    }

    fn compare_keyword(&mut self, shape: KeywordShape, one: &'a Value, other: &'b Value, depth: usize) -> bool {
        match (shape, one, other) {
            (KeywordShape::Schemas, Value::Array(one), Value::Array(other)) => {
                one.len() == other.len() && one.iter().zip(other).all(|(one, other)| self.compare(one, other, depth))
            }
            (KeywordShape::SchemasByName, Value::Object(one), Value::Object(other)) => {
                let mut is_same = |(name, one): (&String, &'a Value)| {
                    // A dependency may be a list of names.
                    other.get(name).is_some_and(|other| self.compare(one, other, depth))
                };
                one.len() == other.len() && one.iter().all(&mut is_same)
            }
            (KeywordShape::Schema | KeywordShape::Schemas, one, other) => self.compare(one, other, depth),
            (_, one, other) => are_equal(one, other),
        }
    }
}

/// Returns the schema behind references that have no other constraints beside them, or `None` if they do not end.
fn follow<'d>(resolver: Resolver<'d>, schema: &'d Value) -> Option<&'d Value> {
    let mut schema = schema;
    for _ in 0..MAX_DEPTH {
        let Some(keywords) = schema.as_object() else { return Some(schema) };
        match resolver.target(keywords) {
            Some(Target::Found(target)) if constraints(keywords).next().is_none() => schema = target,
            _ => return Some(schema),
        }
    }
    None
}

/// The maximum depth to which two schemas are compared. Deeper ones count as different.
const MAX_DEPTH: usize = 200;
