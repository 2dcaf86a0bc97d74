//! A user's own `Dispatch` behind our HTTP: its answers travel, and whatever it does, the HTTP rules hold.

use std::future::pending;
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Context, Poll};

use bytes::Bytes;
use futures_util::FutureExt;
use http::{HeaderMap, HeaderValue, StatusCode};
use rpc::health::Health;
use rpc::{
    Answer, AnswerStatus, BoxFuture, Client, Dispatch, ErrorCode, Limits, RequestContext, Server, Session,
    SessionEvent, SessionProtocol,
};
use serde_json::{Value, json};
use support::raw_http::{Connection, exchange, post, post_with, request};
use support::{clients_of, over_http, panic_of, serve, serve_app};
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};
use tokio::sync::oneshot;
use uuid::Uuid;

/// A dispatch that answers each request by a closure, and counts what it is asked for.
struct Own<F> {
    answer: F,
    asked: Arc<Asked>,
}

#[derive(Default)]
struct Asked {
    dispatched: AtomicUsize,
    announced: AtomicUsize,
    opened: AtomicUsize,
}

impl<F: Fn(Bytes) -> BoxFuture<Answer> + Send + Sync + 'static> Dispatch for Own<F> {
    fn dispatch(&self, body: Bytes, _: Arc<RequestContext>) -> BoxFuture<Answer> {
        self.asked.dispatched.fetch_add(1, Ordering::Relaxed);
        (self.answer)(body)
    }

    fn announce(&self, request: Arc<RequestContext>) -> BoxFuture<Answer> {
        self.asked.announced.fetch_add(1, Ordering::Relaxed);
        assert!(!request.headers.contains_key("x-panic"), "as told");
        let mut answer = Answer::new(Bytes::new(), AnswerStatus::Success);
        answer.headers = Some(Box::new(HeaderMap::from_iter([(
            http::HeaderName::from_static("x-announced"),
            HeaderValue::from_static("yes"),
        )])));
        Box::pin(async { answer })
    }

    fn open(&self, _: Arc<RequestContext>, _: SessionProtocol) -> Option<Box<dyn Session>> {
        self.asked.opened.fetch_add(1, Ordering::Relaxed);
        Some(Box::new(Idle))
    }
}

struct Idle;

impl Session for Idle {
    fn receive(&mut self, _: Bytes) {}

    fn poll_message(&mut self, _: &mut Context<'_>, _: &mut Vec<u8>) -> Poll<SessionEvent> {
        Poll::Pending
    }

    fn drain(&mut self) {}
}

fn own<F, Fut>(answer: F) -> Own<impl Fn(Bytes) -> BoxFuture<Answer> + Send + Sync + 'static>
where
    F: Fn(Bytes) -> Fut + Send + Sync + 'static,
    Fut: Future<Output = Answer> + Send + 'static,
{
    Own { answer: move |body| Box::pin(answer(body)) as BoxFuture<Answer>, asked: Arc::default() }
}

/// Answers each call with its own params.
async fn echo(body: Bytes) -> Answer {
    let answer = |call: &Value| json!({ "jsonrpc": "2.0", "result": call["params"], "id": call["id"] });
    match serde_json::from_slice(&body).unwrap() {
        Value::Array(calls) => {
            let answers: Vec<Value> = calls.iter().map(answer).collect();
            let body = serde_json::to_vec(&answers).unwrap();
            Answer::new(body.into(), AnswerStatus::Batch { failures: 0 })
        }
        call => Answer::new(serde_json::to_vec(&answer(&call)).unwrap().into(), AnswerStatus::Success),
    }
}

const CALL: &str = r#"{"jsonrpc":"2.0","method":"m","params":[1],"id":7}"#;
const BATCH: &str =
    r#"[{"jsonrpc":"2.0","method":"m","id":1},{"jsonrpc":"2.0","method":"m"},{"jsonrpc":"2.0","method":"m","id":"b"}]"#;
const NOTIFICATION: &str = r#"{"jsonrpc":"2.0","method":"m"}"#;

#[tokio::test]
async fn it_is_served_standalone_as_a_router_and_in_process() {
    let server = Server::for_dispatch(own(echo)).build();
    let app = over_http(&format!("http://{}/", serve_app(server.clone().into_router()).await));
    // The sessions of this dispatch answer nothing.
    let clients = clients_of(&server).await.into_iter().filter(|(name, _)| *name != "WebSocket");
    for (name, client) in clients.chain(app) {
        assert_eq!(client.call::<Value>("m", [1, 2]).await.unwrap(), json!([1, 2]), "{name}");
        let batch = client.batch((client.call::<Value>("a", [1]), client.call::<Value>("b", [2]))).await.unwrap();
        assert_eq!((batch.0.unwrap(), batch.1.unwrap()), (json!([1]), json!([2])), "{name}");
    }
}

