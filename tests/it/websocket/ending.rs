//! How WebSockets end: drains, silent clients, clients that do not read, and clients that leave.

use std::sync::Arc;
use std::time::Duration;

use futures_util::{StreamExt, stream};
use rpc::{Context, Limits, Server, WebSocketSettings};
use serde_json::{Value, json};
use support::raw_http::TEST_TIMEOUT;
use support::serve;
use support::websocket::WebSocket;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpSocket, TcpStream};
use tokio::sync::{Notify, mpsc};
use tokio::time::timeout;

#[tokio::test]
async fn drain_ends_streams_and_answers_calls_before_it_closes() {
    let gate = Arc::new(Notify::new());
    let (begun, mut begins) = mpsc::unbounded_channel();
    let waits = Arc::clone(&gate);
    let server = Server::builder()
        .stream("ones", || async { stream::iter([1]).chain(stream::pending()) })
        .method("slow", move || {
            let (gate, begun) = (Arc::clone(&waits), begun.clone());
            async move {
                begun.send(()).unwrap();
                gate.notified().await;
                "done"
            }
        })
        .build();
    let server = server.bind("127.0.0.1:0").await.unwrap().spawn();
    let mut socket = WebSocket::open(server.local_addr()).await;
    for id in 0..100 {
        socket.call("ones", json!([]), id).await;
    }
    for _ in 0..200 {
        let message = socket.receive().await;
        assert!(message["method"] == "rpc.accepted" || message["params"]["result"] == 1, "{message}");
    }
    socket.call("slow", json!([]), 200).await;
    begins.recv().await.unwrap();
    let stopped = tokio::spawn(server.shutdown());
    let mut ended: Vec<u64> = Vec::new();
    for _ in 0..100 {
        let message = socket.receive().await;
        assert_eq!(message["error"]["data"], json!({ "reason": "draining" }), "{message}");
        ended.push(message["id"].as_u64().unwrap());
    }
    ended.sort_unstable();
    assert_eq!(ended, (0..100).collect::<Vec<_>>());
    socket.call("ones", json!([]), 300).await;
    let refused = socket.receive().await;
    assert_eq!((&refused["error"]["code"], &refused["rpc"]["rpc-refused"]), (&json!(-32092), &json!("all")));
    gate.notify_one();
    assert_eq!(socket.receive().await, json!({ "jsonrpc": "2.0", "result": "done", "id": 200 }));
    assert_eq!(socket.close_code().await, Some(1001));
    assert_eq!(socket.frame().await, None);
    timeout(TEST_TIMEOUT, stopped).await.unwrap().unwrap();
}

#[tokio::test]
async fn idle_websocket_closes_at_once_when_the_server_drains() {
    let server = Server::builder().build().bind("127.0.0.1:0").await.unwrap().spawn();
    let mut sockets = [WebSocket::open(server.local_addr()).await, WebSocket::open_older(server.local_addr()).await];
    let stopped = tokio::spawn(server.shutdown());
    for socket in &mut sockets {
        assert_eq!(socket.close_code().await, Some(1001));
        assert_eq!(socket.frame().await, None);
    }
    timeout(TEST_TIMEOUT, stopped).await.unwrap().unwrap();
}

/// Opens a WebSocket and returns its connection, whose client does not answer frames.
async fn deaf(server: &Server) -> TcpStream {
    let stream = TcpStream::connect(serve(server).await).await.unwrap();
    let addr = stream.peer_addr().unwrap();
    let socket = WebSocket::over(stream, addr, &[("sec-websocket-protocol", "rpc.v1")]).await.unwrap();
    socket.stream.into_inner()
}

#[tokio::test]
async fn client_that_answers_no_ping_is_cut_after_two() {
    let settings = WebSocketSettings::default().ping_interval(Duration::from_millis(50));
    let server = Server::builder().websocket(settings).build();
    let mut stream = deaf(&server).await;
    let mut received = Vec::new();
    timeout(TEST_TIMEOUT, stream.read_to_end(&mut received)).await.expect("it is cut").unwrap();
    assert_eq!(received, [0x89, 0, 0x89, 0]);
}

#[tokio::test]
async fn client_that_answers_pings_stays() {
    let settings = WebSocketSettings::default().ping_interval(Duration::from_millis(20));
    let server = Server::builder().method("ping", || async { "pong" }).websocket(settings).build();
    let mut socket = WebSocket::open(serve(&server).await).await;
    for _ in 0..6 {
        // The client answers them by itself.
        assert!(matches!(socket.frame().await, Some(tokio_tungstenite::tungstenite::Message::Ping(_))));
    }
    socket.call("ping", json!([]), 1).await;
    assert_eq!(socket.receive().await["result"], json!("pong"));
}

