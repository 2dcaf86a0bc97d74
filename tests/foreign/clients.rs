//! Clients that others wrote, at our server. Each is a script. It makes the calls of a test with its library, and
//! prints what its user would see.

use std::net::SocketAddr;

use serde_json::{Value, json};
use support::foreign::Language;
use support::serve;

use crate::script::run_script;
use crate::shelf::server;

/// A script that runs a client.
type Client = (Language, &'static str);

const CLIENTS: [Client; 4] = [
    (Language::Python, "client_jsonrpcclient.py"),
    (Language::Python, "client_pjrpc.py"),
    (Language::JavaScript, "client_jayson.mjs"),
    (Language::JavaScript, "client_json_rpc_2_0.mjs"),
];

/// Lets a client make calls, and returns what it prints. Returns `None` if the client is not installed.
async fn printed(client: Client, addr: SocketAddr, steps: &str) -> Option<String> {
    run_script(client, &format!("http://{addr}"), steps).await
}

/// Lets each client make these calls at a server of its own, and compares what its user sees with what is expected.
async fn expect(steps: Value, seen: Value) {
    for client in CLIENTS {
        expect_of(client, &steps, &seen).await;
    }
}

async fn expect_of(client: Client, steps: &Value, seen: &Value) {
    let Some(printed) = printed(client, serve(&server()).await, &steps.to_string()).await else { return };
    let printed: Value = serde_json::from_str(&printed).unwrap();
    assert_eq!(printed, *seen, "{client:?}");
}

#[tokio::test]
async fn params_travel_by_name_and_by_position_and_may_be_absent() {
    let steps = json!([
        {"call": "shelf.add", "params": {"a": 2, "b": 3}},
        {"call": "shelf.add", "params": {"b": -3, "a": 2}},
        {"call": "shelf.add", "params": [2, 3]},
        {"call": "shelf.put", "params": ["pen"]},
        {"call": "shelf.put", "params": {"name": "ink", "count": 7}},
        {"call": "shelf.notes"},
        {"call": "shelf.notes", "params": []},
    ]);
    let seen = json!([
        {"result": 5},
        {"result": -1},
        {"result": 5},
        {"result": {"name": "pen", "count": 1}},
        {"result": {"name": "ink", "count": 7}},
        {"result": ["put pen", "put ink"]},
        {"result": ["put pen", "put ink"]},
    ]);
    expect(steps, seen).await;
}

#[tokio::test]
async fn an_error_has_its_code_its_message_and_its_data() {
    let steps = json!([
        {"call": "shelf.put", "params": {"name": "piano", "count": 101}},
        {"call": "shelf.lost"},
        {"call": "shelf.add", "params": {"a": 2}},
        {"call": "shelf.add", "params": {"a": 2, "b": 3, "c": 4}},
        {"call": "shelf.add", "params": [2, "three"]},
        {"call": "shelf.fail"},
        {"call": "shelf.add", "params": [2, 3]},
    ]);
    let invalid = |message: &str, data: Value| json!({"error": {"code": -32602, "message": message, "data": data}});
    let seen = json!([
        {"error": {"code": 1001, "message": "no room for piano", "data": {"name": "piano"}}},
        {"error": {"code": -32601, "message": "Method not found", "data": null}},
        invalid("Invalid params: missing parameter \"b\"", json!({"parameter": "b", "expected": "i64"})),
        invalid("Invalid params: unknown parameter \"c\", expected one of \"a\", \"b\"", json!({"parameter": "c", "expected": "one of a, b"})),
        invalid("Invalid params: parameter \"b\": invalid type: string \"three\", expected i64", json!({"parameter": "b", "expected": "i64"})),
        {"error": {"code": -32603, "message": "Internal error", "data": null}},
        {"result": 5},
    ]);
    expect(steps, seen).await;
}

#[tokio::test]
async fn a_notification_has_run_when_its_client_goes_on() {
    let steps = json!([
        {"notify": "shelf.note", "params": ["by position"]},
        {"notify": "shelf.note", "params": {"text": "by name"}},
        {"notify": "shelf.lost"},
        {"notify": "shelf.put", "params": ["piano", 101]},
        {"call": "shelf.notes"},
    ]);
    expect(steps, json!([null, null, null, null, {"result": ["by position", "by name"]}])).await;
}

#[tokio::test]
async fn each_call_of_a_batch_is_answered_alone_and_in_order() {
    let steps = json!([
        {"batch": [
            {"call": "shelf.add", "params": [1, 1]},
            {"call": "shelf.put", "params": {"name": "piano", "count": 101}},
            {"notify": "shelf.note", "params": ["in a batch"]},
            {"call": "shelf.echo", "params": {"value": null}},
            {"call": "shelf.lost"},
            {"call": "shelf.add", "params": {"a": 2, "b": 2}},
        ]},
        {"batch": [{"call": "shelf.notes"}]},
        {"batch": [{"notify": "shelf.note", "params": ["one"]}, {"notify": "shelf.note", "params": ["two"]}]},
        {"call": "shelf.add", "params": [3, 3]},
    ]);
    let seen = json!([
        [
            {"result": 2},
            {"error": {"code": 1001, "message": "no room for piano", "data": {"name": "piano"}}},
            {"result": null},
            {"error": {"code": -32601, "message": "Method not found", "data": null}},
            {"result": 4},
        ],
        [{"result": ["in a batch"]}],
        [],
        {"result": 6},
    ]);
    expect(steps, seen).await;
}

#[tokio::test]
async fn text_survives_both_ways() {
    let texts = json!([
        "Grüße, 世界, שלום",
        "\u{1F600}\u{10FFFF}",
        "\u{0}\u{1}\u{1f}\u{7f}\u{2028}\u{2029}",
        "\"quoted\" \\ / \r\n\t",
        "e\u{301} is not \u{e9}",
        "",
    ]);
    let steps = json!([{"call": "shelf.echo", "params": [texts]}, {"call": "shelf.echo", "params": {"value": texts}}]);
    expect(steps, json!([{"result": texts}, {"result": texts}])).await;
}

#[tokio::test]
async fn numbers_that_a_language_has_survive_both_ways() {
    let numbers = json!([
        0,
        -1,
        0.1,
        1.5,
        9_007_199_254_740_991_i64,
        -9_007_199_254_740_991_i64,
        5e-324,
        1.797_693_134_862_315_7e308,
        0.300_000_000_000_000_04,
    ]);
    expect(json!([{"call": "shelf.echo", "params": [numbers]}]), json!([{"result": numbers}])).await;
    // Python's integers are unbounded. This test reads them as text.
    let numbers = "[18446744073709551617, -9223372036854775809, 1000000000000000000000000000001]";
    let steps = format!(r#"[{{"call": "shelf.echo", "params": [{numbers}]}}]"#);
    for client in &CLIENTS[..2] {
        let Some(printed) = printed(*client, serve(&server()).await, &steps).await else { continue };
        assert!(printed.contains(numbers), "{client:?}: {printed}");
    }
}

#[tokio::test]
async fn calls_at_once_are_each_answered_with_their_own() {
    let calls: Vec<_> = (0..200).map(|number| json!({"call": "shelf.add", "params": [number, 1000]})).collect();
    let sums: Vec<_> = (1000..1200).map(|sum| json!({ "result": sum })).collect();
    expect(json!([{ "together": calls }]), json!([sums])).await;
}

#[tokio::test]
async fn an_answer_of_megabytes_arrives_whole() {
    let large = "ü".repeat(1 << 19);
    expect(json!([{"call": "shelf.echo", "params": [large]}]), json!([{ "result": large }])).await;
}
