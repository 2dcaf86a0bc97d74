//! [`compare`]: the changes between two descriptions of a service.

use std::collections::{HashMap, HashSet};

use super::change::Change;
use super::documents::Documents;
use super::rule::Rule;
use super::{answers, calls, named_schemas, params, streams, unresolved};
use crate::openrpc::model::{Description, Method};

/// Compares two descriptions of a service: may clients of the old one call a server with the new one?
///
/// Returns each change with its [rule](Rule), the breaking ones first. The order of methods and members does not
/// matter. Clients are assumed to send and to expect what the old description says. In params and results, an object
/// with `properties` is assumed to have no others, unless the schema has `additionalProperties` or
/// `patternProperties`.
///
/// Schemas are compared by the values that they allow. If it cannot be proven that the change of a schema is
/// compatible, it is reported as breaking.
///
/// docs/compatibility.md explains each rule.
///
/// # Example
///
/// ```
/// use rpc::openrpc::{Description, Level, Rule, compare};
/// use serde_json::json;
///
/// let describe = |orders: &[&str]| {
///     Description::try_from(json!({
///         "openrpc": "1.3.2",
///         "info": { "title": "Accounts", "version": "1.0.0" },
///         "methods": [{
///             "name": "user.list",
///             "params": [{ "name": "order", "schema": { "enum": orders } }],
///             "result": { "name": "users", "schema": { "type": "array" } },
///         }],
///     }))
/// };
/// let changes = compare(&describe(&["asc", "desc"])?, &describe(&["desc"])?);
/// assert_eq!(changes.len(), 1);
/// assert_eq!(changes[0].rule, Rule::ParamEnumValueRemoved);
/// assert_eq!(changes[0].level(), Level::Wire);
/// let line = "wire  param-enum-value-removed  user.list, param `order`: `\"asc\"` is no longer accepted";
/// assert_eq!(changes[0].to_string(), line);
/// # Ok::<(), rpc::openrpc::DescriptionError>(())
/// ```
pub fn compare(old: &Description, new: &Description) -> Vec<Change> {
    // A document that refers to others may have another meaning than before.
    if old == new && old.check().is_ok() {
        return Vec::new();
    }
    let documents = Documents::new(old, new);
    let mut changes = unresolved::methods(old, new);
    let by_name = by_name(new);
    let mut known = HashSet::new();
    for method in old.methods() {
        match by_name.get(method.name()) {
            Some(new_method) => {
                known.insert(new_method.name());
                changes.extend(compare_methods(&documents, &method, new_method));
            }
            None => changes.push(Change::new(Rule::MethodRemoved, method.name(), "the method is removed")),
        }
    }
    for method in new.methods().filter(|method| !known.contains(method.name())) {
        changes.push(Change::new(Rule::MethodAdded, method.name(), "the method is new"));
    }
    changes.extend(named_schemas::compare(&documents, old, new));
    let has_same_frame = old.openrpc == new.openrpc
        && old.info == new.info
        && old.servers == new.servers
        && old.external_docs == new.external_docs
        && old.extensions == new.extensions;
    if !has_same_frame {
        let message = "what the document says of itself and its servers differs";
        changes.push(Change::new(Rule::DocsChanged, "document", message));
    }
    let key = |change: &Change| (change.level(), change.place.clone(), change.rule, change.message.clone());
    changes.sort_by_cached_key(key);
    changes.dedup();
    changes
}

/// Returns the methods by their names and aliases, as [`Description::method`] finds them.
fn by_name(description: &Description) -> HashMap<&str, Method<'_>> {
    let mut by_name = HashMap::new();
    for method in description.methods() {
        by_name.entry(method.object().name.as_str()).or_insert(method);
    }
    for method in description.methods() {
        for alias in method.aliases() {
            by_name.entry(alias).or_insert(method);
        }
    }
    by_name
}

/// Compares the two forms of one method.
fn compare_methods(documents: &Documents, old: &Method<'_>, new: &Method<'_>) -> Vec<Change> {
    let mut changes = calls::compare_names(old, new);
    changes.extend(calls::compare_calls(old, new));
    changes.extend(unresolved::parts(old, new));
    changes.extend(params::compare(documents, old, new));
    changes.extend(streams::compare_streams(documents, old, new));
    changes.extend(answers::compare_errors(documents, old, new));
    if changes.is_empty() && old.object() != new.object() {
        changes.push(Change::new(Rule::DocsChanged, old.name(), "a text, an annotation or an extension differs"));
    }
    changes
}
