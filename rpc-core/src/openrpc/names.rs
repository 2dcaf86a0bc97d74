//! Names of types that do not depend on the order in which types are described.
//!
//! schemars numbers types of the same name in the order in which it meets them: `Page`, `Page2`. So each type is
//! described separately, and each type that it refers to gets a key. When all types are known, each key gets a name.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Map, Value};

use super::references;

/// Named types by key. References contain the keys until [`NamedTypes::named`] replaces them.
#[derive(Default)]
pub(super) struct NamedTypes {
    types: Vec<NamedType>,
    /// The schemas by key, for resolving references.
    schemas: Map<String, Value>,
    keys: BTreeMap<TypeIdentity, usize>,
}

/// A name, and the whole content of the type of that name. Types with the same identity are one type.
type TypeIdentity = (String, String);

struct NamedType {
    key: String,
    /// The name that the type gives itself.
    name: String,
    /// The same name as written in references.
    written: String,
    /// The names of the types that the type refers to.
    refers_to: BTreeSet<String>,
    /// The whole content of the type as text. It sorts types of the same name.
    text: String,
}

impl NamedTypes {
    /// Adds the types that a schema refers to, and replaces the names in its references by keys.
    pub(super) fn take(&mut self, schema: &mut Value, definitions: &Map<String, Value>) {
        let mut keys = BTreeMap::new();
        let mut written = BTreeMap::new();
        let mut note = |reference: &str| {
            let text = references::written(reference).map(str::to_owned);
            written.extend(references::name(reference).zip(text));
        };
        references::for_each(schema, &mut note);
        definitions.values().for_each(|schema| references::for_each(schema, &mut note));
        let mut new = Vec::new();
        for (name, schema) in definitions {
            let text = text(name, definitions);
            let next = self.types.len();
            let key = *self.keys.entry((name.clone(), text.clone())).or_insert(next);
            keys.insert(name.clone(), key.to_string());
            if key == next {
                let refers_to = references::names(schema).into_iter().filter(|other| other != name).collect();
                let written = written.get(name).unwrap_or(name).clone();
                self.types.push(NamedType { key: key.to_string(), name: name.clone(), written, refers_to, text });
                new.push((key, schema.clone()));
            }
        }
        let by_key = |reference: &str| Some(references::to(keys.get(&references::name(reference)?)?));
        references::replace(schema, &by_key);
        for (key, mut schema) in new {
            references::replace(&mut schema, &by_key);
            self.schemas.insert(key.to_string(), schema);
        }
    }

    /// Returns the schemas by key.
    pub(super) fn schemas(&self) -> &Map<String, Value> {
        &self.schemas
    }

    /// Names the types, and returns their schemas by name. The types of the other side get the same names.
    pub(super) fn named(mut self, shared: &SharedNames) -> (TypeNames, Map<String, Value>) {
        let names = TypeNames::of(&self.types, shared);
        let mut named = Map::new();
        for (key, mut schema) in std::mem::take(&mut self.schemas) {
            names.rename(&mut schema);
            if let Some((name, _)) = names.0.get(&key) {
                named.insert(name.clone(), schema);
            }
        }
        (names, named)
    }
}

/// The names that several read types or several written types share, and how to tell those types apart.
pub(super) struct SharedNames(BTreeMap<String, NameSuffix>);

/// The suffix that tells types of the same name apart.
enum NameSuffix {
    /// The names of the types that they refer to, except these common ones.
    ReferencesBut(BTreeSet<String>),
    /// Numbers.
    Number,
}

impl SharedNames {
    /// Compares the read types and the written types by name.
    pub(super) fn of(read: &NamedTypes, written: &NamedTypes) -> Self {
        let sides = [by_name(&read.types), by_name(&written.types)];
        let names: BTreeSet<_> = sides.iter().flat_map(|side| side.keys().copied()).collect();
        let shared = names.into_iter().filter_map(|name| {
            let sides = sides.each_ref().map(|side| side.get(name).map_or(&[][..], Vec::as_slice));
            sides.iter().any(|types| types.len() > 1).then(|| (name.to_owned(), NameSuffix::of(sides)))
        });
        Self(shared.collect())
    }
}

