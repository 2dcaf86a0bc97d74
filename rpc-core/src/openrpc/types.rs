//! The types of methods and errors, as functions that write their schemas. The macros' expansions fill these tables,
//! and `schemas` calls the functions.

use std::marker::PhantomData;

use schemars::{JsonSchema, Schema, SchemaGenerator};
use serde::Serialize;
use serde_json::{Map, Value, json};

use super::references;
use crate::params::Fields;

/// A function that writes the schema of a type.
type SchemaFn = fn(&mut SchemaGenerator) -> Schema;

/// The types of a method.
#[derive(Debug)]
pub struct MethodTypes {
    pub(super) params: &'static [TypeSpec],
    /// The result, or the item of a stream.
    pub(super) result: TypeSpec,
    pub(super) cursor: Option<TypeSpec>,
}

impl MethodTypes {
    /// Makes the types of a method from those of the parameters, in order, and that of the result or of a
    /// stream's item.
    pub const fn new(params: &'static [TypeSpec], result: TypeSpec) -> Self {
        Self { params, result, cursor: None }
    }

    /// Sets the type of the cursors of a stream's items.
    #[must_use]
    pub const fn cursor(mut self, cursor: TypeSpec) -> Self {
        self.cursor = Some(cursor);
        self
    }
}

/// A type, and the default of a parameter of that type.
#[derive(Clone, Copy, Debug)]
pub struct TypeSpec {
    pub(super) schema: SchemaFn,
    pub(super) default: Option<fn() -> Option<Value>>,
}

impl TypeSpec {
    /// Makes the entry of a type without a default.
    pub const fn of<T: Described>() -> Self {
        Self { schema: |generator| generator.subschema_for::<T>(), default: None }
    }

    /// Sets the parameter's default. The function returns `None` if the default cannot be written.
    #[must_use]
    pub const fn default(mut self, default: fn() -> Option<Value>) -> Self {
        self.default = Some(default);
        self
    }
}

/// A type with a schema.
#[diagnostic::on_unimplemented(
    message = "`{Self}` has no JSON schema, which `#[rpc::service(openrpc)]` and `#[rpc(openrpc)]` need",
    label = "does not implement `JsonSchema`",
    note = "derive it for the type, or for what it is made of: `#[derive(rpc::schemars::JsonSchema)]` with `#[schemars(crate = \"rpc::schemars\")]`"
)]
pub trait Described: JsonSchema {}

#[diagnostic::do_not_recommend]
impl<T: JsonSchema> Described for T {}

/// A writer of a parameter's default, if its type can be serialized. Servers only read parameters, so their types need
/// not be serializable.
///
/// The inherent function exists for types that implement `Serialize`, and takes precedence over that of [`Unwritten`].
#[derive(Debug)]
pub struct DefaultOf<T>(PhantomData<T>);

impl<T: Serialize> DefaultOf<T> {
    /// Writes the default.
    pub fn json(default: T) -> Option<Value> {
        serde_json::to_value(default).ok()
    }
}

/// The fallback for defaults that cannot be written.
pub trait Unwritten {
    /// The type of the parameter.
    type Value;

    /// Returns `None`.
    fn json(_: Self::Value) -> Option<Value> {
        None
    }
}

impl<T> Unwritten for DefaultOf<T> {
    type Value = T;
}

/// The types of an error's fields.
#[derive(Clone, Copy, Debug)]
pub struct DataTypes {
    fields: Fields,
    types: &'static [TypeSpec],
}

impl DataTypes {
    /// Makes the types of an error's fields, in order. `fields` says how the fields become data.
    pub const fn new(fields: Fields, types: &'static [TypeSpec]) -> Self {
        Self { fields, types }
    }

