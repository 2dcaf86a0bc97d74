//! Names the differences of two schemas by rules: for a parameter, the result, or the data of an error.

use serde_json::Value;

use super::change::Change;
use super::documents::Documents;
use super::inclusion::{Undescribed, Violation, ViolationKind, are_same, violations};
use super::properties::{is_inside, places};
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
    let (before, after) = (places(old), places(new));
    let mut changes = Vec::new();
    let at = |inner: &str| if inner.is_empty() { place.to_owned() } else { format!("{place}, {inner}") };
    // Whatever is inside of a violated place is not news.
    let is_told = |inner: &str| found.iter().any(|violation| is_inside(inner, &violation.place));
    let mut property = |inner: &str, others: &[&String], rule: Rule, message: &str| {
        let is_outermost = !others.iter().any(|outer| outer.as_str() != inner && is_inside(inner, outer));
        if is_outermost && !is_told(inner) {
            changes.push(Change::new(rule, at(inner), message));
        }
    };
    let (added_rule, removed_rule) = match used {
        SchemaUse::Param => (Rule::ParamPropertyAdded, Rule::ParamOptionalPropertyRemoved),
        SchemaUse::Result | SchemaUse::ErrorData => (Rule::ResultPropertyAdded, Rule::ResultOptionalPropertyRemoved),
    };
    let added: Vec<_> = after.keys().filter(|inner| !before.contains_key(*inner)).collect();
    let removed: Vec<_> = before.keys().filter(|inner| !after.contains_key(*inner)).collect();
    added.iter().for_each(|inner| property(inner, &added, added_rule, "the property is new"));
    removed.iter().for_each(|inner| property(inner, &removed, removed_rule, "the property is no longer described"));
    if used == SchemaUse::Param {
        for (inner, default) in &before {
            if let Some(message) = after.get(inner).and_then(|now| default_change(default.as_ref(), now.as_ref())) {
                property(inner, &[], Rule::ParamDefaultChanged, &message);
            }
        }
    }
    changes.extend(found.into_iter().map(|Violation { place: inner, kind }| {
        let (rule, message) = if used == SchemaUse::Param { of_param(kind) } else { of_answer(kind) };
        let is_data = used == SchemaUse::ErrorData && rule != Rule::ResultPropertyNotAllowed;
        Change::new(if is_data { Rule::ErrorDataChanged } else { rule }, at(&inner), message)
    }));
    if changes.is_empty() && !are_same(old, new) {
        changes.push(match used {
            SchemaUse::Param => Change::new(Rule::ParamWidened, place, "more values are accepted"),
            _ => Change::new(Rule::ResultNarrowed, place, "fewer values are returned"),
        });
    }
    changes
}

/// Describes the change of a default, if there is one.
pub(super) fn default_change(old: Option<&Value>, new: Option<&Value>) -> Option<String> {
    match (old, new) {
        (old, new) if old == new => None,
        (Some(old), Some(new)) => Some(format!("the default was `{old}` and is `{new}`")),
        (Some(old), None) => Some(format!("the default was `{old}`, and no default is described now")),
        (None, Some(new)) => Some(format!("the default is `{new}`, and no default was described before")),
        (None, None) => None,
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