#[tokio::test]
async fn status_and_headers_of_an_answer_are_those_of_the_response() {
    let refuse = |_| async {
        let refused = AnswerStatus::Refused(ErrorCode::OVERLOADED, StatusCode::TOO_MANY_REQUESTS);
        let mut answer = Answer::new(Bytes::from_static(b"{}"), refused);
        let mut headers = HeaderMap::new();
        headers.insert("retry-after", HeaderValue::from_static("3"));
        headers.append("x-many", HeaderValue::from_static("1"));
        headers.append("x-many", HeaderValue::from_static("2"));
        // These headers belong to HTTP, and are wrong.
        headers.insert("content-length", HeaderValue::from_static("1000"));
        headers.insert("transfer-encoding", HeaderValue::from_static("chunked"));
        headers.insert("connection", HeaderValue::from_static("close"));
        answer.headers = Some(Box::new(headers));
        answer
    };
    let mut connection = Connection::open(serve(&Server::for_dispatch(own(refuse)).build()).await).await;
    // The connection continues.
    for _ in 0..2 {
        connection.send(&post(CALL)).await;
        let reply = connection.reply().await;
        assert_eq!((reply.status, reply.text()), (429, "{}"));
        assert_eq!((reply.header("rpc-status"), reply.header("retry-after")), (Some("-32092"), Some("3")));
        assert_eq!((reply.header("content-length"), reply.header("transfer-encoding")), (Some("2"), None));
        assert_eq!(reply.headers.iter().filter(|(name, _)| name == "x-many").count(), 2);
    }
}

#[tokio::test]
async fn a_status_that_ends_no_response_of_http_is_500() {
    let answer = |_| async {
        let refused = AnswerStatus::Refused(ErrorCode::INTERNAL_ERROR, StatusCode::SWITCHING_PROTOCOLS);
        Answer::new(Bytes::from_static(b"{}"), refused)
    };
    let reply = exchange(serve(&Server::for_dispatch(own(answer)).build()).await, &post(CALL)).await;
    assert_eq!((reply.status, reply.text()), (500, "{}"));
}

/// Panics when it is dropped.
struct Bomb;

impl Drop for Bomb {
    fn drop(&mut self) {
        if !std::thread::panicking() {
            panic!("while it was dropped")
        }
    }
}

