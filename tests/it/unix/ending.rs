//! How connections on Unix sockets end: by their peer, by the server, by a cut.

use std::sync::Arc;

use futures_util::stream;
use rpc::{Framing, Server};
use support::raw_http::TEST_TIMEOUT;
use tokio::io::AsyncWriteExt;
use tokio::net::UnixStream;
use tokio::sync::{Notify, mpsc};
use tokio::time::timeout;

use super::{FRAMINGS, Peer, Served, call};

/// A server with a call that waits for `go`, and a stream without end.
struct Gate {
    server: Server,
    begun: Arc<Notify>,
    go: Arc<Notify>,
}

impl Gate {
    fn new() -> Self {
        let (begun, go) = (Arc::new(Notify::new()), Arc::new(Notify::new()));
        let (begins, goes) = (Arc::clone(&begun), Arc::clone(&go));
        let wait = move || {
            let goes = Arc::clone(&goes);
            begins.notify_one();
            async move {
                goes.notified().await;
                "done"
            }
        };
        let server =
            Server::builder().method("wait", wait).stream("hang", || async { stream::pending::<u64>() }).build();
        Self { server, begun, go }
    }

    /// Connects, and begins a stream and a call.
    async fn busy(&self, served: &Served) -> Peer {
        let mut peer = served.connect().await;
        assert_eq!(peer.ask(&call("hang", "[]", 1)).await["method"], "rpc.accepted");
        peer.send(&call("wait", "[]", 2)).await;
        self.begun.notified().await;
        peer
    }
}

/// Checks that the stream is ended, and that the call is answered before the connection ends.
async fn ends_in_order(gate: &Gate, peer: &mut Peer) {
    let ended = peer.receive().await;
    assert_eq!((ended["id"].as_u64(), ended["error"]["data"]["reason"].as_str()), (Some(1), Some("draining")));
    gate.go.notify_one();
    let answer = peer.receive().await;
    assert_eq!((answer["id"].as_u64(), answer["result"].as_str()), (Some(2), Some("done")));
    peer.until_end().await;
}

#[tokio::test]
async fn half_close_drains_the_session() {
    for framing in FRAMINGS {
        let gate = Gate::new();
        let served = Served::start(&gate.server, framing).await;
        let mut peer = gate.busy(&served).await;
        peer.writer.shutdown().await.unwrap();
        ends_in_order(&gate, &mut peer).await;
    }
}

#[tokio::test]
async fn last_line_needs_no_end() {
    let server = Server::builder().method("echo", |(text,): (String,)| async move { text }).build();
    let served = Served::start(&server, Framing::Lines).await;
    let mut peer = served.connect().await;
    peer.send_bytes(call("echo", r#"["last"]"#, 1).as_bytes()).await;
    peer.writer.shutdown().await.unwrap();
    assert_eq!(peer.receive().await["result"], "last");
    peer.until_end().await;
}

#[tokio::test]
async fn message_without_its_end_is_ignored() {
    let server = Server::builder().method("echo", |(text,): (String,)| async move { text }).build();
    let served = Served::start(&server, Framing::ContentLength).await;
    let mut peer = served.connect().await;
    peer.send_bytes(b"Content-Length: 100\r\n\r\n{\"jsonrpc\"").await;
    peer.writer.shutdown().await.unwrap();
    peer.until_end().await;
}

#[tokio::test]
async fn large_answer_is_read_to_its_end_after_a_half_close() {
    let server = Server::builder().method("large", || async { "x".repeat(5 << 20) }).build();
    let served = Served::start(&server, Framing::Lines).await;
    let mut peer = served.connect().await;
    peer.send(&call("large", "[]", 1)).await;
    peer.writer.shutdown().await.unwrap();
    assert_eq!(peer.receive().await["result"].as_str().unwrap().len(), 5 << 20);
    peer.until_end().await;
}

#[tokio::test]
async fn drain_of_the_server_ends_sessions_in_order() {
    for framing in FRAMINGS {
        let gate = Gate::new();
        let mut served = Served::start(&gate.server, framing).await;
        let mut peer = gate.busy(&served).await;
        let stopped = served.stop();
        ends_in_order(&gate, &mut peer).await;
        drop(peer);
        timeout(TEST_TIMEOUT, stopped).await.unwrap().unwrap();
        assert!(UnixStream::connect(&served.path).await.is_err());
    }
}

#[tokio::test]
async fn call_is_given_up_once_its_peer_has_left() {
    struct Dropped(mpsc::UnboundedSender<()>);
    impl Drop for Dropped {
        fn drop(&mut self) {
            let _ = self.0.send(());
        }
    }

    #[rpc::service]
    trait Hang {
        #[rpc(readonly)]
        async fn hang(&self);
    }

    struct Hangs(Arc<Notify>, mpsc::UnboundedSender<()>);
    impl Hang for Hangs {
        async fn hang(&self) {
            let _dropped = Dropped(self.1.clone());
            self.0.notify_one();
            std::future::pending().await
        }
    }

    let (dropped, mut drops) = mpsc::unbounded_channel();
    let begun = Arc::new(Notify::new());
    let server = Server::builder().service(HangServer::new(Hangs(Arc::clone(&begun), dropped))).build();
    for framing in FRAMINGS {
        let served = Served::start(&server, framing).await;
        let mut peer = served.connect().await;
        peer.send(&call("hang", "[]", 1)).await;
        begun.notified().await;
        drop(peer);
        timeout(TEST_TIMEOUT, drops.recv()).await.expect("the handler is dropped").unwrap();
    }
}
