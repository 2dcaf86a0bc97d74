//! Clients that leave at any stage of a session.

use std::future::pending;
use std::net::SocketAddr;

use futures_util::future::join_all;
use futures_util::{Stream, StreamExt, stream};
use rpc::middleware::{Next, Request, from_fn};
use rpc::{Limits, Server};
use serde_json::{Value, json};
use support::raw_http::TEST_TIMEOUT;
use support::serve;
use support::websocket::WebSocket;
use tokio::io::AsyncWriteExt;
use tokio::net::TcpStream;
use tokio::sync::mpsc;
use tokio::time::timeout;

/// Tells when it is dropped.
struct Told(mpsc::UnboundedSender<()>);

impl Drop for Told {
    fn drop(&mut self) {
        let _ = self.0.send(());
    }
}

#[tokio::test]
async fn stream_that_is_accepted_behind_a_layer_ends_with_its_client() {
    let (accepted, mut accepts) = mpsc::unbounded_channel();
    let (dropped, mut drops) = mpsc::unbounded_channel();
    let server = Server::builder()
        .stream("held", move || {
            let told = Told(dropped.clone());
            async move {
                stream::pending::<u64>().map(move |item| {
                    let _held = &told;
                    item
                })
            }
        })
        .layer(from_fn(move |request: Request, next: Next| {
            let accepted = accepted.clone();
            async move {
                let response = next.run(request).await;
                let _ = accepted.send(());
                pending::<()>().await;
                response
            }
        }))
        .build();
    let addr = serve(&server).await;
    for cancels in [false, true] {
        let mut socket = WebSocket::open(addr).await;
        socket.call("held", json!([]), 1).await;
        timeout(TEST_TIMEOUT, accepts.recv()).await.unwrap().unwrap();
        if cancels {
            socket.notify("rpc.cancel", json!({ "id": 1 })).await;
            assert_eq!(socket.receive().await["error"]["data"], json!({ "reason": "cancelled" }));
        } else {
            drop(socket);
        }
        timeout(TEST_TIMEOUT, drops.recv()).await.expect("the stream is dropped").unwrap();
    }
}

struct PanicsOnDrop;

impl Drop for PanicsOnDrop {
    fn drop(&mut self) {
        panic!("on drop");
    }
}

#[tokio::test]
async fn calls_and_streams_that_panic_when_they_are_dropped_end_with_their_client() {
    let (begun, mut begins) = mpsc::unbounded_channel();
    let server = Server::builder()
        .method("wait", move || {
            let begun = begun.clone();
            async move {
                let _panics = PanicsOnDrop;
                begun.send(()).unwrap();
                pending::<()>().await;
            }
        })
        .stream("held", || {
            let panics = PanicsOnDrop;
            async move {
                stream::pending::<u64>().map(move |item| {
                    let _held = &panics;
                    item
                })
            }
        })
        .method("ping", || async { "pong" })
        .build();
    let addr = serve(&server).await;
    let mut socket = WebSocket::open(addr).await;
    for id in 0..3 {
        socket.call("wait", json!([]), id).await;
        begins.recv().await.unwrap();
        socket.call("held", json!([]), 10 + id).await;
        let accepted = socket.receive().await;
        assert_eq!(accepted["method"], json!("rpc.accepted"), "{accepted}");
    }
    drop(socket);
    let mut socket = WebSocket::open(addr).await;
    socket.call("ping", json!([]), 1).await;
    assert_eq!(socket.receive().await["result"], json!("pong"));
}

/// How a client leaves its session.
#[derive(Clone, Copy, Debug)]
enum Stage {
    Head,
    Opened,
    HalfFrame,
    HalfMessage,
    Call,
    LayeredCall,
    Stream,
    UnreadStream,
    LaggingStream,
    Cancelled,
    Closed,
}

const STAGES: [Stage; 11] = [
    Stage::Head,
    Stage::Opened,
    Stage::HalfFrame,
    Stage::HalfMessage,
    Stage::Call,
    Stage::LayeredCall,
    Stage::Stream,
    Stage::UnreadStream,
    Stage::LaggingStream,
    Stage::Cancelled,
    Stage::Closed,
];

#[rpc::service(namespace = "feed")]
trait Feed {
    #[rpc(stream)]
    fn ones(&self) -> impl Stream<Item = u64> + Send;

    #[rpc(stream)]
    fn flood(&self) -> impl Stream<Item = String> + Send;

    #[rpc(stream, lag = "drop_oldest(100)")]
    fn lagging(&self) -> impl Stream<Item = String> + Send;

    #[rpc(readonly)]
    async fn wait(&self);

    #[rpc(readonly)]
    async fn echo(&self, text: String) -> String;
}

struct Feeds;

