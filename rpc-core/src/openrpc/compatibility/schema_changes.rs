//! Names the differences of two schemas by rules: for a parameter, the result, or the data of an error.

use serde_json::Value;

use super::change::Change;
use super::documents::Documents;
use super::inclusion::{Undescribed, Violation, ViolationKind, are_same, violations};
use super::properties::{Places, is_inside};
use super::rule::Rule;

/// What a schema describes. The old client writes params and reads everything else.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum SchemaUse {
    Param,
    Result,
    ErrorData,
}

/// Returns the changes of a schema. `place` is that of the whole value.
pub(super) fn compare(
    documents: &Documents,
    used: SchemaUse,
    (old, new): (&Value, &Value),
    place: &str,
) -> Vec<Change> {
    let (old, new) = (documents.old(old), documents.new_one(new));
    let found = match used {
        SchemaUse::Param => violations(old, new, Undescribed::Absent),
        SchemaUse::Result | SchemaUse::ErrorData => violations(new, old, Undescribed::Absent),
    };
    let (before, after) = (Places::of(old), Places::of(new));
    let mut changes = Vec::new();
    let at = |inner: &str| if inner.is_empty() { place.to_owned() } else { format!("{place}, {inner}") };
    for (rule, inner, message) in described_changes(used, (&before, &after), &found) {
        changes.push(Change::new(rule, at(inner), message));
    }
    changes.extend(found.into_iter().map(|Violation { place: inner, kind }| {
        let (rule, message) = if used == SchemaUse::Param { of_param(kind) } else { of_answer(kind) };
        let is_data = used == SchemaUse::ErrorData && rule != Rule::ResultPropertyNotAllowed;
        Change::new(if is_data { Rule::ErrorDataChanged } else { rule }, at(&inner), message)
    }));
    if changes.is_empty() && !are_same(old, new) {
        let (one, other) = if used == SchemaUse::Param { (new, old) } else { (old, new) };
        let is_equivalent = violations(one, other, Undescribed::Absent).is_empty();
        changes.push(match used {
            _ if is_equivalent => {
                Change::new(Rule::DocsChanged, place, "the schema allows the same described values in another form")
            }
            SchemaUse::Param => Change::new(Rule::ParamWidened, place, "more values are accepted"),
            _ => Change::new(Rule::ResultNarrowed, place, "fewer values are returned"),
        });
    }
    changes
}

/// Returns the changes of what schemas describe, and no violation tells: the rule, the place and how it changed.
fn described_changes<'p>(
    used: SchemaUse,
    (before, after): (&'p Places, &'p Places),
    found: &[Violation],
) -> Vec<(Rule, &'p str, String)> {
    let (added_rule, removed_rule) = match used {
        SchemaUse::Param => (Rule::ParamPropertyAdded, Rule::ParamOptionalPropertyRemoved),
        SchemaUse::Result | SchemaUse::ErrorData => (Rule::ResultPropertyAdded, Rule::ResultOptionalPropertyRemoved),
    };
    let is_told = |inner: &str, other: &Places| found.iter().any(|violation| tells(violation, inner, other));
    let added = missing(after, before).filter(|(inner, _)| !is_told(inner, before));
    let removed = missing(before, after).filter(|(inner, object)| {
        // The server still accepts a property that it does not describe.
        let is_accepted = used == SchemaUse::Param && after.is_open(object);
        !is_accepted && !is_told(inner, after)
    });
    let mut changes: Vec<_> = added.map(|(inner, _)| (added_rule, inner, "the property is new".to_owned())).collect();
    changes.extend(removed.map(|(inner, _)| (removed_rule, inner, "the property is no longer described".to_owned())));
    if used == SchemaUse::Param {
        // The method's `required` tells whether the default of the parameter itself matters.
        for (inner, defaults) in before.defaults.iter().filter(|(inner, _)| !inner.is_empty()) {
            if let Some(message) = after.defaults.get(inner).and_then(|now| default_change(defaults, now))
                && !is_told(inner, after)
            {
                changes.push((Rule::ParamDefaultChanged, inner, message));
            }
        }
    }
    changes
}

/// Returns the outermost properties that only one side describes, each with the place of its object.
fn missing<'p>(described: &'p Places, other: &'p Places) -> impl Iterator<Item = (&'p str, &'p str)> {
    let is_missing = |inner: &str| !other.properties.contains_key(inner);
    // Sorted by place, so that an object comes before what is inside of it.
    let mut outermost = Vec::<&str>::new();
    described.properties.iter().filter_map(move |(inner, object)| {
        if !is_missing(inner) || outermost.iter().any(|outer| is_inside(inner, outer)) {
            return None;
        }
        outermost.push(inner);
        (!other.leaves_out(inner)).then_some((inner.as_str(), object.as_str()))
    })
}

