//! How a standalone server starts and ends.

use std::future::{pending, ready};
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use futures_util::FutureExt;
use rpc::{Client, Limits, Outcome, Server};
use support::PING;
use support::raw_http::{Connection, TEST_TIMEOUT, post};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::sync::{Notify, oneshot};

/// A server with a method that notifies when it runs and waits until it may end, and one that answers at once.
struct Gated {
    server: Server,
    runs: Arc<Notify>,
    gate: Arc<Notify>,
}

impl Gated {
    fn new(limits: Limits) -> Self {
        let (runs, gate) = (Arc::new(Notify::new()), Arc::new(Notify::new()));
        let shared = (Arc::clone(&runs), Arc::clone(&gate));
        let server = Server::builder()
            .limits(limits)
            .method("wait", move || {
                let (runs, gate) = shared.clone();
                async move {
                    runs.notify_one();
                    gate.notified().await;
                    "done"
                }
            })
            .method("ping", || async { "pong" })
            .build();
        Self { server, runs, gate }
    }
}

fn client_at(addr: SocketAddr) -> Client {
    Client::new(format!("http://{addr}")).unwrap()
}

/// Waits until no socket listens at the address.
pub(crate) async fn refused(addr: SocketAddr) {
    while TcpStream::connect(addr).await.is_ok() {
        tokio::task::yield_now().await;
    }
}

#[tokio::test]
async fn port_zero_takes_a_free_port_and_names_it() {
    let server = Gated::new(Limits::default()).server;
    let (one, two) = (server.bind("127.0.0.1:0").await.unwrap(), server.bind("[::1]:0").await.unwrap());
    assert_ne!(one.local_addr().port(), 0);
    assert!(two.local_addr().is_ipv6());
    for bound in [one, two] {
        let addr = bound.local_addr();
        let handle = bound.spawn();
        assert_eq!(handle.local_addr(), addr);
        assert_eq!(client_at(addr).call::<String>("ping", ()).await.unwrap(), "pong");
    }
}

#[tokio::test]
async fn an_address_that_is_taken_is_an_error() {
    let server = Gated::new(Limits::default()).server;
    let bound = server.bind("127.0.0.1:0").await.unwrap();
    let error = server.bind(bound.local_addr()).await.unwrap_err();
    assert_eq!(error.kind(), std::io::ErrorKind::AddrInUse);
    assert!(server.clone().serve(bound.local_addr()).await.is_err());
}

#[tokio::test]
async fn a_call_queues_until_a_bound_server_serves() {
    let bound = Gated::new(Limits::default()).server.bind("127.0.0.1:0").await.unwrap();
    let mut call = client_at(bound.local_addr()).call::<String>("ping", ()).into_future();
    assert!((&mut call).now_or_never().is_none());
    let _handle = bound.spawn();
    assert_eq!(call.await.unwrap(), "pong");
}

async fn assert_shutdown_drains(http2: bool) {
    let Gated { server, runs, gate } = Gated::new(Limits::default());
    let handle = server.bind("127.0.0.1:0").await.unwrap().spawn();
    let addr = handle.local_addr();
    let builder = Client::builder().endpoint(format!("http://{addr}"));
    let client = if http2 { builder.http2_prior_knowledge() } else { builder }.build().unwrap();
    let call = tokio::spawn(client.call::<String>("wait", ()).into_future());
    runs.notified().await;

    let shutdown = tokio::spawn(handle.shutdown());
    refused(addr).await;
    let late = client_at(addr).call::<String>("ping", ()).await.unwrap_err();
    assert!(late.is_connect());
    assert!(!shutdown.is_finished(), "the call still runs");

    gate.notify_one();
    assert_eq!(call.await.unwrap().unwrap(), "done");
    shutdown.await.unwrap();
}

#[tokio::test]
async fn shutdown_finishes_what_runs_and_takes_nothing_new() {
    assert_shutdown_drains(false).await;
}

#[tokio::test]
async fn shutdown_finishes_what_runs_over_http2() {
    assert_shutdown_drains(true).await;
}

