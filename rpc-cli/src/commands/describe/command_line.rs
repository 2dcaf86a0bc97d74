//! Writes a command that calls a method, with values that its description allows.

use std::collections::{HashMap, HashSet};

use rpc::openrpc::{ContentDescriptor, Description, Method};
use serde_json::Value;

use crate::example_value::example_value;

/// Returns `rpc call TARGET METHOD PARAMS`, or `None` if no values are found.
pub(super) fn example(target: &str, method: Method<'_>, description: &Description) -> Option<String> {
    // The command would read it as an option.
    if method.name().starts_with('-') {
        return None;
    }
    let resolve = |reference: &str| description.schema(reference);
    let mut words = vec!["rpc".to_owned(), "call".to_owned(), quoted(target), quoted(method.name())];
    let given = Given::of(method);
    let value = |param| value_of(param, &given, &resolve);
    if method.params_as_whole() {
        if let Some(param) = method.params().next() {
            let params = value(param)?;
            // Other values are no params of JSON-RPC: they mean that there are none.
            words.extend((params.is_array() || params.is_object()).then(|| quoted(&params.to_string())));
        }
        return Some(words.join(" "));
    }
    for param in method.params() {
        if param.is_required() || given.value(param).is_some() {
            words.push(quoted(&format!("{}={}", param.name, text(&value(param)?, param, &resolve))));
        }
    }
    let is_plain = |name: &str| !name.is_empty() && !name.contains('=') && !name.starts_with(['{', '[', '@', '-']);
    method.params().all(|param| is_plain(&param.name)).then(|| words.join(" "))
}

/// Returns a value for a parameter: of the method's example, its own example, or one that its schema allows.
fn value_of<'a>(
    param: &'a ContentDescriptor,
    given: &Given<'a>,
    resolve: &dyn Fn(&str) -> Option<&'a Value>,
) -> Option<Value> {
    let own = || param.extensions.get("examples").and_then(|examples| examples.get(0));
    let named = given.value(param).or_else(own);
    named.cloned().or_else(|| example_value(param.schema.as_value(), resolve))
}

/// The params of the method's first example.
struct Given<'a> {
    values: HashMap<String, &'a Value>,
}

impl<'a> Given<'a> {
    fn of(method: Method<'a>) -> Self {
        let first = method.examples().next();
        let params = first.into_iter().flat_map(|example| example.params());
        // The examples have the names of the params, or else their order.
        let named: Vec<_> = method.params().map(|param| param.name.as_str()).collect();
        let known: HashSet<_> = named.iter().copied().collect();
        let mut values = HashMap::new();
        for (name, value) in params.enumerate().filter_map(|(index, example)| {
            let name = example.name.as_deref().filter(|name| known.contains(name));
            Some((name.or(named.get(index).copied())?.to_owned(), example.value.as_ref()?))
        }) {
            // The first of equal names holds.
            values.entry(name).or_insert(value);
        }
        Self { values }
    }

    fn value(&self, param: &ContentDescriptor) -> Option<&'a Value> {
        self.values.get(&param.name).copied()
    }
}

/// Writes a value as `rpc call` reads it: JSON, or text for a string.
fn text<'a>(value: &Value, param: &'a ContentDescriptor, resolve: &dyn Fn(&str) -> Option<&'a Value>) -> String {
    match value {
        Value::String(text) if is_string(param.schema.as_value(), resolve) => text.clone(),
        // Text that is also JSON would be read as JSON.
        Value::String(text) if serde_json::from_str::<Value>(text).is_err() => text.clone(),
        other => other.to_string(),
    }
}

/// Returns whether a schema allows strings only.
fn is_string<'a>(mut schema: &'a Value, resolve: &dyn Fn(&str) -> Option<&'a Value>) -> bool {
    for _ in 0..8 {
        let Some(reference) = schema.get("$ref").and_then(Value::as_str) else { break };
        let Some(target) = resolve(reference) else { return false };
        schema = target;
    }
    schema.get("type").is_some_and(|name| name == "string")
}

/// Quotes a word for a shell, if it must be.
fn quoted(word: &str) -> String {
    let is_plain = |c: char| c.is_ascii_alphanumeric() || "_-.,:/@%+=".contains(c);
    if !word.is_empty() && word.chars().all(is_plain) {
        return word.to_owned();
    }
    format!("'{}'", word.replace('\'', r"'\''"))
}
