use schemars::generate::SchemaSettings;
use schemars::{Schema, SchemaGenerator};
use serde_json::{Value, json};

use super::merge::{self, Merged};
use super::types::{DataTypes, TypeSpec, allows_null};

/// Where OpenRPC keeps the schemas of named types.
const PATH: &str = "/components/schemas";

/// Collects the schemas of types, those that are read apart from those that are written.
pub(super) struct Schemas {
    read: SchemaGenerator,
    written: SchemaGenerator,
}

impl Schemas {
    pub(super) fn new() -> Self {
        let settings = SchemaSettings::draft07().with(|settings| {
            settings.definitions_path = PATH.into();
            settings.meta_schema = None;
        });
        Self {
            read: settings.clone().for_deserialize().into_generator(),
            written: settings.for_serialize().into_generator(),
        }
    }

    /// Describes a parameter.
    pub(super) fn read(&mut self, ty: &TypeSpec) -> Value {
        let mut schema = (ty.schema)(&mut self.read);
        if let Some(default) = ty.default.and_then(|default| default()) {
            schema.insert("default".to_owned(), default);
        }
        finish(schema, &mut self.read)
    }

    /// Describes a result. Its references are not final before [`Merged::rename`].
    pub(super) fn written(&mut self, ty: &TypeSpec) -> Value {
        let schema = (ty.schema)(&mut self.written);
        finish(schema, &mut self.written)
    }

    /// Describes the data of an error, as [`written`](Self::written) does.
    pub(super) fn data(&mut self, types: &DataTypes) -> Option<Value> {
        let schema = types.schema(&mut self.written)?;
        Some(finish(schema, &mut self.written))
    }

    /// Describes a member of a type that is read, by its schema in that of the type.
    pub(super) fn member(&mut self, schema: Value) -> Value {
        Schema::try_from(schema).map_or_else(|_| json!({}), |schema| finish(schema, &mut self.read))
    }

    /// Finds the type behind a reference to one that is read.
    pub(super) fn resolve<'s>(&'s self, schema: &'s Value) -> &'s Value {
        let named = schema.get("$ref").and_then(Value::as_str).and_then(merge::name);
        named.and_then(|name| self.read.definitions().get(&name)).unwrap_or(schema)
    }

    /// Tells whether the schema of something that is read takes `null`.
    pub(super) fn allows_null(&self, schema: &Value) -> bool {
        allows_null(schema, self.read.definitions())
    }

    /// Returns the named types.
    pub(super) fn into_definitions(mut self) -> Merged {
        merge::merge(self.read.take_definitions(true), self.written.take_definitions(true))
    }
}

/// Makes a schema one of draft 7.
fn finish(mut schema: Schema, generator: &mut SchemaGenerator) -> Value {
    for transform in generator.transforms_mut() {
        transform.transform(&mut schema);
    }
    match Value::from(schema) {
        // They mean the same, and more tools know the latter.
        Value::Bool(true) => json!({}),
        schema => schema,
    }
}
