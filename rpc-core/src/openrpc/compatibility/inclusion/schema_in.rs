//! [`SchemaIn`]: a schema with its document.

use serde_json::Value;

/// A schema, and the document that its references point into.
#[derive(Clone, Copy, Debug)]
pub struct SchemaIn<'a> {
    /// The schema.
    pub schema: &'a Value,
    /// The document.
    pub document: &'a Value,
}