/// Returns whether a violation tells the change at a place. `other` is the side that lacks the place.
fn tells(violation: &Violation, inner: &str, other: &Places) -> bool {
    let outer = violation.place.as_str();
    match &violation.kind {
        ViolationKind::Alternative | ViolationKind::MissingProperty | ViolationKind::UnknownProperty => {
            is_inside(inner, outer)
        }
        ViolationKind::Type(types) if types.is_null() => false,
        // If the other side describes parts of the value as well, a change inside is another one.
        ViolationKind::Type(_) | ViolationKind::Unlisted | ViolationKind::Incomparable(_) => {
            inner == outer || (is_inside(inner, outer) && !other.has_parts(outer))
        }
        ViolationKind::OptionalProperty => inner == outer,
        ViolationKind::Value(_) | ViolationKind::Limit(..) | ViolationKind::Format(..) => false,
    }
}

/// Describes the change of the defaults at a place, if there is one.
pub(super) fn default_change(old: &[Value], new: &[Value]) -> Option<String> {
    let all = |defaults: &[Value]| defaults.iter().map(|one| format!("`{one}`")).collect::<Vec<_>>().join(" or ");
    match (old.is_empty(), new.is_empty()) {
        _ if old == new => None,
        (false, false) => Some(format!("the default was {} and is {}", all(old), all(new))),
        (false, true) => Some(format!("the default was {}, and no default is described now", all(old))),
        (true, _) => Some(format!("the default is {}, and no default was described before", all(new))),
    }
}

/// Names what the new schema of a parameter rejects.
fn of_param(kind: ViolationKind) -> (Rule, String) {
    let (rule, message) = match kind {
        ViolationKind::Type(types) if types.is_null() => (Rule::ParamNotNullable, "`null` is no longer accepted"),
        ViolationKind::Unlisted => (Rule::ParamTypeNarrowed, "only listed values are accepted now"),
        ViolationKind::Alternative => (Rule::ParamVariantRemoved, "an alternative is no longer accepted"),
        ViolationKind::MissingProperty => (Rule::ParamPropertyRequired, "the required property is new"),
        ViolationKind::OptionalProperty => (Rule::ParamPropertyRequired, "the property became required"),
        ViolationKind::UnknownProperty => (Rule::ParamPropertyRemoved, "the property is no longer accepted"),
        ViolationKind::Type(types) => return (Rule::ParamTypeNarrowed, format!("{types} is no longer accepted")),
        ViolationKind::Value(value) => {
            return (Rule::ParamEnumValueRemoved, format!("`{value}` is no longer accepted"));
        }
        ViolationKind::Limit(keyword, limit) => {
            return (Rule::ParamRangeNarrowed, format!("`{keyword}` is `{limit}` now"));
        }
        ViolationKind::Format(keyword, text) => {
            return (Rule::ParamFormatNarrowed, format!("`{keyword}` is `{text}` now"));
        }
        ViolationKind::Incomparable(why) => {
            return (Rule::ParamIncomparable, format!("the schemas cannot be compared further: {why}"));
        }
    };
    (rule, message.to_owned())
}

/// Names what the old schema of an answer rejects.
fn of_answer(kind: ViolationKind) -> (Rule, String) {
    let (rule, message) = match kind {
        ViolationKind::Type(types) if types.is_null() => (Rule::ResultNullable, "may be `null` now"),
        ViolationKind::Unlisted => (Rule::ResultTypeChanged, "may be other than the listed values now"),
        ViolationKind::Alternative => (Rule::ResultVariantAdded, "has a new alternative"),
        ViolationKind::MissingProperty => (Rule::ResultPropertyRemoved, "the property is removed"),
        ViolationKind::OptionalProperty => (Rule::ResultPropertyOptional, "the property may be missing now"),
        ViolationKind::UnknownProperty => {
            (Rule::ResultPropertyNotAllowed, "the property is new, and the old schema allows no others")
        }
        ViolationKind::Type(types) => return (Rule::ResultTypeChanged, format!("may be {types} now")),
        ViolationKind::Value(value) => return (Rule::ResultEnumValueAdded, format!("may be `{value}` now")),
        ViolationKind::Limit(keyword, limit) => {
            return (Rule::ResultRangeWidened, format!("may be outside of `{keyword}` `{limit}` now"));
        }
        ViolationKind::Format(keyword, text) => {
            return (Rule::ResultFormatChanged, format!("may be without the {keyword} `{text}` now"));
        }
        ViolationKind::Incomparable(why) => {
            return (Rule::ResultIncomparable, format!("the schemas cannot be compared further: {why}"));
        }
    };
    (rule, message.to_owned())
}
