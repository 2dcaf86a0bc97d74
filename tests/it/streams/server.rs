//! What a server sends for a stream over HTTP, by hand.

use std::sync::Arc;
use std::time::Duration;

use futures_util::{StreamExt, stream};
use rpc::{Context, ErrorObject, Limits, Server};
use serde_json::{Value, json};
use support::events::Events;
use support::raw_http::{exchange, post, post_with};
use support::serve;
use tokio::sync::{mpsc, oneshot};

fn call(method: &str, params: &Value) -> String {
    json!({ "jsonrpc": "2.0", "method": method, "params": params, "id": 7 }).to_string()
}

fn counting() -> Server {
    Server::builder()
        .stream("count", |(to,): (u64,)| async move { stream::iter(1..=to) })
        .method("ping", || async { "pong" })
        .build()
}

#[tokio::test]
async fn items_are_events_and_the_answer_comes_last() {
    let addr = serve(&counting()).await;
    let events = Events::open(addr, &call("count", &json!([2]))).await;
    assert_eq!(events.head.status, 200);
    let header = |name| events.head.header(name);
    assert_eq!(
        [header("content-type"), header("cache-control"), header("x-accel-buffering"), header("rpc-heartbeat-ms")],
        [Some("text/event-stream"), Some("no-store"), Some("no"), Some("15000")]
    );
    let data: Vec<Value> = events.rest().await.into_iter().map(|event| event.data).collect();
    let item = |item| json!({ "jsonrpc": "2.0", "method": "count", "params": { "subscription": 7, "result": item } });
    assert_eq!(data, [item(1), item(2), json!({ "jsonrpc": "2.0", "result": null, "id": 7 })]);
}

#[tokio::test]
async fn stream_that_no_one_can_read_is_refused() {
    let addr = serve(&counting()).await;
    let accepting = [("accept", "text/event-stream")];
    let text = call("count", &json!([2]));
    let cases = [
        (post(&text), "the method answers with a stream: over HTTP, send `Accept: text/event-stream`"),
        (
            post_with(&[("accept", "*/*")], &text),
            "the method answers with a stream: over HTTP, send `Accept: text/event-stream`",
        ),
        (post_with(&accepting, format!("[{text}]")), "a stream cannot be opened in a batch"),
    ];
    for (request, why) in cases {
        let reply = exchange(addr, &request).await;
        assert_eq!(reply.header("rpc-refused"), Some(if why.contains("batch") { "0" } else { "all" }), "{why}");
        let answer: Value = reply.json();
        let error = answer.get(0).unwrap_or(&answer)["error"].clone();
        assert_eq!((&error["code"], &error["data"]), (&json!(-32600), &json!(why)));
    }
    let notification = r#"{"jsonrpc":"2.0","method":"count","params":[2]}"#;
    let reply = exchange(addr, &post_with(&accepting, notification)).await;
    assert_eq!((reply.text(), reply.header("rpc-refused")), ("", Some("all")));
}

#[tokio::test]
async fn plain_call_that_accepts_events_gets_a_plain_answer() {
    let addr = serve(&counting()).await;
    let accepting = [("accept", "application/json, text/event-stream")];
    for (text, answer) in [
        (call("ping", &json!([])), json!({ "jsonrpc": "2.0", "result": "pong", "id": 7 })),
        (
            call("count", &json!(["x"])),
            json!({ "jsonrpc": "2.0", "id": 7, "error": { "code": -32602,
                "message": "Invalid params: invalid type: string \"x\", expected u64", "data": { "expected": "u64" } } }),
        ),
    ] {
        let reply = exchange(addr, &post_with(&accepting, text)).await;
        assert_eq!(reply.header("content-type"), Some("application/json"));
        let mut answered: Value = reply.json();
        if let Some(error) = answered.get_mut("error") {
            // The texts of params are tested elsewhere.
            *error = answer["error"].clone();
        }
        assert_eq!(answered, answer);
    }
}

#[tokio::test]
async fn errors_before_and_within_a_stream_are_told_apart() {
    let server = Server::builder()
        .try_stream("fails", |(early,): (bool,)| async move {
            if early {
                return Err(ErrorObject::new(1, "refused"));
            }
            Ok(stream::iter([Ok(1), Err(ErrorObject::new(2, "broken")), Ok(3)]))
        })
        .build();
    let addr = serve(&server).await;
    let reply = exchange(addr, &post_with(&[("accept", "text/event-stream")], call("fails", &json!([true])))).await;
    assert_eq!(reply.json::<Value>()["error"], json!({ "code": 1, "message": "refused" }));
    let data: Vec<Value> = Events::open(addr, &call("fails", &json!([false])))
        .await
        .rest()
        .await
        .into_iter()
        .map(|event| event.data)
        .collect();
    assert_eq!(data.len(), 2);
    assert_eq!(data[0]["params"]["result"], 1);
    assert_eq!(data[1], json!({ "jsonrpc": "2.0", "error": { "code": 2, "message": "broken" }, "id": 7 }));
}

