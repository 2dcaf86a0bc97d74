//! [`Documents`]: the old and the new document as JSON, in which references of schemas are resolved.

use serde_json::Value;

use super::inclusion::SchemaIn;
use crate::openrpc::model::Description;

/// The old and the new document.
#[derive(Debug)]
pub(super) struct Documents {
    old: Value,
    new: Value,
}

impl Documents {
    pub(super) fn new(old: &Description, new: &Description) -> Self {
        let json = |description| serde_json::to_value(description).expect("a description consists of JSON");
        Self { old: json(old), new: json(new) }
    }

    /// Returns a schema of the old document.
    pub(super) fn old<'a>(&'a self, schema: &'a Value) -> SchemaIn<'a> {
        SchemaIn { schema, document: &self.old }
    }

    /// Returns a schema of the new document.
    pub(super) fn new_one<'a>(&'a self, schema: &'a Value) -> SchemaIn<'a> {
        SchemaIn { schema, document: &self.new }
    }
}
