//! Describes the params of a method: each parameter, or all params as one value. Decides whether they go by name, by
//! position, or either way.

use serde_json::{Map, Value, json};

use super::schemas::Schemas;
use super::types::TypeSpec;
use crate::MethodSpec;

/// The structure of a method's params and their descriptors.
pub(super) struct ParamDescriptors {
    pub(super) structure: &'static str,
    pub(super) descriptors: Vec<Value>,
    /// Whether the only descriptor describes the params as a whole, and not a member.
    pub(super) whole: bool,
}

pub(super) fn describe(method: &MethodSpec, schemas: &mut Schemas) -> ParamDescriptors {
    let types = method.openrpc.map_or(&[][..], |types| types.params);
    if method.whole_params { whole(types.first(), schemas) } else { single(method, types, schemas) }
}

/// Describes parameters that have names and positions.
fn single(method: &MethodSpec, types: &[TypeSpec], schemas: &mut Schemas) -> ParamDescriptors {
    let last_required = method.params.iter().rposition(|param| !param.optional);
    // OpenRPC requires the required parameters first.
    let is_in_order = method.params.iter().skip_while(|param| !param.optional).all(|param| param.optional);
    let structure = match (method.positional, is_in_order) {
        (true, _) => "by-position",
        (false, true) => "either",
        (false, false) => "by-name",
    };
    let mut descriptors = Vec::new();
    for (index, param) in method.params.iter().enumerate() {
        let schema = types.get(index).map_or_else(|| json!({}), |ty| schemas.read(ty));
        // An array cannot leave out a parameter before a required one.
        let required = !param.optional || (method.positional && last_required > Some(index));
        descriptors.push((required, descriptor(param.name, param.docs, required, schema)));
    }
    if structure == "by-name" {
        descriptors.sort_by_key(|(required, _)| !required);
    }
    ParamDescriptors {
        structure,
        descriptors: descriptors.into_iter().map(|(_, descriptor)| descriptor).collect(),
        whole: false,
    }
}

/// Describes the members of a struct as parameters, and any other type as one parameter.
fn whole(ty: Option<&TypeSpec>, schemas: &mut Schemas) -> ParamDescriptors {
    let Some(ty) = ty else {
        let descriptors = vec![descriptor("params", "", false, json!({}))];
        return ParamDescriptors { structure: "either", descriptors, whole: true };
    };
    let schema = schemas.read(ty);
    let resolved = schemas.resolve(&schema).clone();
    if let Some(members) = members(&resolved) {
        let descriptors = members.into_iter().map(SchemaMember::descriptor).collect();
        return ParamDescriptors { structure: "by-name", descriptors, whole: false };
    }
    let structure = match resolved.get("type").and_then(Value::as_str) {
        Some("array") => "by-position",
        Some("object") => "by-name",
        _ => "either",
    };
    let required = !schemas.allows_null(&schema);
    ParamDescriptors { structure, descriptors: vec![descriptor("params", "", required, schema)], whole: true }
}

/// A member of a struct, from its schema.
struct SchemaMember<'s> {
    name: &'s str,
    required: bool,
    schema: &'s Value,
}

/// Returns the members of a struct, the required ones first, if the schema is that of a plain struct. A struct that
/// accepts members of any name is not plain, because a list of members would not describe it fully.
fn members(schema: &Value) -> Option<Vec<SchemaMember<'_>>> {
    const OF_STRUCTS: [&str; 8] =
        ["title", "description", "type", "properties", "required", "additionalProperties", "examples", "default"];
    let schema = schema.as_object()?;
    if !schema.keys().all(|key| OF_STRUCTS.contains(&key.as_str())) {
        return None;
    }
    if schema.get("additionalProperties").is_some_and(|others| *others != false) {
        return None;
    }
    let required = schema.get("required").and_then(Value::as_array);
    let is_required = |name: &str| required.is_some_and(|names| names.iter().any(|other| other == name));
    let properties = schema.get("properties")?.as_object()?.iter();
    let mut members: Vec<_> =
        properties.map(|(name, schema)| SchemaMember { name, required: is_required(name), schema }).collect();
    members.sort_by_key(|member| (!member.required, member.name));
    Some(members)
}

impl SchemaMember<'_> {
    fn descriptor(self) -> Value {
        let mut schema = self.schema.clone();
        let docs = schema.as_object_mut().and_then(|schema| schema.remove("description"));
        let docs = docs.as_ref().and_then(Value::as_str).unwrap_or_default();
        descriptor(self.name, docs, self.required, if schema == true { json!({}) } else { schema })
    }
}

fn descriptor(name: &str, docs: &str, required: bool, schema: Value) -> Value {
    let mut descriptor = Map::new();
    descriptor.insert("name".to_owned(), name.into());
    if !docs.is_empty() {
        descriptor.insert("description".to_owned(), docs.into());
    }
    descriptor.insert("required".to_owned(), required.into());
    descriptor.insert("schema".to_owned(), schema);
    Value::Object(descriptor)
}
