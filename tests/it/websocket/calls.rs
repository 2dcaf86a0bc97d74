//! Calls, batches and notifications, and the member `rpc`.

use std::sync::Arc;
use std::time::Duration;

use rpc::{Context, Limits, Server};
use serde_json::{Map, Value, json};
use support::serve;
use support::websocket::WebSocket;
use tokio::sync::{Notify, mpsc};

fn result(result: impl Into<Value>, id: u64) -> Value {
    json!({ "jsonrpc": "2.0", "result": result.into(), "id": id })
}

#[tokio::test]
async fn answers_come_as_their_calls_end() {
    let gate = Arc::new(Notify::new());
    let waits = Arc::clone(&gate);
    let server = Server::builder()
        .method("slow", move || {
            let gate = Arc::clone(&waits);
            async move { gate.notified().await }
        })
        .method("double", |(number,): (u64,)| async move { number * 2 })
        .build();
    let mut socket = WebSocket::open(serve(&server).await).await;
    socket.call("slow", json!([]), 1).await;
    socket.call("double", json!([21]), 2).await;
    assert_eq!(socket.receive().await, result(42, 2));
    gate.notify_one();
    assert_eq!(socket.receive().await, result(Value::Null, 1));
}

#[tokio::test]
async fn batch_is_answered_by_a_batch_and_a_notification_by_nothing() {
    let (told, mut tells) = mpsc::unbounded_channel();
    let server = Server::builder()
        .method("note", move |(text,): (String,)| {
            let told = told.clone();
            async move { told.send(text).is_ok() }
        })
        .build();
    let mut socket = WebSocket::open(serve(&server).await).await;
    socket.notify("note", json!(["a"])).await;
    assert_eq!(tells.recv().await.unwrap(), "a");
    socket.send_text(r#"[{"jsonrpc":"2.0","method":"note","params":["b"]}]"#).await;
    assert_eq!(tells.recv().await.unwrap(), "b");
    let call = json!({ "jsonrpc": "2.0", "method": "note", "params": ["c"], "id": 7 });
    socket.send(&json!([call, { "jsonrpc": "2.0", "method": "none", "id": 8 }, 1])).await;
    let mut answers = socket.receive().await;
    let headers = answers[0].as_object_mut().unwrap().remove("rpc");
    assert_eq!(headers, Some(json!({ "rpc-refused": "2", "rpc-fault": "1" })));
    assert_eq!(answers[0], result(true, 7));
    assert_eq!((&answers[1]["error"]["code"], &answers[1]["id"]), (&json!(-32601), &json!(8)));
    assert_eq!((&answers[2]["error"]["code"], &answers[2]["id"]), (&json!(-32600), &Value::Null));
}

#[tokio::test]
async fn member_rpc_has_the_headers_of_a_message_and_of_its_answer() {
    let server = Server::builder()
        .method("tell", |cx: Context| async move {
            cx.response_header("x-told", "yes").unwrap();
            let header = |name| cx.headers().get(name).map(|value| value.to_str().unwrap().to_owned());
            (cx.remaining().map(|left| left <= Duration::from_secs(5)), header("x-own"), header("x-of-connection"))
        })
        .build();
    let addr = serve(&server).await;
    let headers = [("sec-websocket-protocol", "other, rpc.v1"), ("x-of-connection", "1"), ("rpc-timeout-ms", "90000")];
    let mut socket = WebSocket::open_with(addr, &headers).await.unwrap();
    let call = |rpc: Value| json!({ "jsonrpc": "2.0", "method": "tell", "id": 7, "rpc": rpc });
    socket.send(&call(json!({ "rpc-timeout-ms": "5000", "x-own": "2" }))).await;
    let mut answer = socket.receive().await;
    assert_eq!(answer["rpc"].take(), json!({ "x-told": "yes" }));
    assert_eq!(answer["result"], json!([true, "2", "1"]));

    for rpc in [json!({}), json!({ "x-of-connection": "1" })] {
        socket.send(&call(rpc)).await;
        assert_eq!(socket.receive().await["result"], json!([null, null, "1"]));
    }

    for (rpc, why) in [
        (
            json!({ "authorization": "Bearer a" }),
            "the member `rpc` cannot set `authorization`: it belongs to the connection",
        ),
        (
            json!({ "x-of-connection": "2" }),
            "the member `rpc` cannot set `x-of-connection`: the connection has another value",
        ),
        (json!([]), "the member `rpc` must be an object"),
    ] {
        socket.send(&call(rpc)).await;
        let answer = socket.receive().await;
        assert_eq!((&answer["error"]["code"], &answer["error"]["data"]), (&json!(-32600), &json!(why)));
        assert_eq!((&answer["id"], &answer["rpc"]["rpc-refused"]), (&json!(7), &json!("all")));
    }
}

#[tokio::test]
async fn member_rpc_with_too_many_headers_is_refused_by_an_answer() {
    let server = Server::builder().method("ping", || async { "pong" }).build();
    let mut socket = WebSocket::open(serve(&server).await).await;
    let headers: Map<_, _> = (0..30_000).map(|n| (format!("x-{n}"), Value::from("1"))).collect();
    socket.send(&json!({ "jsonrpc": "2.0", "method": "ping", "id": 1, "rpc": headers })).await;
    let answer = socket.receive().await;
    assert_eq!((&answer["error"]["code"], &answer["id"]), (&json!(-32600), &json!(1)), "{answer}");
    socket.call("ping", json!([]), 2).await;
    assert_eq!(socket.receive().await["result"], json!("pong"));
}

#[tokio::test]
async fn batch_has_the_member_rpc_in_its_first_message() {
    let server = Server::builder()
        .method("left", |cx: Context| async move { cx.remaining().is_some() })
        .method("header", |cx: Context| async move { cx.response_header("x-told", "yes").unwrap() })
        .build();
    let mut socket = WebSocket::open(serve(&server).await).await;
    let call = |method: &str, id: u64| json!({ "jsonrpc": "2.0", "method": method, "id": id });
    let mut first = call("left", 1);
    first["rpc"] = json!({ "rpc-timeout-ms": "5000" });
    socket.send(&json!([first, call("left", 2), call("header", 3)])).await;
    let answers = socket.receive().await;
    assert_eq!(answers[0], json!({ "rpc": { "x-told": "yes" }, "jsonrpc": "2.0", "result": true, "id": 1 }));
    assert_eq!(answers[1], result(true, 2));
    assert_eq!(answers[2], result(Value::Null, 3));
}

#[tokio::test]
async fn calls_beyond_the_share_of_the_connection_are_refused_by_answers() {
    let gate = Arc::new(Notify::new());
    let waits = Arc::clone(&gate);
    let server = Server::builder()
        .limits(Limits::default().max_connection_calls(2))
        .method("slow", move || {
            let gate = Arc::clone(&waits);
            async move { gate.notified().await }
        })
        .build();
    let mut socket = WebSocket::open(serve(&server).await).await;
    for id in 1..=3 {
        socket.call("slow", json!([]), id).await;
    }
    let refused = socket.receive().await;
    assert_eq!((&refused["error"]["code"], &refused["id"]), (&json!(-32092), &json!(3)));
    assert_eq!((&refused["rpc"]["rpc-refused"], &refused["rpc"]["retry-after"]), (&json!("all"), &json!("1")));
    // A batch is refused entry by entry, since its client finds the answers by their ids.
    socket
        .send(&json!([{ "jsonrpc": "2.0", "method": "slow", "id": 4 }, { "jsonrpc": "2.0", "method": "slow" }]))
        .await;
    let refused = socket.receive().await;
    assert_eq!((refused.as_array().unwrap().len(), &refused[0]["id"]), (1, &json!(4)));
    assert_eq!(refused[0]["rpc"]["rpc-refused"], json!("all"));
    gate.notify_waiters();
    for _ in 1..=2 {
        assert_eq!(socket.receive().await["result"], Value::Null);
    }
}

#[tokio::test]
async fn responses_of_the_client_are_ignored() {
    let server = Server::builder().method("ping", || async { "pong" }).build();
    let mut socket = WebSocket::open(serve(&server).await).await;
    socket.send_text(r#"{"jsonrpc":"2.0","result":1,"id":1}"#).await;
    socket.send_text(r#"[{"jsonrpc":"2.0","error":{"code":1,"message":"a"},"id":1}]"#).await;
    socket.send_text("{").await;
    assert_eq!(socket.receive().await["error"]["code"], json!(-32700));
    socket.call("ping", json!([]), 1).await;
    assert_eq!(socket.receive().await, result("pong", 1));
}

#[tokio::test]
async fn cancelled_call_is_dropped_if_it_is_readonly_and_answered_at_once() {
    let (dropped, mut drops) = mpsc::unbounded_channel();
    let (begun, mut begins) = mpsc::unbounded_channel();
    struct Guard(mpsc::UnboundedSender<()>);
    impl Drop for Guard {
        fn drop(&mut self) {
            let _ = self.0.send(());
        }
    }
    let server = Server::builder()
        .method("wait", move |cx: Context| {
            let (guard, begun) = (Guard(dropped.clone()), begun.clone());
            async move {
                let _guard = guard;
                begun.send(()).unwrap();
                cx.cancelled().await;
            }
        })
        .build();
    let mut socket = WebSocket::open(serve(&server).await).await;
    socket.call("wait", json!([]), 7).await;
    begins.recv().await.unwrap();
    socket.notify("rpc.cancel", json!({ "id": 8 })).await;
    socket.notify("rpc.cancel", json!({ "id": 7 })).await;
    let answer = socket.receive().await;
    assert_eq!(
        (&answer["error"]["code"], &answer["error"]["data"]),
        (&json!(-32089), &json!({ "reason": "cancelled" }))
    );
    assert_eq!(answer["id"], json!(7));
    // The handler may have an effect, so it was told and goes on.
    drops.recv().await.unwrap();
}
