//! [`Catalog`]: the names that a server has, which is all that completion needs of a description.

use rpc::openrpc::{ContentDescriptor, Description, Method};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::candidate::Candidate;
use super::cursor::Cursor;

/// How many characters of a parameter's docs are kept. Many references may name the same docs.
const MAX_DOCS: usize = 500;

/// The methods of a server.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Catalog {
    methods: Vec<KnownMethod>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct KnownMethod {
    name: String,
    aliases: Vec<String>,
    docs: String,
    params: Vec<KnownParam>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct KnownParam {
    name: String,
    docs: String,
    /// The values that it can have, if they are few.
    values: Vec<String>,
}

impl Catalog {
    pub(super) fn of(description: &Description) -> Self {
        Self { methods: description.methods().map(|method| KnownMethod::of(method, description)).collect() }
    }

    /// Returns the names of the methods.
    pub(super) fn methods(&self) -> Vec<Candidate> {
        self.methods.iter().map(|method| Candidate::new(&method.name, &method.docs)).collect()
    }

    /// Returns `name=` for each parameter of the method that is not on the line yet, or the values of the parameter at
    /// the cursor.
    pub(super) fn params(&self, method: &str, cursor: &Cursor<'_>) -> Vec<Candidate> {
        let has_name = |known: &&KnownMethod| known.name == method || known.aliases.iter().any(|alias| alias == method);
        let Some(method) = self.methods.iter().find(has_name) else { return Vec::new() };
        if let Some((name, _)) = cursor.current.split_once('=') {
            let values = method.params.iter().find(|param| param.name == name).map(|param| &param.values);
            return values.into_iter().flatten().map(|value| Candidate::new(format!("{name}={value}"), "")).collect();
        }
        // Params that are JSON are all of them.
        if cursor.before.iter().skip(2).any(|word| !word.contains('=')) {
            return Vec::new();
        }
        let is_given =
            |name: &str| cursor.before.iter().any(|word| word.split_once('=').is_some_and(|(given, _)| given == name));
        let left = method.params.iter().filter(|param| !is_given(&param.name));
        left.map(|param| Candidate::new(format!("{}=", param.name), &param.docs)).collect()
    }
}

impl KnownMethod {
    fn of(method: Method<'_>, description: &Description) -> Self {
        let params = if method.params_as_whole() {
            let whole = method.params().next();
            whole.map(|whole| members(whole.schema.as_value(), description)).unwrap_or_default()
        } else {
            method.params().map(|param| KnownParam::of(param, description)).collect()
        };
        Self {
            name: method.name().to_owned(),
            aliases: method.aliases().map(str::to_owned).collect(),
            docs: method.summary().or(method.description()).unwrap_or_default().to_owned(),
            params,
        }
    }
}

impl KnownParam {
    fn of(param: &ContentDescriptor, description: &Description) -> Self {
        let docs = param
            .summary
            .as_deref()
            .or(param.description.as_deref())
            .unwrap_or_default()
            .chars()
            .take(MAX_DOCS)
            .collect();
        Self { name: param.name.clone(), docs, values: values(param.schema.as_value(), description) }
    }
}

/// Returns the members of an object as params.
fn members(schema: &Value, description: &Description) -> Vec<KnownParam> {
    let schema = followed(schema, description);
    let properties = schema.get("properties").and_then(Value::as_object).into_iter().flatten();
    properties
        .map(|(name, schema)| {
            let docs = schema.get("description").and_then(Value::as_str).unwrap_or_default().to_owned();
            KnownParam { name: name.clone(), docs, values: values(schema, description) }
        })
        .collect()
}

/// Returns what references mean. A circle of them ends.
fn followed<'a>(mut schema: &'a Value, description: &'a Description) -> &'a Value {
    for _ in 0..8 {
        let reference = schema.get("$ref").and_then(Value::as_str);
        let Some(target) = reference.and_then(|reference| description.schema(reference)) else { break };
        schema = target;
    }
    schema
}

/// Returns the values that a schema lists, as a command line has them.
fn values(schema: &Value, description: &Description) -> Vec<String> {
    let mut found = Vec::new();
    let mut left = vec![schema];
    // Types may contain themselves.
    for _ in 0..64 {
        let Some(schema) = left.pop() else { break };
        let schema = followed(schema, description);
        let listed = schema.get("enum").and_then(Value::as_array).into_iter().flatten().chain(schema.get("const"));
        found.extend(listed.map(|value| value.as_str().map_or_else(|| value.to_string(), str::to_owned)));
        let has_type = |wanted: &str| match schema.get("type") {
            Some(Value::String(name)) => name == wanted,
            Some(Value::Array(names)) => names.iter().any(|name| name == wanted),
            _ => false,
        };
        if has_type("boolean") {
            found.extend(["true".to_owned(), "false".to_owned()]);
        }
        for keyword in ["anyOf", "oneOf", "allOf"] {
            left.extend(schema.get(keyword).and_then(Value::as_array).into_iter().flatten().rev());
        }
    }
    found
}
