//! Streams of the protocol `rpc.v1`: acceptance, items, credit and ends.

use std::time::Duration;

use futures_util::{StreamExt, stream};
use rpc::{Context, ErrorObject, Limits, Server};
use serde_json::{Value, json};
use support::serve;
use support::websocket::WebSocket;
use tokio::sync::{mpsc, oneshot};

fn accepted(id: u64) -> Value {
    json!({ "jsonrpc": "2.0", "method": "rpc.accepted", "params": { "subscription": id } })
}

fn item(method: &str, id: u64, item: impl Into<Value>) -> Value {
    json!({ "jsonrpc": "2.0", "method": method, "params": { "subscription": id, "result": item.into() } })
}

fn ended(reason: &str, id: u64) -> Value {
    let error = json!({ "code": -32089, "message": "Stream ended", "data": { "reason": reason } });
    json!({ "jsonrpc": "2.0", "error": error, "id": id })
}

fn done(id: u64) -> Value {
    json!({ "jsonrpc": "2.0", "result": null, "id": id })
}

fn counting() -> Server {
    Server::builder()
        .stream("count", |(to,): (u64,)| async move { stream::iter(1..=to) })
        .stream("forever", || async { stream::repeat("x".repeat(1000)) })
        .stream("never", || async { stream::pending::<u64>() })
        .method("ping", || async { "pong" })
        .build()
}

#[tokio::test]
async fn stream_is_accepted_before_its_items_and_answered_behind_them() {
    let mut socket = WebSocket::open(serve(&counting()).await).await;
    socket.call("count", json!([2]), 7).await;
    let expected = [accepted(7), item("count", 7, 1), item("count", 7, 2), done(7)];
    for expected in expected {
        assert_eq!(socket.receive().await, expected);
    }
    // The id is free again.
    socket.call("count", json!([0]), 7).await;
    assert_eq!([socket.receive().await, socket.receive().await], [accepted(7), done(7)]);
}

#[tokio::test]
async fn headers_of_the_answer_come_with_the_acceptance() {
    let server = Server::builder()
        .stream("told", |cx: Context| async move {
            cx.response_header("x-told", "yes").unwrap();
            stream::empty::<u64>()
        })
        .build();
    let mut socket = WebSocket::open(serve(&server).await).await;
    socket.call("told", json!([]), 7).await;
    let mut first = socket.receive().await;
    assert_eq!(first.as_object_mut().unwrap().remove("rpc"), Some(json!({ "x-told": "yes" })));
    assert_eq!([first, socket.receive().await], [accepted(7), done(7)]);
}

#[tokio::test]
async fn stream_that_is_refused_or_fails_ends_with_its_error() {
    let server = Server::builder()
        .try_stream("fails", |(accepts,): (bool,)| async move {
            let error = || ErrorObject::new(1001, "closed");
            if accepts { Ok(stream::iter([Ok(1), Err(error())])) } else { Err(error()) }
        })
        .build();
    let mut socket = WebSocket::open(serve(&server).await).await;
    let failed = json!({ "jsonrpc": "2.0", "error": { "code": 1001, "message": "closed" }, "id": 7 });
    socket.call("fails", json!([false]), 7).await;
    assert_eq!(socket.receive().await, failed);
    socket.call("fails", json!([true]), 7).await;
    assert_eq!([socket.receive().await, socket.receive().await], [accepted(7), item("fails", 7, 1)]);
    assert_eq!(socket.receive().await, failed);
}

#[tokio::test]
async fn stream_without_credit_delays_neither_streams_nor_calls_nor_pongs() {
    let mut socket = WebSocket::open(serve(&counting()).await).await;
    socket.call("forever", json!([]), 1).await;
    assert_eq!(socket.receive().await, accepted(1));
    let mut taken = 0;
    let mut items = 0;
    while taken < 64 << 10 {
        taken += socket.text().await.len();
        items += 1;
    }
    assert_eq!(items, (64 << 10) / (taken / items) + 1);
    // Any further item would come before these answers.
    socket.call("ping", json!([]), 2).await;
    assert_eq!(socket.receive().await["result"], json!("pong"));
    socket.call("count", json!([1]), 3).await;
    for expected in [accepted(3), item("count", 3, 1), done(3)] {
        assert_eq!(socket.receive().await, expected);
    }
    let ping = tokio_tungstenite::tungstenite::Message::Ping("a".into());
    futures_util::SinkExt::send(&mut socket.stream, ping).await.unwrap();
    let pong = tokio_tungstenite::tungstenite::Message::Pong("a".into());
    assert_eq!(socket.frame().await, Some(pong));

    // The last item has exceeded the credit, so a little more brings none.
    let over = taken - (64 << 10);
    socket.notify("rpc.credit", json!({ "subscription": 1, "bytes": over })).await;
    socket.call("ping", json!([]), 4).await;
    assert_eq!(socket.receive().await["id"], json!(4));
    socket.notify("rpc.credit", json!({ "subscription": 1, "bytes": 1 })).await;
    assert_eq!(socket.receive().await["params"]["subscription"], json!(1));
    socket.call("ping", json!([]), 5).await;
    assert_eq!(socket.receive().await["id"], json!(5));
    socket.notify("rpc.cancel", json!({ "id": 1 })).await;
    assert_eq!(socket.receive().await, ended("cancelled", 1));
}

