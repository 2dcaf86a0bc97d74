//! Code that is hand-written for speed: borrowed params, one pass over the bytes, one buffer for the answer.

use std::borrow::Cow;

use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use crate::workload::{self, Page, Subtract};

#[derive(Deserialize)]
struct Request<'a> {
    jsonrpc: &'a str,
    #[serde(borrow)]
    method: Cow<'a, str>,
    #[serde(borrow)]
    params: Option<&'a RawValue>,
    #[serde(borrow)]
    id: Option<&'a RawValue>,
}

/// Answers a call or a batch. Returns `None` if the bytes are neither.
pub(crate) async fn answer(body: &[u8]) -> Option<Vec<u8>> {
    let text = std::str::from_utf8(body).ok()?;
    let mut out = Vec::with_capacity(128);
    if !text.starts_with('[') {
        answer_one(&serde_json::from_str(text).ok()?, &mut out).await;
        return Some(out);
    }
    let requests: Vec<Request<'_>> = serde_json::from_str(text).ok()?;
    out.push(b'[');
    for request in &requests {
        if out.len() > 1 {
            out.push(b',');
        }
        answer_one(request, &mut out).await;
    }
    out.push(b']');
    Some(out)
}

async fn answer_one(request: &Request<'_>, out: &mut Vec<u8>) {
    let id = request.id.map_or("null", RawValue::get);
    let params = request.params.map_or("null", RawValue::get);
    match (request.jsonrpc, &*request.method) {
        ("2.0", "subtract") => match serde_json::from_str(params) {
            Ok(Subtract { a, b }) => success(&workload::subtract(a, b).await, id, out),
            Err(_) => failure(-32602, "Invalid params", id, out),
        },
        ("2.0", "page") => match serde_json::from_str(params) {
            Ok(Page { offset, limit }) => success(&workload::page(offset, limit).await, id, out),
            Err(_) => failure(-32602, "Invalid params", id, out),
        },
        ("2.0", "echo") => match serde_json::from_str(params) {
            Ok((text,)) => success(&workload::echo(text).await, id, out),
            Err(_) => failure(-32602, "Invalid params", id, out),
        },
        ("2.0", _) => failure(-32601, "Method not found", id, out),
        _ => failure(-32600, "Invalid Request", id, out),
    }
}

fn success(result: &impl Serialize, id: &str, out: &mut Vec<u8>) {
    out.extend_from_slice(br#"{"jsonrpc":"2.0","result":"#);
    serde_json::to_writer(&mut *out, result).expect("numbers and strings can be written to a buffer");
    out.extend_from_slice(br#","id":"#);
    out.extend_from_slice(id.as_bytes());
    out.push(b'}');
}

fn failure(code: i32, message: &str, id: &str, out: &mut Vec<u8>) {
    let error = format!(r#"{{"jsonrpc":"2.0","error":{{"code":{code},"message":"{message}"}},"id":{id}}}"#);
    out.extend_from_slice(error.as_bytes());
}
