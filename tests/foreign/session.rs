//! Sessions of the protocol `rpc.v1` with the WebSocket client of Python's websockets.

use serde_json::{Value, json};
use support::foreign::Language;

use crate::chain::serve_chain;
use crate::script::run_script;

/// Takes these steps at a new server, and compares what the client sees with what is expected.
async fn expect(steps: Value, mut seen: Value) {
    let url = format!("ws://{}", serve_chain().await);
    let script = (Language::Python, "session_websockets.py");
    let Some(printed) = run_script(script, &url, &steps.to_string()).await else { return };
    let printed: Value = serde_json::from_str(&printed).unwrap();
    seen.as_array_mut().unwrap().insert(0, json!("rpc.v1"));
    assert_eq!(printed, seen);
}

fn call(method: &str, params: &Value, id: u64) -> Value {
    json!({ "send": { "jsonrpc": "2.0", "method": method, "params": params, "id": id } })
}

fn notify(method: &str, params: &Value) -> Value {
    json!({ "send": { "jsonrpc": "2.0", "method": method, "params": params } })
}

fn accepted(id: u64) -> Value {
    json!({ "jsonrpc": "2.0", "method": "rpc.accepted", "params": { "subscription": id } })
}

fn item(method: &str, id: u64, result: u64) -> Value {
    json!({ "jsonrpc": "2.0", "method": method, "params": { "subscription": id, "result": result } })
}

fn answer(id: u64, result: impl Into<Value>) -> Value {
    json!({ "jsonrpc": "2.0", "result": result.into(), "id": id })
}

#[tokio::test]
async fn stream_is_accepted_and_its_answer_comes_last() {
    let steps = json!([call("count", &json!([2]), 7), { "receive": 4 }]);
    let messages = [accepted(7), item("count", 7, 0), item("count", 7, 1), answer(7, Value::Null)];
    expect(steps, json!([null, messages])).await;
}

#[tokio::test]
async fn cancelled_stream_is_answered_and_dropped() {
    let steps = json!([
        call("ticks", &json!([]), 7),
        { "receive": 2 },
        notify("rpc.cancel", &json!({ "id": 7 })),
        { "receive": 1 },
        call("chain_watched", &json!([0]), 8),
        { "receive": 1 },
    ]);
    let error = json!({ "code": -32089, "message": "Stream ended", "data": { "reason": "cancelled" } });
    let cancelled = json!({ "jsonrpc": "2.0", "error": error, "id": 7 });
    let first = [accepted(7), item("ticks", 7, 0)];
    expect(steps, json!([null, first, null, [cancelled], null, [answer(8, 0)]])).await;
}

#[tokio::test]
async fn stream_waits_for_credit_while_calls_go_on() {
    // A stream begins with 65,536 bytes. The last message may exceed them.
    let mut sent = 0;
    let mut first = vec![accepted(7)];
    let mut number = 0;
    while sent < 65_536 {
        let message = item("count", 7, number);
        sent += message.to_string().len();
        first.push(message);
        number += 1;
    }
    let steps = json!([
        call("count", &json!([1_000_000]), 7),
        { "receive": first.len() },
        call("eth_chainId", &json!([]), 8),
        { "receive": 1 },
        notify("rpc.credit", &json!({ "subscription": 7, "bytes": sent - 65_536 + 1 })),
        { "receive": 1 },
        call("eth_chainId", &json!([]), 9),
        { "receive": 1 },
    ]);
    let seen =
        json!([null, first, null, [answer(8, "0x539")], null, [item("count", 7, number)], null, [answer(9, "0x539")]]);
    expect(steps, seen).await;
}

#[tokio::test]
async fn close_codes_tell_why_the_connection_ends() {
    expect(json!([{ "binary": "{}" }, { "closed": true }]), json!([null, 1003])).await;
    let large = "x".repeat(3 << 20);
    expect(json!([{ "text": large }, { "closed": true }]), json!([null, 1009])).await;
    let steps =
        json!([call("ticks", &json!([]), 7), { "receive": 2 }, call("chain_stop", &json!([]), 8), { "closed": true }]);
    expect(steps, json!([null, [accepted(7), item("ticks", 7, 0)], null, 1001])).await;
}