impl NameSuffix {
    fn of(sides: [&[&NamedType]; 2]) -> Self {
        let mut all = sides.iter().copied().flatten().map(|ty| &ty.refers_to);
        let first = all.next().cloned().unwrap_or_default();
        let common = all.fold(first, |common, names| common.intersection(names).cloned().collect());
        let tells_apart = |types: &[&NamedType]| {
            let suffixes: BTreeSet<_> = types.iter().map(|ty| ty.suffix(&common)).collect();
            suffixes.len() == types.len()
        };
        if sides.into_iter().all(tells_apart) { Self::ReferencesBut(common) } else { Self::Number }
    }
}

impl NamedType {
    /// Returns the names of the types that this one refers to, without the common ones.
    fn suffix(&self, common: &BTreeSet<String>) -> String {
        self.refers_to.difference(common).map(|name| format!("_{}", plain(name))).collect()
    }
}

/// Groups types by name, and sorts each group.
fn by_name(types: &[NamedType]) -> BTreeMap<&str, Vec<&NamedType>> {
    let mut groups = BTreeMap::<_, Vec<_>>::new();
    for ty in types {
        groups.entry(&*ty.name).or_default().push(ty);
    }
    groups.values_mut().for_each(|group| group.sort_by_key(|ty| &ty.text));
    groups
}

/// The names by key, each with its form in references.
pub(super) struct TypeNames(BTreeMap<String, (String, String)>);

impl TypeNames {
    /// Names the types. If several types share a name, each gets as a suffix the names of the types that not all of
    /// them refer to: `Page_Order`. If that does not tell them apart, they are numbered in the order of their content.
    fn of(types: &[NamedType], shared: &SharedNames) -> Self {
        let groups = by_name(types);
        let mut taken: BTreeSet<String> = groups.keys().map(|&name| name.to_owned()).collect();
        let mut names = BTreeMap::new();
        for (number, ty) in groups.into_values().flat_map(|group| group.into_iter().enumerate()) {
            let suffix = match shared.0.get(&ty.name) {
                Some(NameSuffix::ReferencesBut(common)) => ty.suffix(common),
                Some(NameSuffix::Number) if number > 0 => (number + 1).to_string(),
                _ => String::new(),
            };
            let (mut name, mut written) = (format!("{}{suffix}", ty.name), format!("{}{suffix}", ty.written));
            while !suffix.is_empty() && !taken.insert(name.clone()) {
                name.push('_');
                written.push('_');
            }
            names.insert(ty.key.clone(), (name, written));
        }
        Self(names)
    }

    /// Replaces the keys in references by names.
    pub(super) fn rename(&self, schema: &mut Value) {
        let by_name = |reference: &str| Some(references::to(&self.0.get(&references::name(reference)?)?.1));
        references::replace(schema, &by_name);
    }
}

/// Replaces the characters that need an escape in a reference.
fn plain(name: &str) -> String {
    name.chars().map(|char| if char.is_ascii_alphanumeric() { char } else { '_' }).collect()
}

/// Writes a type with all types that it refers to.
fn text(name: &str, definitions: &Map<String, Value>) -> String {
    let mut reached = BTreeSet::new();
    let mut found = vec![name.to_owned()];
    while let Some(name) = found.pop() {
        if let Some(schema) = definitions.get(&name)
            && reached.insert(name)
        {
            found.extend(references::names(schema));
        }
    }
    let reached: Map<_, _> = reached.into_iter().map(|name| (name.clone(), definitions[&name].clone())).collect();
    let mut reached = Value::Object(reached);
    reached.sort_all_objects();
    reached.to_string()
}

#[cfg(test)]
mod tests {
    use serde_json::{Map, Value, json};

    use super::{NamedTypes, SharedNames};

    fn map(value: Value) -> Map<String, Value> {
        let Value::Object(map) = value else { panic!() };
        map
    }

    fn refers(name: &str) -> Value {
        json!({ "$ref": format!("#/components/schemas/{name}") })
    }

