//! Writes `name=value` pairs as a JSON object.

use serde_json::Value;

use super::json_type::JsonTypes;
use crate::error::CliError;

/// Writes params whose types are not known: each value is JSON if it can be, else a string.
pub(super) fn untyped(named: &[(&str, &str)]) -> Result<String, CliError> {
    let members = named.iter().map(|&(name, value)| (name, JsonTypes::ALL.write(value).expect("any type has strings")));
    object(members)
}

/// Writes an object of members whose values are JSON.
pub(super) fn object<'a>(members: impl IntoIterator<Item = (&'a str, String)>) -> Result<String, CliError> {
    let mut names = Vec::new();
    let mut text = String::from("{");
    for (name, value) in members {
        if names.contains(&name) {
            return Err(CliError::usage(format!("the parameter `{name}` is given twice")));
        }
        if !names.is_empty() {
            text.push(',');
        }
        text.push_str(&format!("{}:{value}", Value::from(name)));
        names.push(name);
    }
    text.push('}');
    Ok(text)
}
