//! Describes one method: summary, params, result, errors and extensions. `document` adds its tags and final type names.

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};

use super::schemas::Schemas;
use super::{params, stream};
use crate::{Effect, ErrorSet, ErrorSpec, MethodKind, MethodSpec};

/// Describes a method, without its tags.
///
/// Its references are final only after [`for_each_read`] and [`for_each_written`].
pub(super) fn describe(method: &MethodSpec, schemas: &mut Schemas) -> Map<String, Value> {
    let mut object = Map::new();
    object.insert("name".to_owned(), (*method.name).into());
    docs(method.docs, &mut object);
    let params = params::describe(method, schemas);
    object.insert("params".to_owned(), params.descriptors.into());
    object.insert("paramStructure".to_owned(), params.structure.into());
    if params.whole {
        object.insert("x-params".to_owned(), "whole".into());
    }
    let result = match &method.kind {
        MethodKind::Stream(stream) => {
            object.insert("x-stream".to_owned(), stream::describe(stream, method.openrpc, schemas));
            json!({ "type": "null" })
        }
        MethodKind::Call => method.openrpc.map_or_else(|| json!({}), |types| schemas.written(&types.result)),
    };
    object.insert("result".to_owned(), json!({ "name": "result", "schema": result }));
    errors(method.errors, schemas, &mut object);
    flags(method, &mut object);
    object
}

/// Calls back with the schemas of what the server reads: the params.
pub(super) fn for_each_read(method: &mut Map<String, Value>, mut change: impl FnMut(&mut Value)) {
    if let Some(params) = method.get_mut("params") {
        change(params);
    }
}

/// Calls back with the schemas of what the server writes: the result, the items of a stream, and the errors'
/// data.
pub(super) fn for_each_written(method: &mut Map<String, Value>, mut change: impl FnMut(&mut Value)) {
    for part in ["result", "x-errors", "x-stream"] {
        if let Some(part) = method.get_mut(part) {
            change(part);
        }
    }
}

/// Returns the first paragraph on one line, and the rest.
pub(super) fn summary(docs: &str) -> (String, &str) {
    let (first, rest) = docs.split_once("\n\n").unwrap_or((docs, ""));
    (first.lines().map(str::trim).collect::<Vec<_>>().join(" "), rest.trim())
}

fn docs(docs: &str, object: &mut Map<String, Value>) {
    let (summary, description) = summary(docs);
    if !summary.is_empty() {
        object.insert("summary".to_owned(), summary.into());
    }
    if !description.is_empty() {
        object.insert("description".to_owned(), description.into());
    }
}

/// Writes the errors. Those of the specification have only code and message, so `x-errors` has the rest.
fn errors(set: &'static ErrorSet, schemas: &mut Schemas, object: &mut Map<String, Value>) {
    let errors: BTreeMap<i64, &ErrorSpec> = set.iter().map(|error| (error.code.get(), error)).collect();
    if set.iter().next().is_some() {
        let list = errors.iter().map(|(code, error)| json!({ "code": code, "message": message(error) }));
        object.insert("errors".to_owned(), list.collect());
        let more = errors.iter().map(|(code, error)| (code.to_string(), more(error, schemas)));
        object.insert("x-errors".to_owned(), Value::Object(more.collect()));
    }
    if set.takes_others() {
        object.insert("x-other-errors".to_owned(), true.into());
    }
}

fn message(error: &ErrorSpec) -> &'static str {
    if error.message.is_empty() { error.name } else { error.message }
}

fn more(error: &ErrorSpec, schemas: &mut Schemas) -> Value {
    let mut more = Map::new();
    more.insert("name".to_owned(), error.name.into());
    if error.retryable {
        more.insert("retryable".to_owned(), true.into());
    }
    if let Some(data) = error.data.and_then(|data| schemas.data(data)) {
        more.insert("data".to_owned(), data);
    }
    Value::Object(more)
}

/// Writes the effect of repeated calls, and everything else that OpenRPC does not define.
fn flags(method: &MethodSpec, object: &mut Map<String, Value>) {
    let effect = match method.effect {
        Effect::None => "none",
        Effect::Idempotent => "idempotent",
        Effect::Once => "once",
    };
    object.insert("x-effect".to_owned(), effect.into());
    if let Some(timeout) = method.timeout {
        object.insert("x-timeout-ms".to_owned(), u64::try_from(timeout.as_millis()).unwrap_or(u64::MAX).into());
    }
    if let Some(roles) = method.requires {
        object.insert("x-requires".to_owned(), roles.into());
    }
    if !method.aliases.is_empty() {
        object.insert("x-aliases".to_owned(), method.aliases.into());
    }
    if method.deprecated {
        object.insert("deprecated".to_owned(), true.into());
    }
}

#[cfg(test)]
mod tests {
    use super::summary;

    #[test]
    fn the_first_paragraph_is_the_summary() {
        assert_eq!(summary(""), (String::new(), ""));
        assert_eq!(summary("Reads\na note."), ("Reads a note.".to_owned(), ""));
        assert_eq!(summary("Reads.\n\nMore.\n\n- one\n"), ("Reads.".to_owned(), "More.\n\n- one"));
    }
}