/// A stream of what is sent through the channel. It tells when it is dropped.
fn piped() -> (Server, mpsc::Sender<Value>, oneshot::Receiver<()>) {
    let (items, source) = mpsc::channel(16);
    let (dropped, is_dropped) = oneshot::channel::<()>();
    let source = Arc::new(std::sync::Mutex::new(Some((source, dropped))));
    let server = Server::builder()
        .limits(Limits::default().stream_heartbeat(Duration::from_millis(20)))
        .stream("piped", move |cx: Context| {
            let source = source.lock().unwrap().take();
            async move {
                let _ = cx.method();
                stream::unfold(source, |source| async move {
                    let (mut items, dropped) = source?;
                    let item: Value = items.recv().await?;
                    Some((item, Some((items, dropped))))
                })
            }
        })
        .build();
    (server, items, is_dropped)
}

#[tokio::test]
async fn stream_without_items_sends_comments() {
    let (server, items, _) = piped();
    let mut events = Events::open(serve(&server).await, &call("piped", &json!([]))).await;
    events.comment().await;
    events.comment().await;
    items.send(json!(1)).await.unwrap();
    assert_eq!(events.next().await.unwrap().data["params"]["result"], 1);
    drop(items);
    assert_eq!(events.next().await.unwrap().data["result"], Value::Null);
    assert!(events.next().await.is_none());
}

#[tokio::test]
async fn handler_is_dropped_with_its_connection() {
    let (server, items, is_dropped) = piped();
    let mut events = Events::open(serve(&server).await, &call("piped", &json!([]))).await;
    items.send(json!(1)).await.unwrap();
    events.next().await.unwrap();
    events.close();
    // The sender of the channel is dropped with the stream.
    is_dropped.await.unwrap_err();
}

#[tokio::test]
async fn streams_beyond_the_limit_are_refused_until_one_ends() {
    let limits = Limits::default().max_streams(2).max_connection_streams(1);
    let server = Server::builder()
        .limits(limits)
        .stream("hang", || async { stream::once(async { 1 }).chain(stream::pending::<u64>()) })
        .build();
    let addr = serve(&server).await;
    let text = call("hang", &json!([]));
    let mut one = Events::open(addr, &text).await;
    let mut other = Events::open(addr, &text).await;
    one.next().await.unwrap();
    other.next().await.unwrap();
    let refused = exchange(addr, &post_with(&[("accept", "text/event-stream")], &text)).await;
    assert_eq!(
        (refused.status, refused.header("rpc-refused"), refused.header("retry-after")),
        (503, Some("all"), Some("1"))
    );
    assert_eq!(refused.json::<Value>()["error"]["data"], "the server has too many open streams");
    one.close();
    loop {
        let again = Events::open(addr, &text).await;
        if again.head.status == 200 {
            break;
        }
        tokio::task::yield_now().await;
    }
}

#[tokio::test]
async fn panic_of_a_stream_ends_it_with_an_error() {
    let server = Server::builder()
        .stream("panics", || async { stream::iter(0..3).map(|item| if item == 2 { panic!("as told") } else { item }) })
        .build();
    let events = Events::open(serve(&server).await, &call("panics", &json!([]))).await.rest().await;
    assert_eq!(events.len(), 3);
    assert_eq!(events[2].data["error"]["code"], -32603);
}

#[tokio::test]
async fn drain_ends_streams_and_tells_to_resume_elsewhere() {
    let server = Server::builder()
        .stream("hang", || async { stream::once(async { 1 }).chain(stream::pending::<u64>()) })
        .build();
    let handle = server.bind("127.0.0.1:0").await.unwrap().spawn();
    let mut streams = Vec::new();
    for _ in 0..20 {
        let mut events = Events::open(handle.local_addr(), &call("hang", &json!([]))).await;
        events.next().await.unwrap();
        streams.push(events);
    }
    let shutdown = tokio::spawn(handle.shutdown());
    for events in streams {
        let rest = events.rest().await;
        assert_eq!(rest.len(), 1);
        let error = json!({ "code": -32089, "message": "Stream ended", "data": { "reason": "draining" } });
        assert_eq!(rest[0].data["error"], error);
    }
    shutdown.await.unwrap();
}