#[tokio::test]
async fn streams_take_turns() {
    let mut socket = WebSocket::open(serve(&counting()).await).await;
    for id in 1..=3 {
        socket.call("forever", json!([]), id).await;
    }
    let mut items = [0_usize; 4];
    // The credit of three streams.
    while items.iter().sum::<usize>() < 3 * 60 {
        let message = socket.receive().await;
        if message["method"] == "forever" {
            items[usize::try_from(message["params"]["subscription"].as_u64().unwrap()).unwrap()] += 1;
        }
    }
    assert!(items[1..].iter().all(|items| (50..=70).contains(items)), "{items:?}");
}

#[tokio::test]
async fn cancelled_stream_drops_its_handler() {
    let (dropped, drops) = oneshot::channel::<()>();
    let dropped = std::sync::Mutex::new(Some(dropped));
    let server = Server::builder()
        .stream("held", move || {
            let held = dropped.lock().unwrap().take();
            async move {
                stream::pending::<u64>().chain(stream::once(async move {
                    drop(held);
                    1
                }))
            }
        })
        .build();
    let mut socket = WebSocket::open(serve(&server).await).await;
    socket.call("held", json!([]), 7).await;
    assert_eq!(socket.receive().await, accepted(7));
    socket.notify("rpc.cancel", json!({ "id": "7" })).await;
    socket.notify("rpc.cancel", json!({ "id": 7 })).await;
    assert_eq!(socket.receive().await, ended("cancelled", 7));
    drops.await.unwrap_err();
}

#[tokio::test]
async fn id_of_a_stream_is_that_of_no_other_call() {
    let mut socket = WebSocket::open(serve(&counting()).await).await;
    socket.call("never", json!([]), 7).await;
    assert_eq!(socket.receive().await, accepted(7));
    socket.call("never", json!([]), 7).await;
    let refused = socket.receive().await;
    assert_eq!((&refused["error"]["code"], &refused["id"]), (&json!(-32600), &json!(7)));
    assert_eq!(refused["error"]["data"], json!("the id of a stream is that of another call in flight"));
    // The ids of other calls are only echoed.
    socket.call("ping", json!([]), 7).await;
    assert_eq!(socket.receive().await["result"], json!("pong"));
}

#[tokio::test]
async fn streams_beyond_the_share_of_the_connection_are_refused() {
    let server = Server::builder()
        .limits(Limits::default().max_connection_streams(2))
        .stream("never", || async { stream::pending::<u64>() })
        .build();
    let mut socket = WebSocket::open(serve(&server).await).await;
    for id in 1..=2 {
        socket.call("never", json!([]), id).await;
        assert_eq!(socket.receive().await, accepted(id));
    }
    socket.call("never", json!([]), 3).await;
    let refused = socket.receive().await;
    assert_eq!((&refused["error"]["code"], &refused["rpc"]["rpc-refused"]), (&json!(-32092), &json!("all")));
    socket.notify("rpc.cancel", json!({ "id": 1 })).await;
    assert_eq!(socket.receive().await, ended("cancelled", 1));
    socket.call("never", json!([]), 4).await;
    assert_eq!(socket.receive().await, accepted(4));
}

#[tokio::test]
async fn stream_in_a_batch_is_refused_for_its_entry() {
    let mut socket = WebSocket::open(serve(&counting()).await).await;
    let call = |method: &str, id: u64| json!({ "jsonrpc": "2.0", "method": method, "id": id });
    socket.send(&json!([call("ping", 1), call("never", 2)])).await;
    let answers = socket.receive().await;
    assert_eq!(answers[0]["result"], json!("pong"));
    assert_eq!(answers[1]["error"]["data"], json!("a stream cannot be opened in a batch"));
}

#[tokio::test]
async fn deadline_bounds_the_acceptance_and_not_the_stream() {
    let (items, more) = mpsc::channel::<u64>(1);
    let more = std::sync::Mutex::new(Some(more));
    let server = Server::builder()
        .stream("sent", move || {
            let more = more.lock().unwrap().take().unwrap();
            async move { stream::unfold(more, |mut more| async move { Some((more.recv().await?, more)) }) }
        })
        .stream("late", || async {
            std::future::pending::<()>().await;
            stream::pending::<u64>()
        })
        .build();
    let mut socket = WebSocket::open(serve(&server).await).await;
    let call = |method: &str, id: u64, millis: &str| json!({ "jsonrpc": "2.0", "method": method, "id": id, "rpc": { "rpc-timeout-ms": millis } });
    socket.send(&call("sent", 1, "2000")).await;
    assert_eq!(socket.receive().await, accepted(1));
    socket.send(&call("late", 2, "50")).await;
    assert_eq!(socket.receive().await["error"]["code"], json!(-32093));
    tokio::time::timeout(Duration::from_secs(5), items.send(1)).await.unwrap().unwrap();
    assert_eq!(socket.receive().await, item("sent", 1, 1));
}
