//! How gateways and faults change JSON-RPC bodies.

use serde_json::{Value, json};

use crate::reliability::plan::{Fault, Name, Random};
use crate::reliability::proxy::http::Message;

/// More bytes than the tests' clients accept in an answer.
pub(crate) const HUGE: usize = 256 << 10;

/// Returns the calls of a request: the first param of each.
pub(crate) fn name_of(request: &Message) -> Name {
    let body: Value = serde_json::from_slice(&request.body).unwrap_or(Value::Null);
    let number = |call: &Value| match &call["params"] {
        Value::Array(params) => params.first()?.as_u64(),
        params => params["number"].as_u64(),
    };
    let calls = entries(&body).iter().filter_map(number).collect();
    Name { method: request.method().to_owned(), calls, is_batch: body.is_array() }
}

fn entries(body: &Value) -> &[Value] {
    match body {
        Value::Array(entries) => entries,
        body => std::slice::from_ref(body),
    }
}

fn entries_mut(body: &mut Value) -> &mut [Value] {
    match body {
        Value::Array(entries) => entries,
        body => std::slice::from_mut(body),
    }
}

/// Applies the fault to an answer.
pub(crate) fn distort(answer: &mut Message, fault: Fault) {
    if fault == Fault::Huge {
        // An answer that is no result would say that the call did not run. A client cannot know that from a huge one.
        if answer.header("rpc-refused").is_none() && answer.header("rpc-status") == Some("0") {
            let mut body = std::mem::take(&mut answer.body);
            body.resize(body.len() + HUGE, b' ');
            answer.set_body(body);
        }
        return;
    }
    let Ok(mut body) = serde_json::from_slice::<Value>(&answer.body) else { return };
    match (fault, &mut body) {
        (Fault::GarbageJson, _) => return answer.set_body(&b"{\"jsonrpc\":\"2.0\",\"result\":"[..]),
        (Fault::Doubled, Value::Array(entries)) => entries.push(entries[0].clone()),
        (Fault::Missing, Value::Array(entries)) => drop(entries.remove(0)),
        (Fault::Foreign | Fault::WrongId, Value::Array(entries)) => entries[0]["id"] = json!("nobody's"),
        (Fault::WrongId, Value::Object(entry)) => drop(entry.insert("id".to_owned(), json!("nobody's"))),
        _ => {}
    }
    answer.set_body(body.to_string());
}

/// The ids that a gateway has exchanged: pairs of the new id and the old one.
pub(crate) type Exchanged = Vec<(Value, Value)>;

/// Gives each call of a request another id.
pub(crate) fn exchange_ids(request: &mut Message, mut new: impl FnMut(u64, &Value) -> Value) -> Exchanged {
    let Ok(mut body) = serde_json::from_slice::<Value>(&request.body) else { return Vec::new() };
    let mut exchanged = Vec::new();
    for (number, entry) in (1..).zip(entries_mut(&mut body)) {
        if let Some(id) = entry.get_mut("id") {
            let new = new(number, id);
            exchanged.push((new.clone(), std::mem::replace(id, new)));
        }
    }
    request.set_body(body.to_string());
    exchanged
}

/// Gives each answer the original id of its call.
pub(crate) fn restore_ids(answer: &mut Message, exchanged: &Exchanged) {
    let Ok(mut body) = serde_json::from_slice::<Value>(&answer.body) else { return };
    for entry in entries_mut(&mut body) {
        if let Some((_, old)) = exchanged.iter().find(|(new, _)| entry.get("id") == Some(new)) {
            entry["id"] = old.clone();
        }
    }
    answer.set_body(body.to_string());
}

/// Returns how a gateway renames calls that gives them its own UUIDs. The same request gets the same UUIDs each time,
/// which does not help.
pub(crate) fn minting(request: &Message) -> impl FnMut(u64, &Value) -> Value + use<> {
    let mut random = Random::of(0, &request.body);
    move |_, _| json!(random.uuid().to_string())
}
