//! JSON-RPC messages, as text.

use std::fmt::Display;

use serde_json::Value;

/// A call of a method that the tests' servers have, and its answer.
pub const PING: &str = r#"{"jsonrpc":"2.0","method":"ping","id":1}"#;
pub const PONG: &str = r#"{"jsonrpc":"2.0","result":"pong","id":1}"#;

/// Writes a JSON-RPC answer with a result.
pub fn result(id: &Value, result: impl Display) -> String {
    format!(r#"{{"jsonrpc":"2.0","result":{result},"id":{id}}}"#)
}

/// Writes a JSON-RPC answer with an error.
pub fn error(id: &Value, code: i64, more: &str) -> String {
    format!(r#"{{"jsonrpc":"2.0","error":{{"code":{code},"message":"prepared"{more}}},"id":{id}}}"#)
}

/// Writes a JSON array of answers.
pub fn array(answers: impl IntoIterator<Item = String>) -> String {
    format!("[{}]", answers.into_iter().collect::<Vec<_>>().join(","))
}
