//! What happens to handlers without callers, and to batches that are interrupted.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use futures_util::FutureExt;
use rpc::{Answer, BoxFuture, Context, Dispatch, Limits, RequestContext, Server};
use support::raw_http::{Connection, exchange, post};
use tokio::io::AsyncWriteExt;
use tokio::net::TcpStream;
use tokio::sync::{Semaphore, mpsc};
use tokio::time::Instant;

use crate::shutdown::refused;

#[derive(Debug, PartialEq)]
enum Event {
    Began(&'static str),
    Cancelled(&'static str),
    Ended(&'static str),
    Dropped(&'static str),
}
use Event::{Began, Cancelled, Dropped, Ended};

#[rpc::service(namespace = "work")]
trait Work {
    #[rpc(readonly)]
    async fn read(&self, #[rpc(context)] cx: &Context);
    #[rpc(readonly)]
    async fn hold(&self);
    async fn write(&self, #[rpc(context)] cx: &Context);
    #[rpc(idempotent)]
    async fn put(&self, #[rpc(context)] cx: &Context);
    async fn heed(&self, #[rpc(context)] cx: &Context);
    async fn explode(&self, #[rpc(context)] cx: &Context);
    fn ping(&self);
}

struct Worker {
    events: mpsc::UnboundedSender<Event>,
    gate: Arc<Semaphore>,
}

impl Worker {
    fn begin(&self, name: &'static str) -> Life<'_> {
        self.events.send(Began(name)).unwrap();
        Life { worker: self, name, ended: false }
    }

    /// Reports when the caller has left, and then waits at the gate.
    async fn go_on(&self, name: &'static str, cx: &Context) {
        let life = self.begin(name);
        cx.cancelled().await;
        self.events.send(Cancelled(name)).unwrap();
        self.gate.acquire().await.unwrap().forget();
        life.end();
    }
}

/// Reports whether a handler ended or was dropped.
struct Life<'a> {
    worker: &'a Worker,
    name: &'static str,
    ended: bool,
}

impl Life<'_> {
    fn end(mut self) {
        self.ended = true;
    }
}

impl Drop for Life<'_> {
    fn drop(&mut self) {
        let event = if self.ended { Ended(self.name) } else { Dropped(self.name) };
        let _ = self.worker.events.send(event);
    }
}

impl Work for Worker {
    async fn read(&self, cx: &Context) {
        self.go_on("read", cx).await;
    }
    async fn hold(&self) {
        let life = self.begin("hold");
        self.gate.acquire().await.unwrap().forget();
        life.end();
    }
    async fn write(&self, cx: &Context) {
        self.go_on("write", cx).await;
    }
    async fn put(&self, cx: &Context) {
        self.go_on("put", cx).await;
    }
    async fn heed(&self, cx: &Context) {
        let life = self.begin("heed");
        cx.cancelled().await;
        assert!(cx.is_cancelled());
        life.end();
    }
    async fn explode(&self, cx: &Context) {
        self.go_on("explode", cx).await;
        panic!("without a caller")
    }
    fn ping(&self) {}
}

struct Bench {
    server: Server,
    events: mpsc::UnboundedReceiver<Event>,
    gate: Arc<Semaphore>,
}

impl Bench {
    fn new(change: impl FnOnce(&mut Limits)) -> Self {
        let (sender, events) = mpsc::unbounded_channel();
        let gate = Arc::new(Semaphore::new(0));
        let mut limits = Limits::default();
        change(&mut limits);
        let worker = Worker { events: sender, gate: Arc::clone(&gate) };
        let server = Server::builder().service(WorkServer::new(worker)).limits(limits).build();
        Self { server, events, gate }
    }

    fn dispatch(&self, body: &str) -> BoxFuture<Answer> {
        self.server.dispatch(Bytes::copy_from_slice(body.as_bytes()), Arc::new(RequestContext::default()))
    }

    #[track_caller]
    fn next(&mut self) -> impl Future<Output = Event> {
        self.events.recv().map(|event| event.expect("the server is still there"))
    }
}

fn call(method: &str) -> String {
    format!(r#"{{"jsonrpc":"2.0","method":"work.{method}","id":"{method}"}}"#)
}

async fn connect(addr: SocketAddr, body: &str) -> Connection {
    let mut connection = Connection::open(addr).await;
    connection.send(&post(body)).await;
    connection
}

#[tokio::test]
async fn a_readonly_handler_is_dropped_when_its_client_leaves() {
    let mut bench = Bench::new(|_| {});
    let addr = support::serve(&bench.server).await;
    let connection = connect(addr, &call("read")).await;
    assert_eq!(bench.next().await, Began("read"));
    drop(connection);
    assert_eq!(bench.next().await, Dropped("read"));
}

/// Some simple tools, such as `nc -N`, send their data and close their half of the connection.
#[tokio::test]
async fn a_client_that_closes_its_half_of_the_connection_is_answered() {
    let mut bench = Bench::new(|_| {});
    let bound = bench.server.bind("127.0.0.1:0").await.unwrap();
    let addr = bound.local_addr();
    // All requests have arrived before the server reads any.
    let mut queued = Vec::new();
    for _ in 0..50 {
        let mut connection = connect(addr, &call("ping")).await;
        connection.finish_sending().await;
        queued.push(connection);
    }
    let _handle = bound.spawn();
    for mut connection in queued {
        assert_eq!(connection.reply().await.text(), r#"{"jsonrpc":"2.0","result":null,"id":"ping"}"#);
        assert!(connection.rest().await.is_empty());
    }
    let mut connection = connect(addr, &call("hold")).await;
    assert_eq!(bench.next().await, Began("hold"));
    connection.finish_sending().await;
    bench.gate.add_permits(1);
    assert_eq!(bench.next().await, Ended("hold"));
    assert_eq!(connection.reply().await.status, 200);
    assert!(connection.rest().await.is_empty());
}

#[tokio::test]
async fn a_client_that_closes_its_half_of_the_connection_has_left_a_second_later() {
    let mut bench = Bench::new(|_| {});
    let addr = support::serve(&bench.server).await;
    for (method, event) in [("read", Dropped("read")), ("write", Cancelled("write"))] {
        let mut connection = connect(addr, &call(method)).await;
        assert_eq!(bench.next().await, Began(method));
        let start = Instant::now();
        connection.finish_sending().await;
        assert_eq!(bench.next().await, event);
        assert!(start.elapsed() >= Duration::from_millis(990), "{:?}", start.elapsed());
        assert!(connection.rest().await.is_empty(), "there is an answer");
    }
}

#[tokio::test]
async fn a_client_that_resets_its_connection_has_left_at_once() {
    let mut bench = Bench::new(|_| {});
    let addr = support::serve(&bench.server).await;
    let mut fastest = Duration::MAX;
    // A loaded machine can delay some attempts. The fastest one shows that nothing waits.
    for _ in 0..5 {
        let mut stream = TcpStream::connect(addr).await.unwrap();
        stream.set_zero_linger().unwrap();
        stream.write_all(&post(call("read"))).await.unwrap();
        assert_eq!(bench.next().await, Began("read"));
        let start = Instant::now();
        drop(stream);
        assert_eq!(bench.next().await, Dropped("read"));
        fastest = fastest.min(start.elapsed());
    }
    assert!(fastest < Duration::from_millis(500), "{fastest:?}");
}

#[tokio::test]
async fn any_other_handler_goes_on_to_its_end_when_its_client_leaves() {
    let mut bench = Bench::new(|_| {});
    let addr = support::serve(&bench.server).await;
    for method in ["write", "put"] {
        let connection = connect(addr, &call(method)).await;
        assert_eq!(bench.next().await, Began(method));
        drop(connection);
        assert_eq!(bench.next().await, Cancelled(method));
        bench.gate.add_permits(1);
        assert_eq!(bench.next().await, Ended(method));
    }
}

/// The client may only have given up an attempt, and may retry under the same key.
#[tokio::test(start_paused = true)]
async fn a_call_with_a_key_and_a_deadline_is_cancelled_at_the_deadline_though_its_client_has_left() {
    let key = "0190a0c5-7b3a-7000-8000-000000000001";
    let body = format!(r#"{{"jsonrpc":"2.0","method":"work.heed","id":"{key}"}}"#);
    for (timeout, cancelled_after) in [(Some("300"), 300), (None, 0)] {
        let mut request = RequestContext::default();
        let keys = format!("keys={key}");
        request.headers.insert("rpc-idempotency", keys.parse().unwrap());
        if let Some(timeout) = timeout {
            request.headers.insert("rpc-timeout-ms", timeout.parse().unwrap());
        }
        let request = request.counting_from_now(|| Instant::now().into_std());
        let begun = Instant::now();
        // A new server, because the store of the previous one remembers the key.
        let mut bench = Bench::new(|_| {});
        let mut answer = bench.server.dispatch(Bytes::copy_from_slice(body.as_bytes()), Arc::new(request));
        assert!((&mut answer).now_or_never().is_none());
        assert_eq!(bench.next().await, Began("heed"));
        drop(answer);
        assert_eq!(bench.next().await, Ended("heed"));
        let waited = begun.elapsed().as_millis();
        assert!((cancelled_after..cancelled_after + 5).contains(&waited), "{waited}");
    }
}

#[tokio::test]
async fn a_notification_goes_on_like_a_call() {
    let mut bench = Bench::new(|_| {});
    let mut answer = bench.dispatch(r#"{"jsonrpc":"2.0","method":"work.write"}"#);
    assert!((&mut answer).now_or_never().is_none());
    drop(answer);
    for event in [Began("write"), Cancelled("write")] {
        assert_eq!(bench.next().await, event);
    }
    bench.gate.add_permits(1);
    assert_eq!(bench.next().await, Ended("write"));
}

#[tokio::test]
async fn of_a_batch_that_is_interrupted_what_was_begun_ends_and_nothing_else_begins() {
    let mut bench = Bench::new(|limits| limits.max_batch_concurrency = 2);
    let addr = support::serve(&bench.server).await;
    let entries = ["write", "read", "put", "heed"].map(call).join(",");
    let connection = connect(addr, &format!("[{entries}]")).await;
    assert_eq!(bench.next().await, Began("write"));
    assert_eq!(bench.next().await, Began("read"));
    drop(connection);
    // One handler is dropped and the other continues, in no particular order.
    let events = [bench.next().await, bench.next().await];
    assert!(events.contains(&Dropped("read")) && events.contains(&Cancelled("write")), "{events:?}");
    bench.gate.add_permits(1);
    assert_eq!(bench.next().await, Ended("write"));
    assert!(bench.events.try_recv().is_err());
}

#[tokio::test]
async fn a_handler_without_a_caller_counts_as_a_call_in_flight() {
    for method in ["write", "explode"] {
        let mut bench = Bench::new(|limits| limits.max_calls_in_flight = 1);
        let addr = support::serve(&bench.server).await;
        drop(connect(addr, &call(method)).await);
        assert_eq!(bench.next().await, Began(method));
        assert_eq!(bench.next().await, Cancelled(method));
        let refused = exchange(addr, &post(call("ping"))).await;
        assert_eq!((refused.status, refused.header("rpc-refused")), (503, Some("all")));
        bench.gate.add_permits(1);
        assert_eq!(bench.next().await, Ended(method));
        while exchange(addr, &post(call("ping"))).await.status == 503 {}
    }
}

#[tokio::test(start_paused = true)]
async fn a_handler_without_a_caller_has_no_more_time_than_any_other() {
    let mut bench = Bench::new(|limits| limits.handler_timeout = Duration::from_secs(5));
    let start = Instant::now();
    let mut answer = bench.dispatch(&call("write"));
    assert!((&mut answer).now_or_never().is_none());
    tokio::time::sleep(Duration::from_secs(2)).await;
    drop(answer);
    for event in [Began("write"), Cancelled("write"), Dropped("write")] {
        assert_eq!(bench.next().await, event);
    }
    assert!((5000..5010).contains(&start.elapsed().as_millis()), "{:?}", start.elapsed());
}

#[tokio::test]
async fn a_shutdown_waits_for_handlers_without_callers() {
    let mut bench = Bench::new(|_| {});
    let handle = bench.server.bind("127.0.0.1:0").await.unwrap().spawn();
    let addr = handle.local_addr();
    drop(connect(addr, &call("write")).await);
    assert_eq!(bench.next().await, Began("write"));
    assert_eq!(bench.next().await, Cancelled("write"));
    let shutdown = tokio::spawn(handle.shutdown());
    refused(addr).await;
    assert!(!shutdown.is_finished(), "the handler still runs");
    bench.gate.add_permits(1);
    shutdown.await.unwrap();
    assert_eq!(bench.next().await, Ended("write"));
}

#[tokio::test]
async fn a_shutdown_that_cuts_what_is_left_lets_handlers_know() {
    let mut bench = Bench::new(|limits| limits.drain_timeout = Duration::from_millis(20));
    let handle = bench.server.bind("127.0.0.1:0").await.unwrap().spawn();
    let _connection = connect(handle.local_addr(), &call("heed")).await;
    assert_eq!(bench.next().await, Began("heed"));
    handle.shutdown().await;
    assert_eq!(bench.events.try_recv(), Ok(Ended("heed")));
}

#[tokio::test]
async fn a_handler_that_is_done_at_once_is_never_cancelled() {
    let bench = Bench::new(|_| {});
    let request = Arc::new(RequestContext::default());
    let answer = bench.server.dispatch(Bytes::from(call("ping")), Arc::clone(&request)).await;
    assert_eq!(answer.body, r#"{"jsonrpc":"2.0","result":null,"id":"ping"}"#);
    assert!(!request.is_cancelled());
}