impl Feed for Feeds {
    fn ones(&self) -> impl Stream<Item = u64> + Send {
        stream::iter([1]).chain(stream::pending())
    }

    fn flood(&self) -> impl Stream<Item = String> + Send {
        stream::repeat("x".repeat(10_000))
    }

    fn lagging(&self) -> impl Stream<Item = String> + Send {
        stream::repeat("x".repeat(1000)).then(|item| async move {
            tokio::task::yield_now().await;
            item
        })
    }

    async fn wait(&self) {
        pending().await
    }

    async fn echo(&self, text: String) -> String {
        text
    }
}

/// Opens a session and cuts it at this stage.
async fn cut_at(stage: Stage, addr: SocketAddr) {
    if let Stage::Head = stage {
        let mut stream = TcpStream::connect(addr).await.unwrap();
        stream.write_all(b"GET / HTTP/1.1\r\nhost: a\r\nupgrade: websocket\r\nconnection: upgr").await.unwrap();
        return;
    }
    let mut socket = WebSocket::open(addr).await;
    let method = match stage {
        Stage::Call | Stage::Cancelled => "feed.wait",
        Stage::LayeredCall => "layered",
        Stage::Stream => "feed.ones",
        Stage::UnreadStream => "feed.flood",
        Stage::LaggingStream => "feed.lagging",
        Stage::HalfFrame => {
            let raw = socket.stream.get_mut();
            return raw.write_all(&[0x81, 0xfe, 0xff, 0xff, 1, 2, 3, 4, 5, 6]).await.unwrap();
        }
        Stage::HalfMessage => {
            let raw = socket.stream.get_mut();
            raw.write_all(&[0x01, 0xff, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0]).await.unwrap();
            return raw.write_all(&[b'a'; 60_000]).await.unwrap();
        }
        Stage::Closed => return socket.stream.close(None).await.unwrap(),
        Stage::Head | Stage::Opened => return,
    };
    socket.call(method, json!([]), 1).await;
    match stage {
        Stage::Cancelled => {
            socket.notify("rpc.cancel", json!({ "id": 1 })).await;
            socket.receive().await;
        }
        Stage::Stream | Stage::LaggingStream | Stage::UnreadStream => {
            assert_eq!(socket.receive().await["method"], json!("rpc.accepted"));
            socket.notify("rpc.credit", json!({ "subscription": 1, "bytes": 1_u64 << 40 })).await;
            assert_eq!(socket.receive().await["params"]["subscription"], json!(1));
        }
        _ => {}
    }
}

#[tokio::test]
async fn sessions_that_are_cut_at_any_stage_give_all_limits_back() {
    const MOST: usize = 24;
    let limits = Limits::default()
        .max_streams(MOST)
        .max_calls_in_flight(MOST)
        .max_request_bytes(1 << 20)
        .max_response_bytes(1 << 20)
        .max_buffered_bytes(2 << 20)
        .max_connections(2 * STAGES.len());
    let server = Server::builder()
        .service(FeedServer::new(Feeds))
        .stream("layered", || async { stream::pending::<u64>() })
        .method_layer(
            "layered",
            from_fn(|request: Request, next: Next| async move {
                let response = next.run(request).await;
                pending::<()>().await;
                response
            }),
        )
        .limits(limits)
        .build();
    let addr = serve(&server).await;
    for _ in 0..19 {
        join_all(STAGES.map(|stage| cut_at(stage, addr))).await;
    }
    let mut sockets = Vec::new();
    for _ in 0..2 {
        let mut socket = WebSocket::open(addr).await;
        for id in 0..12 {
            // The server may still be about to notice the end of the others.
            while until_accepted(&mut socket, id).await.is_err() {}
            assert_eq!(socket.receive().await["params"]["result"], json!(1));
        }
        sockets.push(socket);
    }
    let text = "x".repeat(1_000_000);
    let socket = &mut sockets[0];
    loop {
        socket.call("feed.echo", json!([text]), 100).await;
        if socket.receive().await["result"] == json!(text) {
            break;
        }
    }
    for id in 200..212 {
        for socket in &mut sockets {
            socket.call("feed.wait", json!([]), id).await;
        }
    }
    // All calls have begun once each session refuses another one.
    for socket in &mut sockets {
        socket.call("feed.wait", json!([]), 300).await;
        let refused = socket.receive().await;
        assert_eq!((&refused["error"]["code"], &refused["id"]), (&json!(-32092), &json!(300)));
    }
}

async fn until_accepted(socket: &mut WebSocket, id: u64) -> Result<(), Value> {
    socket.call("feed.ones", json!([]), id).await;
    let message = socket.receive().await;
    if message["method"] == "rpc.accepted" { Ok(()) } else { Err(message) }
}
