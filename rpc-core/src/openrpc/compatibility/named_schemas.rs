//! Compares the named schemas of two documents: which are new, removed or renamed. Generated types have their names.

use std::collections::BTreeMap;

use super::change::Change;
use super::documents::Documents;
use super::inclusion::are_same;
use super::outline::outline;
use super::rule::Rule;
use crate::openrpc::model::{Description, Schema};

/// Compares the schemas of the components. The methods that use them report what changed inside.
pub(super) fn compare(documents: &Documents, old: &Description, new: &Description) -> Vec<Change> {
    let (before, after) = (schemas(old), schemas(new));
    let same = |old: &Schema, new: &Schema| are_same(documents.old(old.as_value()), documents.new_one(new.as_value()));
    // Only schemas with the same outline are compared, since each pair of a removed and an added one would take long.
    let mut by_outline = BTreeMap::<u64, Vec<_>>::new();
    for (name, schema) in after.iter().filter(|(name, _)| !before.contains_key(*name)) {
        by_outline.entry(outline(documents.new_one(schema.as_value()))).or_default().push((*name, *schema));
    }
    let mut changes = Vec::new();
    for (name, schema) in &before {
        let place = format!("schema `{name}`");
        match after.get(name) {
            Some(new) if schema != new && same(schema, new) => {
                changes.push(Change::new(Rule::DocsChanged, place, "the description or another annotation differs"));
            }
            Some(_) => {}
            None => {
                let added = by_outline.entry(outline(documents.old(schema.as_value()))).or_default();
                changes.push(match added.iter().position(|(_, new)| same(schema, new)) {
                    Some(index) => {
                        let (new, _) = added.remove(index);
                        Change::new(Rule::SchemaRenamed, place, format!("the schema is `{new}` now"))
                    }
                    None => Change::new(Rule::SchemaRemoved, place, "the schema is removed"),
                });
            }
        }
    }
    let added = by_outline.into_values().flatten().map(|(name, _)| format!("schema `{name}`"));
    changes.extend(added.map(|place| Change::new(Rule::SchemaAdded, place, "the schema is new")));
    changes
}

fn schemas(description: &Description) -> BTreeMap<&str, &Schema> {
    let schemas = description.components.as_ref().and_then(|components| components.schemas.as_ref());
    schemas.into_iter().flatten().map(|(name, schema)| (name.as_str(), schema)).collect()
}
