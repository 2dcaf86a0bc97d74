//! Collects the schemas of all types in a document, by schemars. Read types and written types are separate, and each
//! type has a generator of its own. `names` and `merge` name them at the end.

use schemars::generate::SchemaSettings;
use schemars::{Schema, SchemaGenerator};
use serde_json::{Value, json};

use super::merge::{self, MergedDefinitions};
use super::names::{NamedTypes, SharedNames, TypeNames};
use super::references;
use super::types::{DataTypes, TypeSpec, allows_null};

/// The path of the schemas of named types in OpenRPC.
const PATH: &str = "/components/schemas";

/// The schemas of types. Read types and written types are separate.
///
/// The references are final only after [`NamedSchemas`] has renamed them.
pub(super) struct Schemas {
    read: ContractSchemas,
    written: ContractSchemas,
}

/// The read or the written types. Each type is described by a generator of its own.
struct ContractSchemas {
    settings: SchemaSettings,
    types: NamedTypes,
}

impl ContractSchemas {
    /// Describes a type, and adds the types that it refers to.
    fn describe(&mut self, write: impl FnOnce(&mut SchemaGenerator) -> Option<Schema>) -> Option<Value> {
        let mut generator = self.settings.clone().into_generator();
        let mut schema = finish(write(&mut generator)?, &mut generator);
        self.types.take(&mut schema, &generator.take_definitions(true));
        Some(schema)
    }
}

impl Schemas {
    pub(super) fn new() -> Self {
        let settings = SchemaSettings::draft07().with(|settings| {
            settings.definitions_path = PATH.into();
            settings.meta_schema = None;
        });
        Self {
            read: ContractSchemas { settings: settings.clone().for_deserialize(), types: NamedTypes::default() },
            written: ContractSchemas { settings: settings.for_serialize(), types: NamedTypes::default() },
        }
    }

    /// Describes a parameter.
    pub(super) fn read(&mut self, ty: &TypeSpec) -> Value {
        let write = |generator: &mut SchemaGenerator| {
            let mut schema = (ty.schema)(generator);
            if let Some(default) = ty.default.and_then(|default| default()) {
                schema.insert("default".to_owned(), default);
            }
            Some(schema)
        };
        self.read.describe(write).unwrap_or_default()
    }

    /// Describes a result.
    pub(super) fn written(&mut self, ty: &TypeSpec) -> Value {
        self.written.describe(|generator| Some((ty.schema)(generator))).unwrap_or_default()
    }

    /// Describes the data of an error.
    pub(super) fn data(&mut self, types: &DataTypes) -> Option<Value> {
        self.written.describe(|generator| types.schema(generator))
    }

    /// Returns the read type behind a reference, or the schema itself if it is not a reference.
    pub(super) fn resolve<'s>(&'s self, schema: &'s Value) -> &'s Value {
        let key = schema.get("$ref").and_then(Value::as_str).and_then(references::name);
        key.and_then(|key| self.read.types.schemas().get(&key)).unwrap_or(schema)
    }

    /// Returns whether the schema of a read type allows `null`.
    pub(super) fn allows_null(&self, schema: &Value) -> bool {
        allows_null(schema, self.read.types.schemas())
    }

    /// Names the types.
    pub(super) fn into_described(self) -> NamedSchemas {
        let shared = SharedNames::of(&self.read.types, &self.written.types);
        let (read_names, read) = self.read.types.named(&shared);
        let (written_names, written) = self.written.types.named(&shared);
        NamedSchemas { read_names, written_names, merged: merge::merge(read, written) }
    }
}

/// All types, and the final names for references to them.
pub(super) struct NamedSchemas {
    read_names: TypeNames,
    written_names: TypeNames,
    pub(super) merged: MergedDefinitions,
}

impl NamedSchemas {
    /// Makes the references of a read schema final.
    pub(super) fn rename_read(&self, schema: &mut Value) {
        self.read_names.rename(schema);
    }

    /// Makes the references of a written schema final.
    pub(super) fn rename_written(&self, schema: &mut Value) {
        self.written_names.rename(schema);
        self.merged.rename(schema);
    }
}

/// Converts a schema to draft 7.
fn finish(mut schema: Schema, generator: &mut SchemaGenerator) -> Value {
    for transform in generator.transforms_mut() {
        transform.transform(&mut schema);
    }
    match Value::from(schema) {
        // Both mean the same, and more tools support the latter.
        Value::Bool(true) => json!({}),
        schema => schema,
    }
}