    /// Writes the schema of the data, or returns `None` if there is no data.
    pub(super) fn schema(&self, generator: &mut SchemaGenerator) -> Option<Schema> {
        let mut schemas = self.types.iter().map(|ty| Value::from((ty.schema)(generator)));
        let schema = match self.fields {
            Fields::None => return None,
            Fields::Newtype => schemas.next()?,
            Fields::Positional => {
                let items: Vec<_> = schemas.collect();
                json!({ "type": "array", "minItems": items.len(), "maxItems": items.len(), "items": items })
            }
            // `None` fields are left out, as `None` parameters are.
            Fields::Named(names) => {
                let properties: Map<_, _> = names.iter().map(|name| (*name).to_owned()).zip(schemas).collect();
                let named = generator.definitions();
                let required: Vec<_> = names.iter().filter(|name| !allows_null(&properties[**name], named)).collect();
                json!({ "type": "object", "properties": properties, "required": required })
            }
        };
        Schema::try_from(schema).ok()
    }
}

/// Returns whether a schema allows `null`, as that of an `Option` does.
pub(super) fn allows_null(schema: &Value, named: &Map<String, Value>) -> bool {
    within(schema, named, MAX_NESTING)
}

/// The maximum depth to which references and alternatives are followed. A type defined as itself would never end.
const MAX_NESTING: usize = 32;

fn within(schema: &Value, named: &Map<String, Value>, depth: usize) -> bool {
    let Some(depth) = depth.checked_sub(1) else { return false };
    let allows = |schema: &Value| within(schema, named, depth);
    let allows_as = |(keyword, said): (&String, &Value)| match (keyword.as_str(), said) {
        ("type", Value::Array(types)) => types.iter().any(|ty| ty == "null"),
        ("type", ty) => ty == "null",
        ("const", value) => value.is_null(),
        ("enum", Value::Array(values)) => values.iter().any(Value::is_null),
        ("anyOf" | "oneOf", Value::Array(any)) => any.iter().any(allows),
        ("allOf", Value::Array(all)) => all.iter().all(allows),
        ("$ref", Value::String(reference)) => {
            references::name(reference).and_then(|name| named.get(&name)).is_some_and(allows)
        }
        _ => true,
    };
    match schema {
        Value::Bool(allowed) => *allowed,
        Value::Object(keywords) => keywords.iter().all(allows_as),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Map, Value, json};

    use super::{DefaultOf, Unwritten as _, allows_null};

    struct ReadOnly;

    #[test]
    fn a_default_is_written_if_its_type_can_be() {
        assert_eq!(DefaultOf::<u8>::json(10), Some(json!(10)));
        assert_eq!(DefaultOf::<ReadOnly>::json(ReadOnly), None);
    }

    #[test]
    fn null_is_allowed_by_name_among_others_and_where_nothing_is_said() {
        let refers = |name: &str| json!({ "$ref": format!("#/components/schemas/{name}") });
        let Value::Object(named) = json!({
            "Maybe": { "type": ["integer", "null"] },
            "Alias": refers("Maybe"),
            "Sure": { "type": "integer" },
            "Itself": refers("Itself"),
        }) else {
            panic!()
        };
        for allowed in [
            json!(true),
            json!({}),
            json!({ "type": "null" }),
            json!({ "description": "One or none.", "type": ["string", "null"] }),
            json!({ "anyOf": [refers("Sure"), { "type": "null" }] }),
            json!({ "enum": ["a", null] }),
            refers("Maybe"),
            refers("Alias"),
            json!({ "allOf": [refers("Alias")], "default": 1 }),
        ] {
            assert!(allows_null(&allowed, &named), "{allowed}");
        }
        for refused in [
            json!(false),
            json!({ "type": "string" }),
            json!({ "oneOf": [{ "const": "a" }, refers("Sure")] }),
            json!({ "allOf": [refers("Maybe"), refers("Sure")] }),
            refers("Itself"),
            refers("Nobody"),
        ] {
            assert!(!allows_null(&refused, &named), "{refused}");
        }
        assert!(!allows_null(&refers("Maybe"), &Map::new()));
    }
}
