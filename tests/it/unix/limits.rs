//! The limits of connections on Unix sockets: calls, bytes, readers, connections.

use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use futures_util::future::{Either, select};
use futures_util::{StreamExt, stream};
use rpc::{Framing, Limits, Server};
use serde_json::json;
use support::raw_http::TEST_TIMEOUT;
use tokio::io::{AsyncBufReadExt, AsyncWriteExt};
use tokio::sync::Semaphore;
use tokio::time::timeout;

use super::{FRAMINGS, Peer, Served, call};

#[tokio::test]
async fn calls_beyond_the_limit_of_the_connection_are_refused() {
    let (begun, go) = (Arc::new(Semaphore::new(0)), Arc::new(Semaphore::new(0)));
    let (begins, goes) = (Arc::clone(&begun), Arc::clone(&go));
    let wait = move || {
        let goes = Arc::clone(&goes);
        begins.add_permits(1);
        async move { drop(goes.acquire().await) }
    };
    let limits = Limits::default().max_connection_calls(2);
    let served = Served::start(&Server::builder().method("wait", wait).limits(limits).build(), Framing::Lines).await;
    let mut peer = served.connect().await;
    peer.send(&call("wait", "[]", 1)).await;
    peer.send(&call("wait", "[]", 2)).await;
    drop(begun.acquire_many(2).await);
    let refused = peer.ask(&call("wait", "[]", 3)).await;
    assert_eq!((&refused["id"], &refused["error"]["code"]), (&json!(3), &json!(-32092)));
    assert_eq!(refused["rpc"]["rpc-refused"], "all");
    go.add_permits(2);
    let ids = [peer.receive().await, peer.receive().await].map(|answer| answer["id"].as_u64().unwrap());
    assert_eq!(ids.iter().sum::<u64>(), 3);
}

#[tokio::test]
async fn message_without_room_is_answered_and_ends_the_connection() {
    let limits = Limits::default().max_request_bytes(1 << 20).max_buffered_bytes(1 << 20);
    let server = Server::builder().method("echo", |(text,): (String,)| async move { text }).limits(limits).build();
    for framing in FRAMINGS {
        let served = Served::start(&server, framing).await;
        // Two messages that do not end, of which the server has room for one.
        let head = if framing == Framing::Lines { "" } else { "Content-Length: 1000000\r\n\r\n" };
        let part = [head.as_bytes(), &vec![b' '; 700_000]].concat();
        let (first, second) = (served.connect().await, served.connect().await);
        let begin = |mut peer: Peer| async {
            let Peer { reader, writer, .. } = &mut peer;
            let mut answer = String::new();
            // The server reads the whole part, or ends the connection.
            let written = writer.write_all(&part).await;
            let read = if framing == Framing::Lines { 1 } else { 3 };
            for _ in 0..read {
                let _ = reader.read_line(&mut answer).await;
            }
            drop(written);
            (answer, peer)
        };
        let (first, second) = (pin!(begin(first)), pin!(begin(second)));
        let refused = match timeout(TEST_TIMEOUT, select(first, second)).await.expect("one is refused") {
            Either::Left(((answer, mut peer), _)) | Either::Right(((answer, mut peer), _)) => {
                peer.until_end().await;
                answer
            }
        };
        assert!(refused.contains("-32092") && refused.contains(r#""id":null"#), "{refused}");
    }
}

#[tokio::test]
async fn peer_that_reads_nothing_is_cut() {
    let limits = Limits::default().write_progress_timeout(Duration::from_millis(100));
    let server = Server::builder()
        .stream("flood", || async { stream::iter(0_u64..).map(|n| format!("{n:01000}")) })
        .method("large", || async { "x".repeat(1 << 20) })
        .limits(limits)
        .build();
    for framing in FRAMINGS {
        let served = Served::start(&server, framing).await;
        let mut peer = served.connect().await;
        // The writes fail once the server has cut the connection.
        let written = async {
            for id in 0.. {
                let text = call("large", "[]", id);
                let framed = match framing {
                    Framing::Lines => format!("{text}\n"),
                    _ => format!("Content-Length: {}\r\n\r\n{text}", text.len()),
                };
                if peer.writer.write_all(framed.as_bytes()).await.is_err() {
                    return;
                }
            }
        };
        timeout(TEST_TIMEOUT, written).await.expect("the connection is cut");
    }
}

#[tokio::test]
async fn connections_without_calls_and_streams_make_room_for_others() {
    let server = Server::builder()
        .stream("hang", || async { stream::pending::<u64>() })
        .method("wait", std::future::pending::<()>)
        .method("ping", || async { "pong" })
        .limits(Limits::default().max_connections(3))
        .build();
    let served = Served::start(&server, Framing::Lines).await;
    let (mut streams, mut calls, mut idle) = (served.connect().await, served.connect().await, served.connect().await);
    assert_eq!(streams.ask(&call("hang", "[]", 1)).await["method"], "rpc.accepted");
    calls.send(&call("wait", "[]", 1)).await;
    for peer in [&mut idle, &mut streams, &mut calls] {
        assert_eq!(peer.ask(&call("ping", "[]", 2)).await["result"], "pong");
    }
    let mut newcomer = served.connect().await;
    newcomer.send(&call("ping", "[]", 1)).await;
    idle.until_end().await;
    assert_eq!(newcomer.receive().await["result"], "pong");
    for peer in [&mut streams, &mut calls] {
        assert_eq!(peer.ask(&call("ping", "[]", 3)).await["result"], "pong");
    }
}