    /// A type: its name, and the definitions of it and of the types that it refers to.
    type TypeDescription = (&'static str, Value);

    /// Names the types of a list. Returns the definitions, and the references in the order of the list.
    fn name_all(list: &[&TypeDescription]) -> (Value, Vec<String>) {
        let mut types = NamedTypes::default();
        let mut schemas: Vec<_> = list.iter().map(|(name, _)| refers(name)).collect();
        for (schema, (_, definitions)) in schemas.iter_mut().zip(list) {
            types.take(schema, &map(definitions.clone()));
        }
        let (names, named) = {
            let shared = SharedNames::of(&NamedTypes::default(), &types);
            types.named(&shared)
        };
        schemas.iter_mut().for_each(|schema| names.rename(schema));
        (Value::Object(named), schemas.iter().map(|schema| schema["$ref"].as_str().unwrap().to_owned()).collect())
    }

    fn page(of: &str) -> TypeDescription {
        let page = json!({ "properties": { "items": { "items": refers(of) }, "cursor": refers("Cursor") } });
        ("Page", json!({ "Page": page, of: { "title": of }, "Cursor": { "type": "string" } }))
    }

    #[test]
    fn generic_types_are_named_by_what_they_hold_whatever_the_order() {
        let (orders, users) = (page("Order"), page("User"));
        let (named, references) = name_all(&[&orders, &users]);
        assert_eq!(references, ["#/components/schemas/Page_Order", "#/components/schemas/Page_User"]);
        let names: Vec<_> = named.as_object().unwrap().keys().map(String::as_str).collect();
        assert_eq!(names, ["Cursor", "Order", "Page_Order", "Page_User", "User"]);
        let (other, mut references) = name_all(&[&users, &orders]);
        references.reverse();
        assert_eq!(
            (named, references),
            (other, vec!["#/components/schemas/Page_Order".into(), "#/components/schemas/Page_User".into()])
        );
    }

    #[test]
    fn types_of_one_name_are_numbered_by_what_they_consist_of() {
        let (one, two) = (("User", json!({ "User": { "title": "a" } })), ("User", json!({ "User": { "title": "b" } })));
        let three = ("User2", json!({ "User2": {} }));
        let expected = json!({ "User": { "title": "a" }, "User2": {}, "User2_": { "title": "b" } });
        for list in [[&one, &two, &three], [&two, &three, &one], [&three, &two, &one], [&two, &one, &three]] {
            assert_eq!(name_all(&list).0, expected);
        }
    }

    #[test]
    fn same_type_is_there_once_and_alone_keeps_its_name() {
        let page = page("Order");
        let (named, references) = name_all(&[&page, &page]);
        assert_eq!(references, ["#/components/schemas/Page"; 2]);
        assert_eq!(named.as_object().unwrap().len(), 3);
    }

    #[test]
    fn types_that_hold_types_of_one_name_are_told_apart_and_refer_to_their_own() {
        let holds = |title: &str| {
            let own =
                json!({ "User": { "title": title }, "Team": { "items": refers("User") }, "Self": refers("Self") });
            ("Team", own)
        };
        let (a, b) = (holds("a"), holds("b"));
        let (named, references) = name_all(&[&b, &a]);
        assert_eq!(references, ["#/components/schemas/Team2", "#/components/schemas/Team"]);
        assert_eq!(named["Team"], json!({ "items": refers("User") }));
        assert_eq!(named["Team2"], json!({ "items": refers("User2") }));
        assert_eq!(named["User2"], json!({ "title": "b" }));
    }

    #[test]
    fn escapes_are_kept() {
        let ty = ("a b", json!({ "a b": { "title": "1" } }));
        let mut types = NamedTypes::default();
        let mut schema = refers("a%20b");
        types.take(&mut schema, &map(ty.1));
        let (names, named) = {
            let shared = SharedNames::of(&NamedTypes::default(), &types);
            types.named(&shared)
        };
        names.rename(&mut schema);
        assert_eq!(schema, refers("a%20b"));
        assert!(named.contains_key("a b"));
    }
}
