//! Proves that no value is valid under two conjunctions.

use super::bounds;
use super::conjunction::Conjunction;
use super::types::TypeSet;

/// The maximum depth to which properties and alternatives are compared.
const MAX_DEPTH: usize = 6;

/// What one comparison costs, in steps of an evaluation.
const STEPS: usize = 8;

/// Returns whether certainly no value is valid under both.
pub(super) fn are_disjoint(a: &Conjunction<'_>, b: &Conjunction<'_>) -> bool {
    within(a, b, MAX_DEPTH)
}

fn within(a: &Conjunction<'_>, b: &Conjunction<'_>, depth: usize) -> bool {
    let common = a.types() & b.types();
    if common.is_empty() || a.is_never() || b.is_never() {
        return true;
    }
    if let Some(values) = a.values() {
        return values.iter().all(|value| b.rejects(value));
    }
    if let Some(values) = b.values() {
        return values.iter().all(|value| a.rejects(value));
    }
    let Some(depth) = depth.checked_sub(1).filter(|_| a.take(STEPS)) else { return false };
    if let Some(alternatives) = a.split() {
        return alternatives.iter().all(|a| within(a, b, depth));
    }
    if let Some(alternatives) = b.split() {
        return alternatives.iter().all(|b| within(a, b, depth));
    }
    common.each().all(|ty| {
        let (a, b) = (&a.restricted(ty), &b.restricted(ty));
        // Only `null` and booleans are listed now, and these are compared above.
        if ty.is_within(TypeSet::NULL | TypeSet::BOOLEAN) {
            return within(a, b, depth);
        }
        bounds::are_apart(a, b, ty) || (ty == TypeSet::OBJECT && have_apart_property(a, b, depth))
    })
}

/// Returns whether objects of both must have a property that no value suits.
fn have_apart_property(a: &Conjunction<'_>, b: &Conjunction<'_>, depth: usize) -> bool {
    let mut required = a.required();
    required.extend(b.required());
    required.iter().any(|name| within(&a.property(name), &b.property(name), depth))
}