/// Sends a request and reads its answer, on a connection that stays open.
async fn ping_by_hand(stream: &mut TcpStream) {
    stream.write_all(&post(PING)).await.unwrap();
    let mut answer = Vec::new();
    while !answer.ends_with(br#""id":1}"#) {
        answer.push(stream.read_u8().await.unwrap());
    }
}

/// Shuts down a server with a connection that is idle in some way. The drain timeout far exceeds the test's patience.
async fn assert_rest_holds_no_shutdown(rest: impl AsyncFnOnce(&mut TcpStream)) {
    let mut limits = Limits::default();
    limits.drain_timeout = Duration::from_secs(600);
    let handle = Gated::new(limits).server.bind("127.0.0.1:0").await.unwrap().spawn();
    let mut stream = TcpStream::connect(handle.local_addr()).await.unwrap();
    rest(&mut stream).await;
    // A call on another connection, accepted later, is answered. So the server has accepted the first one.
    assert_eq!(client_at(handle.local_addr()).call::<String>("ping", ()).await.unwrap(), "pong");
    handle.shutdown().await;
    assert_eq!(stream.read(&mut [0]).await.unwrap_or(0), 0, "the connection is closed");
}

#[tokio::test]
async fn an_idle_connection_holds_no_shutdown() {
    assert_rest_holds_no_shutdown(async |stream| ping_by_hand(stream).await).await;
}

#[tokio::test]
async fn a_connection_without_any_request_holds_no_shutdown() {
    assert_rest_holds_no_shutdown(async |_| {}).await;
}

#[tokio::test]
async fn an_idle_http2_connection_holds_no_shutdown() {
    let handle = Gated::new(Limits::default()).server.bind("127.0.0.1:0").await.unwrap().spawn();
    let url = format!("http://{}", handle.local_addr());
    let client = Client::builder().endpoint(url).http2_prior_knowledge().build().unwrap();
    assert_eq!(client.call::<String>("ping", ()).await.unwrap(), "pong");
    handle.shutdown().await;
}

#[tokio::test]
async fn a_server_that_leaves_serves_on_and_says_goodbye_to_those_who_are_connected() {
    let mut handle = Gated::new(Limits::default()).server.bind("127.0.0.1:0").await.unwrap().spawn();
    let addr = handle.local_addr();
    let mut old = Connection::open(addr).await;
    old.send(&post(PING)).await;
    assert_eq!(old.reply().await.header("connection"), None);
    handle.leave();
    handle.leave();
    // The server notices some time later, and continues until then.
    loop {
        let mut new = Connection::open(addr).await;
        new.send(&post(PING)).await;
        assert_eq!(new.reply().await.status, 200);
        old.send(&post(PING)).await;
        let reply = old.reply().await;
        assert_eq!(reply.status, 200);
        if reply.header("connection") == Some("close") {
            break;
        }
    }
    assert_eq!(old.rest().await, b"");
    assert_eq!(client_at(addr).call::<String>("ping", ()).await.unwrap(), "pong");
    handle.shutdown().await;
    refused(addr).await;
}

#[tokio::test]
async fn what_hangs_is_cut_when_the_drain_takes_too_long() {
    let mut limits = Limits::default();
    limits.drain_timeout = Duration::from_millis(50);
    let Gated { server, runs, .. } = Gated::new(limits);
    let handle = server.bind("127.0.0.1:0").await.unwrap().spawn();
    let call = tokio::spawn(client_at(handle.local_addr()).call::<String>("wait", ()).into_future());
    runs.notified().await;
    handle.shutdown().await;
    let error = call.await.unwrap().unwrap_err();
    assert!(error.failure().unwrap().is_transport(), "{error:?}");
    assert_eq!(error.outcome(), Outcome::Unknown);
}

