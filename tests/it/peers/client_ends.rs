//! How the connections of clients that serve end.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use futures_util::{StreamExt, stream};
use rpc::{Client, Context, Outcome, Retry, Server};
use serde_json::json;
use support::raw_http::TEST_TIMEOUT;
use tokio::sync::{Notify, mpsc};
use tokio::time::timeout;

use super::client::{call, connect, member, result};
use super::raw_server::RawServer;

#[tokio::test]
async fn end_of_the_client_drains_what_it_serves() {
    let gate = Arc::new(Notify::new());
    let waits = Arc::clone(&gate);
    let served = member()
        .method("slow", move || {
            let gate = Arc::clone(&waits);
            async move { gate.notified().await }
        })
        .stream("hang", || async { stream::pending::<u64>() });
    let (client, mut server, _listener) = connect(served).await;
    server.send(&call("slow", json!([]), 1)).await;
    server.send(&call("ask", ["late"], 2)).await;
    let asked = server.receive().await;
    server.send(&call("hang", json!([]), 3)).await;
    assert_eq!(server.receive().await["method"], "rpc.accepted");
    drop(client);
    let end = server.receive().await;
    assert_eq!((&end["error"]["code"], &end["error"]["data"]["reason"]), (&json!(-32089), &json!("draining")));
    server.send(&call("double", [1], 4)).await;
    assert_eq!(server.receive().await["error"]["code"], -32092);
    // The calls of handlers go on, and so do handlers.
    server.send(&result("in time", asked["id"].as_u64().unwrap())).await;
    assert_eq!(server.receive().await, result("in time", 2));
    gate.notify_one();
    assert_eq!(server.receive().await, result(json!(null), 1));
    assert_eq!(server.next().await, None);
}

#[tokio::test]
async fn idle_connection_is_closed_with_its_client() {
    let (client, mut server, _listener) = connect(member()).await;
    let clone = client.clone();
    drop(client);
    server.send(&call("double", [21], 1)).await;
    assert_eq!(server.receive().await, result(42, 1));
    drop(clone);
    assert_eq!(server.next().await, None);
}

#[tokio::test]
async fn cut_fails_the_calls_of_both_directions_and_the_next_connection_serves_again() {
    let (ended, mut ends) = mpsc::unbounded_channel();
    let served = Server::builder().method("ask", move |cx: Context| {
        let ended = ended.clone();
        async move {
            let server = cx.peer::<Client>().unwrap();
            let first = server.call::<u64>("answer", ()).await.unwrap_err().outcome();
            let second = server.call::<u64>("answer", ()).await.unwrap_err().outcome();
            ended.send((first, second)).unwrap();
        }
    });
    let listener = RawServer::start().await;
    let client =
        Client::builder().endpoint(listener.url()).retry(Retry::never()).serves(served.build()).build().unwrap();
    let counting = tokio::spawn(client.call::<u64>("count", ()).readonly().into_future());
    let mut server = listener.accept().await;
    assert_eq!(server.receive().await["method"], "count");
    server.send(&call("ask", json!([]), 1)).await;
    assert_eq!(server.receive().await["method"], "answer");
    drop(server);
    assert_eq!(counting.await.unwrap().unwrap_err().outcome(), Outcome::Unknown);
    // The handler has an effect, so it runs to its end.
    let ended = timeout(TEST_TIMEOUT, ends.recv()).await.expect("the handler ends").unwrap();
    assert_eq!(ended, (Outcome::Unknown, Outcome::NotSent));

    let counting = tokio::spawn(client.call::<u64>("count", ()).readonly().into_future());
    let mut server = listener.accept().await;
    let count = server.receive().await;
    server.send(&call("ask", json!([]), 1)).await;
    let asked = server.receive().await;
    assert_eq!(asked["method"], "answer");
    server.send(&result(7, count["id"].as_u64().unwrap())).await;
    assert_eq!(counting.await.unwrap().unwrap(), 7);
}

#[tokio::test]
async fn server_that_reads_nothing_slows_the_streams_of_the_client_and_not_its_handlers() {
    let sent = Arc::new(AtomicUsize::new(0));
    let counter = Arc::clone(&sent);
    let (noted, mut notes) = mpsc::unbounded_channel();
    let served = Server::builder()
        .stream("flood", move || {
            let counter = Arc::clone(&counter);
            async move {
                stream::iter(0_u64..).map(move |_| {
                    counter.fetch_add(1, Ordering::Relaxed);
                    "x".repeat(64 << 10)
                })
            }
        })
        .method("note", move |(number,): (u64,)| {
            let noted = noted.clone();
            async move { noted.send(number).is_ok() }
        });
    let (_client, mut server, _listener) = connect(served).await;
    for id in 0..4 {
        server.send(&call("flood", json!([]), id)).await;
        let credit = json!({ "subscription": id, "bytes": 1_u64 << 40 });
        server.send(&json!({ "jsonrpc": "2.0", "method": "rpc.credit", "params": credit })).await;
    }
    let mut numbers = Vec::new();
    for number in 0..100 {
        server.send(&json!({ "jsonrpc": "2.0", "method": "note", "params": [number] })).await;
        numbers.push(timeout(TEST_TIMEOUT, notes.recv()).await.expect("handlers run").unwrap());
    }
    assert_eq!(numbers, (0..100).collect::<Vec<_>>());
    // What was sent fits into the buffers of the sockets.
    let sent = sent.load(Ordering::Relaxed);
    assert!((1..1000).contains(&sent), "{sent} items");
}
