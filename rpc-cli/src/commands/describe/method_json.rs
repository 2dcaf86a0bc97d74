//! The object of a method, with all parts of the document that it needs.

use rpc::openrpc::{Description, Method, MethodError};
use serde_json::{Map, Value};

use super::schemas::schemas;
use crate::error::CliError;
use crate::type_notation::named_types;

/// Returns the object of a method, with the parts of the document that it needs.
pub(super) fn json(method: Method<'_>, description: &Description) -> Result<Value, CliError> {
    let cannot = |error: serde_json::Error| CliError::usage(format!("the method cannot be written as JSON: {error}"));
    let mut object = serde_json::to_value(method.object()).map_err(cannot)?;
    // References to params, the result, errors and tags are replaced by what they mean.
    let whole = |list: Vec<Result<Value, _>>| list.into_iter().collect::<Result<Vec<_>, _>>().map_err(cannot);
    object["params"] = whole(method.params().map(serde_json::to_value).collect())?.into();
    if let Some(result) = method.result() {
        object["result"] = serde_json::to_value(result).map_err(cannot)?;
    }
    if method.object().tags.is_some() {
        object["tags"] = whole(method.tags().map(serde_json::to_value).collect())?.into();
    }
    if method.object().errors.is_some() {
        object["errors"] = method.errors().map(error_json).collect::<Vec<_>>().into();
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

fn error_json(error: MethodError<'_>) -> Value {
    let mut object = serde_json::json!({ "code": error.code(), "message": error.message() });
    if let Some(data) = error.data() {
        object["data"] = data.clone();
    }
    object
}
