//! Compares the params of a method: their structure, and each parameter.

use serde_json::{Map, Value, json};

use super::change::Change;
use super::documents::Documents;
use super::inclusion::are_same;
use super::properties::defaults;
use super::rule::Rule;
use super::schema_changes::{SchemaUse, compare as compare_schemas, default_change};
use crate::openrpc::model::{ContentDescriptor, Method, ParamStructure};

/// Compares the params of a method.
pub(super) fn compare(documents: &Documents, old: &Method<'_>, new: &Method<'_>) -> Vec<Change> {
    let place = format!("{}, params", old.name());
    let whole =
        |method: &Method<'_>| method.params().next().map_or(Value::Bool(true), |all| all.schema.as_value().clone());
    match (old.params_as_whole(), new.params_as_whole()) {
        (true, true) => compare_schemas(documents, SchemaUse::Param, (&whole(old), &whole(new)), &place),
        (true, false) => {
            vec![Change::new(
                Rule::ParamsShapeChanged,
                place,
                "each parameter is described now, and no others are accepted",
            )]
        }
        // One value that accepts all that the old parameters accept changes nothing.
        (false, true) => compare_schemas(documents, SchemaUse::Param, (&as_one_schema(old), &whole(new)), &place),
        (false, false) => each(documents, old, new),
    }
}

/// Writes the schema of all params together.
fn as_one_schema(method: &Method<'_>) -> Value {
    let params: Vec<_> = method.params().collect();
    let schema = |param: &&ContentDescriptor| param.schema.as_value().clone();
    let names: Map<_, _> = params.iter().map(|param| (param.name.clone(), schema(param))).collect();
    let required: Vec<_> = params.iter().filter(|param| param.is_required()).map(|param| &param.name).collect();
    let object = json!({
        "type": "object", "properties": names, "required": required, "additionalProperties": false,
    });
    let items: Vec<_> = params.iter().map(schema).collect();
    let array = json!({ "type": "array", "minItems": required.len(), "maxItems": items.len(), "items": items });
    match method.param_structure() {
        ParamStructure::ByName => object,
        ParamStructure::ByPosition => array,
        _ => json!({ "anyOf": [object, array] }),
    }
}