#[tokio::test]
async fn connections_that_queue_or_wait_for_room_are_answered_before_the_end() {
    let mut limits = Limits::default();
    limits.max_connections = 1;
    let Gated { server, runs, gate } = Gated::new(limits);
    let handle = server.bind("127.0.0.1:0").await.unwrap().spawn();
    let addr = handle.local_addr();
    let mut busy = Connection::open(addr).await;
    busy.send(&post(r#"{"jsonrpc":"2.0","method":"wait","id":1}"#)).await;
    runs.notified().await;
    // The server may have accepted the first of these, which then waits for room. The others are only in the system's
    // queue.
    let mut waiting = Vec::new();
    for _ in 0..5 {
        let mut connection = Connection::open(addr).await;
        connection.send(&post(PING)).await;
        waiting.push(connection);
    }
    let shutdown = tokio::spawn(handle.shutdown());
    for mut connection in waiting {
        let reply = connection.reply().await;
        assert_eq!((reply.status, reply.header("connection")), (200, Some("close")));
        assert_eq!(connection.rest().await, b"");
    }
    gate.notify_one();
    assert_eq!(busy.reply().await.header("connection"), Some("close"));
    shutdown.await.unwrap();
}

#[tokio::test]
async fn connections_that_begin_after_a_server_has_left_end_with_their_first_answer() {
    let mut handle = Gated::new(Limits::default()).server.bind("127.0.0.1:0").await.unwrap().spawn();
    handle.leave();
    // The server notices some time later.
    let hears = tokio::time::timeout(TEST_TIMEOUT, async {
        loop {
            let mut connection = Connection::open(handle.local_addr()).await;
            connection.send(&post(PING)).await;
            if connection.reply().await.header("connection") == Some("close") {
                return connection.rest().await;
            }
        }
    });
    assert_eq!(hears.await.expect("new connections are told as well"), b"");
    handle.shutdown().await;
}

#[tokio::test]
async fn limits_as_large_as_they_can_be_hold_no_shutdown() {
    let mut limits = Limits::default();
    limits.max_connections = usize::MAX;
    limits.max_connection_age = Duration::MAX;
    limits.header_timeout = Duration::MAX;
    limits.idle_timeout = Duration::MAX;
    limits.write_progress_timeout = Duration::MAX;
    limits.shutdown_delay = Duration::MAX;
    limits.drain_timeout = Duration::MAX;
    let mut handle = Gated::new(limits).server.bind("127.0.0.1:0").await.unwrap().spawn();
    let addr = handle.local_addr();
    let (silent, mut half, mut idle) =
        (Connection::open(addr).await, Connection::open(addr).await, Connection::open(addr).await);
    half.send(b"POST / HTTP/1.1\r\nhost: a").await;
    idle.send(&post(PING)).await;
    assert_eq!(idle.reply().await.status, 200);
    handle.leave();
    handle.shutdown().await;
    drop((silent, half));
}

#[rpc::service]
trait Blocking {
    fn block(&self);
}

/// A method that notifies when it runs, and then blocks its thread until it is released or its sender is dropped.
struct Blocks {
    runs: Arc<Notify>,
    gate: Mutex<std::sync::mpsc::Receiver<()>>,
}

impl Blocking for Blocks {
    fn block(&self) {
        self.runs.notify_one();
        let _ = self.gate.lock().unwrap().recv();
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 3)]
async fn a_method_that_blocks_its_thread_holds_no_shutdown_beyond_the_drain() {
    let mut limits = Limits::default();
    limits.drain_timeout = Duration::from_millis(50);
    let runs = Arc::new(Notify::new());
    let (release, gate) = std::sync::mpsc::channel();
    let blocks = Blocks { runs: Arc::clone(&runs), gate: Mutex::new(gate) };
    let server = Server::builder().limits(limits).service(BlockingServer::new(blocks)).build();
    let handle = server.bind("127.0.0.1:0").await.unwrap().spawn();
    let call = tokio::spawn(BlockingClient::new(client_at(handle.local_addr())).block().into_future());
    runs.notified().await;
    // The shutdown takes about a second. The bound only distinguishes that from a hang.
    let shutdown = tokio::time::timeout(Duration::from_secs(15), handle.shutdown()).await;
    assert!(shutdown.is_ok(), "the shutdown waits for the method");
    assert!(!call.is_finished(), "the method still runs");
    release.send(()).unwrap();
    // The thread ends at last. Whether the answer still arrives is undefined.
    let _ = call.await.unwrap();
}

#[tokio::test]
async fn a_server_serves_until_its_future_is_done() {
    let Gated { server, runs, gate } = Gated::new(Limits::default());
    let bound = server.bind("127.0.0.1:0").await.unwrap();
    let addr = bound.local_addr();
    let (stop, stopped) = oneshot::channel::<()>();
    let serving = tokio::spawn(bound.serve_until(stopped.map(drop)));
    let call = tokio::spawn(client_at(addr).call::<String>("wait", ()).into_future());
    runs.notified().await;
    stop.send(()).unwrap();
    refused(addr).await;
    gate.notify_one();
    assert_eq!(call.await.unwrap().unwrap(), "done");
    serving.await.unwrap();
}

#[tokio::test]
async fn a_future_that_is_done_already_serves_nobody() {
    let bound = Gated::new(Limits::default()).server.bind("127.0.0.1:0").await.unwrap();
    let addr = bound.local_addr();
    bound.serve_until(ready(())).await;
    refused(addr).await;
}

#[tokio::test]
async fn dropping_the_handle_leaves_the_server_running() {
    let handle = Gated::new(Limits::default()).server.bind("127.0.0.1:0").await.unwrap().spawn();
    let addr = handle.local_addr();
    drop(handle);
    assert_eq!(client_at(addr).call::<String>("ping", ()).await.unwrap(), "pong");
}

#[tokio::test]
async fn a_shutdown_that_was_begun_goes_on_without_its_future() {
    let handle = Gated::new(Limits::default()).server.bind("127.0.0.1:0").await.unwrap().spawn();
    let addr = handle.local_addr();
    assert!(handle.shutdown().now_or_never().is_none());
    refused(addr).await;
}

#[tokio::test]
async fn dropping_a_serving_future_cuts_all_connections() {
    let Gated { server, runs, .. } = Gated::new(Limits::default());
    let bound = server.bind("127.0.0.1:0").await.unwrap();
    let addr = bound.local_addr();
    let serving = tokio::spawn(bound.serve_until(pending()));
    let call = tokio::spawn(client_at(addr).call::<String>("wait", ()).into_future());
    runs.notified().await;
    serving.abort();
    assert!(call.await.unwrap().unwrap_err().failure().unwrap().is_transport());
    refused(addr).await;
}

#[tokio::test]
async fn servers_of_one_build_end_one_by_one() {
    let server = Gated::new(Limits::default()).server;
    let one = server.bind("127.0.0.1:0").await.unwrap().spawn();
    let two = server.bind("127.0.0.1:0").await.unwrap().spawn();
    one.shutdown().await;
    assert_eq!(client_at(two.local_addr()).call::<String>("ping", ()).await.unwrap(), "pong");
    two.shutdown().await;
    assert_eq!(Client::in_process(&server).call::<String>("ping", ()).await.unwrap(), "pong");
}

#[tokio::test]
async fn a_path_of_its_own_is_the_only_one_that_is_served() {
    let server = Server::builder().path("/rpc").method("ping", || async { "pong" }).build();
    let addr = support::serve(&server).await;
    let call = async |path| Client::new(format!("http://{addr}{path}")).unwrap().call::<String>("ping", ()).await;
    assert_eq!(call("/rpc").await.unwrap(), "pong");
    assert_eq!(call("/rpc?query=1").await.unwrap(), "pong");
    for path in ["", "/", "/rpc/", "/RPC", "/rpc/more"] {
        let error = call(path).await.unwrap_err();
        assert_eq!(error.failure().unwrap().status().unwrap(), 404, "{path:?}");
        assert_eq!(error.error_object().unwrap().code().get(), -32600);
    }
}
