//! Merges the types of params and those of results into one list. A type that differs between the two gets a second
//! name.

use std::collections::BTreeMap;

use serde_json::{Map, Value};

use super::references;

/// The named types, and the new names of written types that differ from the read types of the same name.
pub(super) struct MergedDefinitions {
    pub(super) definitions: Map<String, Value>,
    names: BTreeMap<String, String>,
}

/// Merges the types. If a read and a written type have the same name and differ, or refer to types that differ, the
/// written one gets another name.
pub(super) fn merge(read: Map<String, Value>, written: Map<String, Value>) -> MergedDefinitions {
    let mut names = BTreeMap::new();
    loop {
        let differ = |(name, schema): &(&String, &Value)| {
            !names.contains_key(*name)
                && read.get(*name).is_some_and(|other| other != *schema || refers_to_any(schema, &names))
        };
        let Some((name, _)) = written.iter().find(differ) else { break };
        let mut other = format!("{name}Output");
        while read.contains_key(&other) || written.contains_key(&other) {
            other.push('_');
        }
        names.insert(name.clone(), other);
    }
    let mut merged = MergedDefinitions { definitions: read, names };
    for (name, mut schema) in written {
        merged.rename(&mut schema);
        let name = merged.names.get(&name).cloned().unwrap_or(name);
        merged.definitions.insert(name, schema);
    }
    merged
}

impl MergedDefinitions {
    /// Renames the references in the schema of a written type.
    pub(super) fn rename(&self, schema: &mut Value) {
        references::replace(schema, &|reference| {
            let (name, other) = self.names.get_key_value(&references::name(reference)?)?;
            // The part after the old name needs no escape.
            Some(format!("{reference}{}", &other[name.len()..]))
        });
    }
}

/// Keeps the types that are referred to. A struct that is all params needs no entry, because the method lists its
/// members.
pub(super) fn reachable(mut definitions: Map<String, Value>, from: &Value) -> Map<String, Value> {
    let mut kept = Map::new();
    let mut found = references::names(from);
    while let Some(name) = found.pop() {
        if let Some(schema) = definitions.remove(&name) {
            found.extend(references::names(&schema));
            kept.insert(name, schema);
        }
    }
    kept
}

fn refers_to_any(schema: &Value, names: &BTreeMap<String, String>) -> bool {
    references::names(schema).iter().any(|name| names.contains_key(name))
}

#[cfg(test)]
mod tests {
    use serde_json::{Map, Value, json};

    use super::{merge, reachable};

    fn map(value: Value) -> Map<String, Value> {
        let Value::Object(map) = value else { panic!() };
        map
    }

    #[test]
    fn types_that_differ_and_those_that_hold_them_are_there_twice() {
        let holds = |name: &str| json!({ "items": { "$ref": format!("#/components/schemas/{name}") } });
        let read = map(json!({ "Same": 1, "User": 2, "Users": holds("User"), "Page": holds("Users"), "Only": 3 }));
        let written = map(
            json!({ "Same": 1, "User": 4, "Users": holds("User"), "Page": holds("Users"), "Result": holds("User") }),
        );
        let merged = merge(read, written);
        let expected = json!({
            "Same": 1,
            "Only": 3,
            "User": 2,
            "UserOutput": 4,
            "Users": holds("User"),
            "UsersOutput": holds("UserOutput"),
            "Page": holds("Users"),
            "PageOutput": holds("UsersOutput"),
            "Result": holds("UserOutput"),
        });
        assert_eq!(Value::Object(merged.definitions.clone()), expected);
        let mut result = holds("Page");
        merged.rename(&mut result);
        assert_eq!(result, holds("PageOutput"));
    }

    #[test]
    fn types_that_nothing_refers_to_are_left_out() {
        let refers = |name: &str| json!({ "$ref": format!("#/components/schemas/{name}") });
        let all = map(json!({ "A": refers("B"), "B": refers("A"), "C": refers("D"), "D": 1 }));
        let kept = reachable(all, &json!([refers("B")]));
        assert_eq!(Value::Object(kept), json!({ "A": refers("B"), "B": refers("A") }));
    }

    #[test]
    fn a_name_that_is_taken_is_not_taken_again() {
        let merged = merge(map(json!({ "User": 1, "UserOutput": 2 })), map(json!({ "User": 3 })));
        assert_eq!(Value::Object(merged.definitions), json!({ "User": 1, "UserOutput": 2, "UserOutput_": 3 }));
    }
}
