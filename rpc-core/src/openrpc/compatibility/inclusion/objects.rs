//! The keywords of objects: which properties remain to be compared, and what is violated already.

use serde_json::{Map, Value};

use super::conjunction::Conjunction;
use super::goal::{Goals, Undescribed};
use super::violation::{Place, ViolationKind};

/// Checks the keywords of objects of a schema.
pub(super) fn check<'a, 'b>(a: &Conjunction<'a>, b: &'b Map<String, Value>, place: &Place, goals: &mut Goals<'a, 'b>) {
    let names = a.names();
    let has_others = may_have_others(a, goals.undescribed);
    for (name, schema) in b.get("properties").and_then(Value::as_object).into_iter().flatten() {
        if has_others || names.contains(name.as_str()) {
            goals.add(a.property(name), schema, place.member(name));
        }
    }
    let required = a.required();
    for name in b.get("required").and_then(Value::as_array).into_iter().flatten().filter_map(Value::as_str) {
        if required.contains(name) {
            continue;
        }
        let is_described = names.contains(name) && !a.property(name).is_never();
        let kind = if is_described { ViolationKind::OptionalProperty } else { ViolationKind::MissingProperty };
        goals.found.push(place.member(name).violated(kind));
    }
    additional_properties(a, b, place, goals);
    for (pattern, schema) in b.get("patternProperties").and_then(Value::as_object).into_iter().flatten() {
        match a.pattern_property(pattern) {
            Some(a) => goals.add(a, schema, place.any_member()),
            None => goals.found.push(place.incomparable("patternProperties")),
        }
    }
}

/// Returns whether objects may have properties that their schema does not describe.
fn may_have_others(a: &Conjunction<'_>, undescribed: Undescribed) -> bool {
    !a.unnamed_property().is_never() && (undescribed == Undescribed::Possible || !a.is_record())
}

fn additional_properties<'a, 'b>(
    a: &Conjunction<'a>,
    b: &'b Map<String, Value>,
    place: &Place,
    goals: &mut Goals<'a, 'b>,
) {
    let Some(additional) = b.get("additionalProperties") else { return };
    let undescribed = goals.undescribed;
    let is_closed = *additional == Value::Bool(false);
    let is_named = |name: &str| b.get("properties").is_some_and(|properties| properties.get(name).is_some());
    let mut check = |a: Conjunction<'a>, place: Place| match is_closed {
        true if a.is_never() => {}
        true => goals.found.push(place.violated(ViolationKind::UnknownProperty)),
        false => goals.add(a, additional, place),
    };
    // A pattern of the other schema may match the name. That would only allow more.
    for name in a.names().into_iter().filter(|name| !is_named(name)) {
        check(a.property(name), place.member(name));
    }
    if may_have_others(a, undescribed) {
        check(a.unnamed_property(), place.any_member());
    }
}