#[tokio::test]
async fn a_panic_is_answered_to_each_call_as_an_internal_error() {
    let in_future = own(|_| async {
        tokio::task::yield_now().await;
        panic!("in the future")
    });
    let at_once = Own { answer: |_| -> BoxFuture<Answer> { panic!("at once") }, asked: Arc::default() };
    for server in [Server::for_dispatch(in_future).build(), Server::for_dispatch(at_once).build()] {
        let mut connection = Connection::open(serve(&server).await).await;
        let error = r#"{"jsonrpc":"2.0","error":{"code":-32603,"message":"Internal error"},"id":"#;
        for (body, answer, fared) in [
            (CALL, format!("{error}7}}"), "-32603"),
            (BATCH, format!("[{error}1}},{error}\"b\"}}]"), "2"),
            (NOTIFICATION, String::new(), "0"),
            (r#"[{"jsonrpc":"2.0","method":"m"}]"#, String::new(), "0"),
            ("nonsense", format!("{error}null}}"), "-32603"),
            ("1", format!("{error}null}}"), "-32603"),
        ] {
            connection.send(&post(body)).await;
            let reply = connection.reply().await;
            assert_eq!((reply.status, reply.text()), (200, &*answer), "{body}");
            assert_eq!(reply.header("rpc-status"), Some(fared), "{body}");
            // It is unknown whether the call ran.
            assert_eq!(reply.header("rpc-refused"), None, "{body}");
        }
    }
}

#[tokio::test]
async fn a_panic_while_its_future_is_dropped_is_contained() {
    let begun = Arc::new(AtomicUsize::new(0));
    let (dropped, mut drops) = unbounded_channel();
    let counted = Arc::clone(&begun);
    let server = Server::for_dispatch(own(move |body: Bytes| {
        counted.fetch_add(1, Ordering::Relaxed);
        let (waits, dropped) = (body.starts_with(b"[]"), Told(dropped.clone()));
        async move {
            if waits {
                let _held = (dropped, Bomb);
                pending::<()>().await;
            }
            echo(body).await
        }
    }))
    .build();
    let addr = serve(&server).await;
    let mut connection = Connection::open(addr).await;
    connection.send(&post("[]")).await;
    while begun.load(Ordering::Relaxed) == 0 {
        tokio::task::yield_now().await;
    }
    drop(connection);
    drops.recv().await.unwrap();
    assert_eq!(exchange(addr, &post(CALL)).await.status, 200);
}

/// Sends a message when it is dropped.
struct Told(UnboundedSender<()>);

impl Drop for Told {
    fn drop(&mut self) {
        let _ = self.0.send(());
    }
}

#[tokio::test]
async fn an_answer_over_the_limit_is_replaced_for_each_call() {
    let large = |_| async { Answer::new(vec![b'x'; 1001].into(), AnswerStatus::Success) };
    let server = Server::for_dispatch(own(large)).limits(Limits::default().max_response_bytes(1000)).build();
    let addr = serve(&server).await;
    let reply = exchange(addr, &post(CALL)).await;
    let error: Value = reply.json();
    assert_eq!((reply.status, &error["error"]["code"], &error["id"]), (200, &json!(-32091), &json!(7)));
    assert_eq!(reply.header("rpc-fault"), Some("all"));
    let answers: Vec<Value> = exchange(addr, &post(BATCH)).await.json();
    assert_eq!(answers.iter().map(|answer| &answer["id"]).collect::<Vec<_>>(), [&json!(1), &json!("b")]);
    assert_eq!(exchange(addr, &post(NOTIFICATION)).await.text(), "");
    let client = Client::in_process(&server);
    let error = client.call::<Value>("m", ()).await.unwrap_err();
    assert!(error.to_string().contains("-32091"), "{error}");
}

#[tokio::test]
async fn an_answer_without_room_is_withheld() {
    let large = |_| async { Answer::new(vec![b'x'; 200_000].into(), AnswerStatus::Batch { failures: 0 }) };
    let limits = Limits::default().max_buffered_bytes(100_000);
    let addr = serve(&Server::for_dispatch(own(large)).limits(limits).build()).await;
    let answers: Vec<Value> = exchange(addr, &post(BATCH)).await.json();
    assert!(answers.iter().all(|answer| answer["error"]["code"] == -32091), "{answers:?}");
    assert_eq!(answers.len(), 2);
}

#[tokio::test]
async fn http_refuses_what_it_always_refuses_without_asking() {
    let own = own(echo);
    let asked = Arc::clone(&own.asked);
    let server = Server::for_dispatch(own)
        .limits(Limits::default().max_request_bytes(100).max_headers(10))
        .path("/rpc")
        .allow_origin("https://app.example")
        .allow_host("api.example")
        .health(Health::new())
        .build();
    let addr = serve(&server).await;
    let at = |path: &str, bytes: Vec<u8>| {
        String::from_utf8(bytes).unwrap().replacen("POST /", &format!("POST {path}"), 1).into_bytes()
    };
    let many: Vec<_> = (0..10).map(|_| ("x-more", "1")).collect();
    for (bytes, status) in [
        (at("/rpc", post(" ".repeat(101))), 413),
        (at("/rpc", post_with(&[("origin", "https://evil.example")], CALL)), 403),
        (at("/rpc", post_with(&many, CALL)), 431),
        (at("/rpc", post_with(&[("content-encoding", "gzip")], CALL)), 415),
        (at("/other", post(CALL)), 404),
        (request("GET /rpc HTTP/1.1", &[("host", "localhost")], b""), 405),
        (request("GET /health/ready HTTP/1.1", &[("host", "evil.example")], b""), 403),
        (request("GET /health/ready HTTP/1.1", &[("host", "api.example")], b""), 200),
    ] {
        let reply = exchange(addr, &bytes).await;
        assert_eq!(reply.status, status, "{}", String::from_utf8_lossy(&bytes));
    }
    assert_eq!(asked.dispatched.load(Ordering::Relaxed), 0);
    let allowed = at("/rpc", post_with(&[("origin", "https://app.example")], CALL));
    assert_eq!(exchange(addr, &allowed).await.status, 200);
    assert_eq!(asked.dispatched.load(Ordering::Relaxed), 1);
}

#[tokio::test]
async fn head_is_answered_by_what_it_announces() {
    let own = own(echo);
    let asked = Arc::clone(&own.asked);
    let addr = serve(&Server::for_dispatch(own).build()).await;
    let mut connection = Connection::open(addr).await;
    connection.send(&request("HEAD / HTTP/1.1", &[("host", "localhost")], b"")).await;
    let reply = connection.reply_with_body(false).await;
    assert_eq!((reply.status, reply.header("x-announced")), (200, Some("yes")));
    connection.send(&request("HEAD / HTTP/1.1", &[("host", "localhost"), ("x-panic", "1")], b"")).await;
    assert_eq!(connection.reply_with_body(false).await.status, 500);
    assert_eq!((asked.announced.load(Ordering::Relaxed), asked.dispatched.load(Ordering::Relaxed)), (2, 0));
}

#[tokio::test]
async fn a_post_never_opens_a_session() {
    let own = Arc::new(own(echo));
    let server = Server::for_dispatch(Arc::clone(&own)).build();
    let app = over_http(&format!("http://{}/", serve_app(server.clone().into_router()).await));
    // The sessions of this dispatch answer nothing.
    let clients = clients_of(&server).await.into_iter().filter(|(name, _)| *name != "WebSocket");
    for (name, client) in clients.chain(app) {
        client.call::<Value>("m", [1]).await.unwrap();
        assert_eq!(own.asked.opened.load(Ordering::Relaxed), 0, "{name}");
    }
    let context = || Arc::new(RequestContext::new(HeaderMap::new(), None, http::Extensions::new()));
    // A transport for sessions can open them through an `Arc` and through a server.
    assert!(Arc::clone(&own).open(context(), SessionProtocol::RpcV1).is_some());
    assert!(server.open(context(), SessionProtocol::RpcV1).is_some());
    assert_eq!(own.asked.opened.load(Ordering::Relaxed), 2);
    assert!(Server::builder().build().open(context(), SessionProtocol::RpcV1).is_some());
}

#[test]
fn limits_of_calls_are_not_ignored() {
    for (limits, named) in [
        (Limits::default().max_calls_in_flight(1), "max_calls_in_flight"),
        (
            Limits::default().max_batch_entries(1).key_wait_timeout(std::time::Duration::ZERO),
            "max_batch_entries, key_wait_timeout",
        ),
    ] {
        let (message, _) = panic_of(|| Server::for_dispatch(own(echo)).limits(limits).build());
        assert_eq!(message, format!("limits of calls do not apply to a `Dispatch` of your own: {named}"));
    }
}

#[test]
fn calls_are_not_served_where_a_page_is() {
    let (message, _) = panic_of(|| Server::for_dispatch(own(echo)).health(Health::new()).path("/health/ready").build());
    assert!(message.contains("where a page is"), "{message}");
}

/// Serves a dispatch that reports when it has begun, and ends when the test says so.
async fn slow() -> (rpc::ServerHandle, UnboundedReceiver<(oneshot::Sender<()>, oneshot::Receiver<()>)>) {
    let (begins, begun) = unbounded_channel();
    let own = own(move |body| {
        let (end, ends) = oneshot::channel::<()>();
        let (alive, gone) = oneshot::channel::<()>();
        begins.send((end, gone)).unwrap();
        async move {
            let _alive = alive;
            let _ = ends.await;
            echo(body).await
        }
    });
    (Server::for_dispatch(own).build().bind("127.0.0.1:0").await.unwrap().spawn(), begun)
}

#[tokio::test]
async fn the_drain_waits_for_its_answers() {
    let (server, mut begun) = slow().await;
    let mut connection = Connection::open(server.local_addr()).await;
    connection.send(&post(CALL)).await;
    let (end, _gone) = begun.recv().await.unwrap();
    let mut shutdown = pin!(server.shutdown());
    assert!(shutdown.as_mut().now_or_never().is_none());
    end.send(()).unwrap();
    assert_eq!(connection.reply().await.status, 200);
    shutdown.await;
}

#[tokio::test]
async fn its_future_is_dropped_when_the_client_leaves() {
    let (server, mut begun) = slow().await;
    let mut connection = Connection::open(server.local_addr()).await;
    connection.send(&post(CALL)).await;
    let (_end, gone) = begun.recv().await.unwrap();
    drop(connection);
    assert!(gone.await.is_err());
    server.shutdown().await;
}

/// A dispatch that passes everything on to a server.
struct Around(Server);

impl Dispatch for Around {
    fn dispatch(&self, body: Bytes, request: Arc<RequestContext>) -> BoxFuture<Answer> {
        self.0.dispatch(body, request)
    }

    fn announce(&self, request: Arc<RequestContext>) -> BoxFuture<Answer> {
        self.0.announce(request)
    }
}

#[tokio::test]
async fn around_a_server_it_has_what_that_server_has() {
    let runs = Arc::new(AtomicUsize::new(0));
    let counted = Arc::clone(&runs);
    let methods =
        Server::builder().method("run", move || std::future::ready(counted.fetch_add(1, Ordering::Relaxed))).build();
    for (name, client) in clients_of(&Server::for_dispatch(Around(methods)).build()).await {
        runs.store(0, Ordering::Relaxed);
        let key = Uuid::new_v4();
        for _ in 0..2 {
            assert_eq!(client.call::<usize>("run", ()).idempotency_key(key).await.unwrap(), 0, "{name}");
        }
        assert_eq!(runs.load(Ordering::Relaxed), 1, "{name}");
    }
}
