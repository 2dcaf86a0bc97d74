//! The object of a method, with all parts of the document that it needs.

use std::cell::Cell;

use rpc::openrpc::{Description, Method, MethodError};
use serde_json::{Map, Value};

use super::schemas::schemas;
use crate::error::CliError;
use crate::type_notation::named_types;

/// How long the parts of a method are at most. Many references may name the same long part.
const MAX_BYTES: usize = 64 << 20;

type Values<'a> = Box<dyn Iterator<Item = Result<Value, serde_json::Error>> + 'a>;

/// Returns the object of a method, with the parts of the document that it needs.
pub(super) fn json(method: Method<'_>, description: &Description) -> Result<Value, CliError> {
    let cannot = |error: serde_json::Error| CliError::usage(format!("the method cannot be written as JSON: {error}"));
    let mut object = serde_json::to_value(method.object()).map_err(cannot)?;
    // References to params, the result, errors and tags are replaced by what they mean.
    let left = Cell::new(MAX_BYTES);
    let whole =
        |list: Values<'_>| list.map(|value| limited(value.map_err(cannot)?, &left)).collect::<Result<Vec<_>, _>>();
    object["params"] = whole(Box::new(method.params().map(serde_json::to_value)))?.into();
    if let Some(result) = method.result() {
        object["result"] = serde_json::to_value(result).map_err(cannot)?;
    }
    if method.object().tags.is_some() {
        object["tags"] = whole(Box::new(method.tags().map(serde_json::to_value)))?.into();
    }
    if method.object().errors.is_some() {
        object["errors"] = whole(Box::new(method.errors().map(|error| Ok(error_json(error)))))?.into();
    }
    let mut needed = Map::new();
    let resolve = |reference: &str| description.schema(reference);
    for named in named_types(schemas(method), resolve) {
        if let (Some(name), Some(schema)) = (named.reference.strip_prefix("#/components/schemas/"), named.schema) {
            needed.insert(name.replace("~1", "/").replace("~0", "~"), schema.clone());
        }
    }
    if !needed.is_empty() {
        object["components"] = serde_json::json!({ "schemas": needed });
    }
    Ok(object)
}

/// Returns a value, and takes its length from the bytes that are left.
fn limited(value: Value, left: &Cell<usize>) -> Result<Value, CliError> {
    let length = value.to_string().len();
    let rest = left.get().checked_sub(length).ok_or_else(|| {
        CliError::usage(format!("the method is longer than {} MiB with all that it refers to", MAX_BYTES >> 20))
    })?;
    left.set(rest);
    Ok(value)
}

fn error_json(error: MethodError<'_>) -> Value {
    let mut object = serde_json::json!({ "code": error.code(), "message": error.message() });
    if let Some(data) = error.data() {
        object["data"] = data.clone();
    }
    object
}