/// A parameter of the old method, and the one of the new method that takes its place.
struct ParamPair<'a> {
    old: (usize, &'a ContentDescriptor),
    new: (usize, &'a ContentDescriptor),
}

fn each(documents: &Documents, old: &Method<'_>, new: &Method<'_>) -> Vec<Change> {
    let mut changes = Vec::new();
    let (before, after): (Vec<_>, Vec<_>) = (old.params().collect(), new.params().collect());
    let place = |param: &ContentDescriptor| format!("{}, param `{}`", old.name(), param.name);
    structure(old, new, &mut changes);
    let are_positional =
        old.param_structure() == ParamStructure::ByPosition && new.param_structure() != ParamStructure::ByName;
    let partners = match are_positional {
        true => positional_partners(documents, &before, &after),
        false => before.iter().enumerate().map(|one| partner(documents, one, &before, &after)).collect(),
    };
    let mut pairs = Vec::new();
    for (old_one, partner) in before.iter().copied().enumerate().zip(partners) {
        match partner {
            Some(index) => pairs.push(ParamPair { old: old_one, new: (index, after[index]) }),
            None => changes.push(Change::new(Rule::ParamRemoved, place(old_one.1), "the parameter is removed")),
        }
    }
    for (index, param) in after.iter().enumerate() {
        if pairs.iter().any(|pair| pair.new.0 == index) {
            continue;
        }
        changes.push(match param.is_required() {
            true => Change::new(Rule::ParamAddedRequired, place(param), "the required parameter is new"),
            false => Change::new(Rule::ParamAddedOptional, place(param), "the optional parameter is new"),
        });
    }
    moved(old, &pairs, &mut changes);
    for pair in &pairs {
        one(documents, old, pair, &mut changes);
    }
    changes
}

/// Finds the new form of a parameter: by its name, or at its position if it was renamed.
fn partner(
    documents: &Documents,
    (index, old): (usize, &&ContentDescriptor),
    before: &[&ContentDescriptor],
    after: &[&ContentDescriptor],
) -> Option<usize> {
    if let Some(index) = after.iter().position(|param| param.name == old.name) {
        return Some(index);
    }
    let new = *after.get(index)?;
    let is_renamed = !before.iter().any(|param| param.name == new.name) && have_same_schema(documents, old, new);
    is_renamed.then_some(index)
}

/// Finds the new forms of parameters that go by position. A name with the same schema is a parameter that may have
/// moved. Otherwise the position counts, and then the name.
fn positional_partners(
    documents: &Documents,
    before: &[&ContentDescriptor],
    after: &[&ContentDescriptor],
) -> Vec<Option<usize>> {
    let mut partners = vec![None; before.len()];
    let mut is_taken = vec![false; after.len()];
    let named = |old: &ContentDescriptor| after.iter().position(|new| new.name == old.name);
    let same =
        |index: usize| named(before[index]).filter(|new| have_same_schema(documents, before[index], after[*new]));
    let at_position = |index: usize| Some(index).filter(|index| *index < after.len());
    let by_name = |index: usize| named(before[index]);
    let ways: [&dyn Fn(usize) -> Option<usize>; 3] = [&same, &at_position, &by_name];
    for way in ways {
        for (index, partner) in partners.iter_mut().enumerate() {
            if partner.is_none()
                && let Some(new) = way(index).filter(|new| !is_taken[*new])
            {
                *partner = Some(new);
                is_taken[new] = true;
            }
        }
    }
    partners
}

fn have_same_schema(documents: &Documents, old: &ContentDescriptor, new: &ContentDescriptor) -> bool {
    are_same(documents.old(old.schema.as_value()), documents.new_one(new.schema.as_value()))
}

fn structure(old: &Method<'_>, new: &Method<'_>, changes: &mut Vec<Change>) {
    let name = |structure| match structure {
        ParamStructure::ByName => "by name",
        ParamStructure::ByPosition => "by position",
        ParamStructure::Either => "by name or by position",
    };
    let (before, after) = (old.param_structure(), new.param_structure());
    if before != after && old.params().next().is_some() {
        let is_wider = after == ParamStructure::Either;
        let rule = if is_wider { Rule::ParamStructureWidened } else { Rule::ParamStructureNarrowed };
        let message = format!("params went {}, and go {} now", name(before), name(after));
        changes.push(Change::new(rule, format!("{}, params", old.name()), message));
    }
}

/// Reports parameters whose position changed. If params go by name, only the order among the old ones counts.
fn moved(old: &Method<'_>, pairs: &[ParamPair<'_>], changes: &mut Vec<Change>) {
    let is_named = old.param_structure() == ParamStructure::ByName;
    for (rank, pair) in pairs.iter().enumerate() {
        let new_rank = pairs.iter().filter(|other| other.new.0 < pair.new.0).count();
        let (before, after) = if is_named { (rank, new_rank) } else { (pair.old.0, pair.new.0) };
        if before == after {
            continue;
        }
        let rule = if is_named { Rule::NamedParamMoved } else { Rule::ParamMoved };
        let place = format!("{}, param `{}`", old.name(), pair.old.1.name);
        changes.push(Change::new(rule, place, format!("position {} became {}", before + 1, after + 1)));
    }
}

/// Compares the two forms of one parameter.
fn one(documents: &Documents, method: &Method<'_>, pair: &ParamPair<'_>, changes: &mut Vec<Change>) {
    let (old, new) = (pair.old.1, pair.new.1);
    let place = format!("{}, param `{}`", method.name(), old.name);
    let mut report = |rule, message: String| changes.push(Change::new(rule, place.clone(), message));
    if old.name != new.name {
        let is_positional = method.param_structure() == ParamStructure::ByPosition;
        let rule = if is_positional { Rule::PositionalParamRenamed } else { Rule::ParamRenamed };
        report(rule, format!("the parameter is `{}` now", new.name));
    }
    match (old.is_required(), new.is_required()) {
        (false, true) => report(Rule::ParamBecameRequired, "the parameter became required".to_owned()),
        (true, false) => report(Rule::ParamBecameOptional, "the parameter became optional".to_owned()),
        (true, true) => {}
        (false, false) => {
            let before = defaults(documents.old(old.schema.as_value()));
            let after = defaults(documents.new_one(new.schema.as_value()));
            if let Some(message) = default_change(&before, &after) {
                report(Rule::ParamDefaultChanged, message);
            }
        }
    }
    if new.is_deprecated() && !old.is_deprecated() {
        report(Rule::DeprecatedAdded, "the parameter is deprecated".to_owned());
    }
    let schemas = (old.schema.as_value(), new.schema.as_value());
    changes.extend(compare_schemas(documents, SchemaUse::Param, schemas, &place));
}