#[tokio::test]
async fn idle_timeout_and_age_do_not_apply() {
    let limits = Limits::default().idle_timeout(Duration::from_millis(50)).header_timeout(Duration::from_millis(50));
    let limits = limits.max_connection_age(Duration::from_millis(50));
    let settings = WebSocketSettings::default().ping_interval(Duration::from_millis(40));
    let server = Server::builder().method("ping", || async { "pong" }).limits(limits).websocket(settings).build();
    let mut socket = WebSocket::open(serve(&server).await).await;
    for _ in 0..5 {
        assert!(matches!(socket.frame().await, Some(tokio_tungstenite::tungstenite::Message::Ping(_))));
    }
    socket.call("ping", json!([]), 1).await;
    assert_eq!(socket.receive().await["result"], json!("pong"));
}

/// Tells when it is dropped.
struct Told(mpsc::UnboundedSender<()>);

impl Drop for Told {
    fn drop(&mut self) {
        let _ = self.0.send(());
    }
}

#[tokio::test]
async fn client_that_does_not_read_is_cut() {
    let limits = Limits::default().write_progress_timeout(Duration::from_millis(200));
    let (dropped, mut drops) = mpsc::unbounded_channel::<()>();
    let server = Server::builder()
        .limits(limits)
        .stream("flood", move || {
            let told = Told(dropped.clone());
            async move {
                stream::repeat("x".repeat(60_000)).map(move |item| {
                    let _held = &told;
                    item
                })
            }
        })
        .build();
    let addr = serve(&server).await;
    let socket = TcpSocket::new_v4().unwrap();
    socket.set_recv_buffer_size(4 << 10).unwrap();
    let stream = socket.connect(addr).await.unwrap();
    let mut socket = WebSocket::over(stream, addr, &[("sec-websocket-protocol", "rpc.v1")]).await.unwrap();
    socket.call("flood", json!([]), 1).await;
    assert_eq!(socket.receive().await["method"], json!("rpc.accepted"));
    socket.notify("rpc.credit", json!({ "subscription": 1, "bytes": 1_u64 << 40 })).await;
    timeout(TEST_TIMEOUT, drops.recv()).await.expect("the stream is dropped").unwrap();
}

#[tokio::test]
async fn client_that_leaves_takes_its_calls_and_streams_with_it() {
    let (told, mut tells) = mpsc::unbounded_channel();
    let (of_stream, mut items) = mpsc::unbounded_channel::<()>();
    let server = Server::builder()
        .method("wait", move |cx: Context| {
            let told = told.clone();
            async move {
                told.send("begun").unwrap();
                cx.cancelled().await;
                told.send("cancelled").unwrap();
            }
        })
        .stream("held", move || {
            let held = of_stream.clone();
            async move {
                held.send(()).unwrap();
                stream::pending::<u64>().map(move |item| {
                    let _held = &held;
                    item
                })
            }
        })
        .build();
    let addr = serve(&server).await;
    for closes in [true, false] {
        let mut socket = WebSocket::open(addr).await;
        socket.call("wait", json!([]), 1).await;
        assert_eq!(tells.recv().await, Some("begun"));
        socket.call("held", json!([]), 2).await;
        assert_eq!(socket.receive().await["method"], json!("rpc.accepted"));
        items.recv().await.unwrap();
        if closes {
            socket.stream.close(None).await.unwrap();
            assert_eq!(socket.close_code().await, None);
        } else {
            drop(socket);
        }
        assert_eq!(timeout(TEST_TIMEOUT, tells.recv()).await.unwrap(), Some("cancelled"));
    }
}

#[tokio::test]
async fn half_closed_connection_ends() {
    let server = Server::builder().build();
    let mut stream = deaf(&server).await;
    stream.shutdown().await.unwrap();
    let mut received = Vec::new();
    timeout(TEST_TIMEOUT, stream.read_to_end(&mut received)).await.expect("it ends").unwrap();
}

#[tokio::test]
async fn websockets_count_as_connections() {
    let limits = Limits::default().max_connections(1);
    let server = Server::builder().method("ping", || async { "pong" }).limits(limits).build();
    let addr = serve(&server).await;
    let mut first = WebSocket::open(addr).await;
    let second = tokio::spawn(async move {
        let mut second = WebSocket::open(addr).await;
        second.call("ping", json!([]), 1).await;
        second.receive().await
    });
    first.call("ping", json!([]), 1).await;
    assert_eq!(first.receive().await["result"], json!("pong"));
    first.stream.close(None).await.unwrap();
    assert_eq!(first.close_code().await, None);
    let answer: Value = timeout(TEST_TIMEOUT, second).await.unwrap().unwrap();
    assert_eq!(answer["result"], json!("pong"));
}
