//! The metrics of servers.

use std::sync::Arc;
use std::time::Duration;

use futures_util::FutureExt;
use rpc::health::Health;
use rpc::idempotency::MemoryStore;
use rpc::middleware::{Next, Request, Response, from_fn};
use rpc::{Client, ErrorObject, Limits, Server, ServerBuilder, Telemetry};
use support::raw_http::{Connection, exchange, post, post_with, request};
use support::serve;
use tokio::sync::{Semaphore, mpsc};

use super::capture::{Counter, Gauge, Histogram, Metrics, until};

const DURATION: &str = "rpc.server.call.duration";

fn server() -> ServerBuilder {
    Server::builder()
        .method("ping", || async { "pong" })
        .try_method("fail", || async { Err::<(), _>(ErrorObject::new(1001, "sold out")) })
        .telemetry(Telemetry::default())
}

/// Builds a server with a method that notifies when it has begun, and then waits at a gate.
fn waiting(limits: Limits) -> (Server, Arc<Semaphore>, mpsc::UnboundedReceiver<()>) {
    waiting_in(|builder| builder.limits(limits))
}

/// Builds the same server with other settings.
fn waiting_in(
    change: impl FnOnce(ServerBuilder) -> ServerBuilder,
) -> (Server, Arc<Semaphore>, mpsc::UnboundedReceiver<()>) {
    let gate = Arc::new(Semaphore::new(0));
    let (began, begun) = mpsc::unbounded_channel();
    let opened = Arc::clone(&gate);
    let wait = move || {
        let (gate, began) = (Arc::clone(&opened), began.clone());
        async move {
            began.send(()).unwrap();
            gate.acquire().await.unwrap().forget();
        }
    };
    (change(server().method("wait", wait)).build(), gate, begun)
}

#[tokio::test]
async fn calls_are_timed_by_method_and_by_what_became_of_them() {
    let metrics = Metrics::begin();
    let client = Client::in_process(&server().build());
    for _ in 0..3 {
        client.call::<String>("ping", ()).await.unwrap();
    }
    let batch = (client.call::<String>("ping", ()), client.call::<()>("fail", ()), client.notify("ping", ()));
    client.batch(batch).await.unwrap().1.unwrap_err();
    for name in ["made", "up", "names"] {
        client.call::<()>(name, ()).await.unwrap_err();
    }
    let metrics = metrics.now();
    let of = |labels: &str| metrics.get(&format!("{DURATION}{{{labels}}}"));
    assert_eq!(of("rpc.method=ping,rpc.system.name=jsonrpc"), Some(&Histogram(5)), "{metrics:#?}");
    let failed = "error.type=1001,rpc.method=fail,rpc.status_code=1001,rpc.system.name=jsonrpc";
    assert_eq!(of(failed), Some(&Histogram(1)), "{metrics:#?}");
    let unknown = "error.type=-32601,rpc.method=_OTHER,rpc.status_code=-32601,rpc.system.name=jsonrpc";
    assert_eq!(of(unknown), Some(&Histogram(3)), "{metrics:#?}");
    assert_eq!(metrics.keys().filter(|name| name.starts_with(DURATION)).count(), 3);
}

#[tokio::test]
async fn aliases_count_for_their_method() {
    #[rpc::service]
    trait Names {
        #[rpc(alias = "former")]
        async fn current(&self);
    }
    struct Named;
    impl Names for Named {
        async fn current(&self) {}
    }
    let metrics = Metrics::begin();
    let server = server().service(NamesServer::new(Named)).build();
    Client::in_process(&server).call::<()>("former", ()).await.unwrap();
    let name = format!("{DURATION}{{rpc.method=current,rpc.system.name=jsonrpc}}");
    assert_eq!(metrics.now().get(&name), Some(&Histogram(1)));
}

#[tokio::test]
async fn calls_that_no_handler_saw_are_timed_too() {
    let metrics = Metrics::begin();
    let addr = serve(&server().build()).await;
    let call = r#"{"jsonrpc":"2.0","method":"ping","id":1}"#;
    exchange(addr, &post_with(&[("rpc-timeout-ms", "0")], call)).await;
    let name =
        format!("{DURATION}{{error.type=-32095,rpc.method=ping,rpc.status_code=-32095,rpc.system.name=jsonrpc}}");
    assert_eq!(metrics.now().get(&name), Some(&Histogram(1)));
}

#[tokio::test]
async fn calls_that_are_shed_are_counted_and_those_under_way_are_seen() {
    let metrics = Metrics::begin();
    let mut limits = Limits::default();
    limits.max_calls_in_flight = 1;
    let (server, gate, mut begun) = waiting(limits);
    let client = Client::builder().in_process(&server).retry(rpc::Retry::never()).build().unwrap();
    let (waiting, before) = tokio::join!(client.call::<()>("wait", ()), async {
        begun.recv().await.unwrap();
        let batch = client.batch((client.call::<String>("ping", ()), client.call::<String>("made up", ()))).await;
        assert!(batch.unwrap().0.is_err());
        let before = metrics.now();
        gate.add_permits(1);
        before
    });
    waiting.unwrap();
    assert_eq!(before.get("rpc.server.sheds{reason=calls}"), Some(&Counter(2)), "{before:#?}");
    assert_eq!(before.get("rpc.server.calls.in_flight{}"), Some(&Gauge(1.0)));
    for method in ["ping", "_OTHER"] {
        let labels = format!("error.type=-32092,rpc.method={method},rpc.status_code=-32092,rpc.system.name=jsonrpc");
        assert_eq!(before.get(&format!("{DURATION}{{{labels}}}")), Some(&Histogram(1)), "{before:#?}");
    }
    assert_eq!(metrics.now().get("rpc.server.calls.in_flight{}"), Some(&Gauge(0.0)));
}

#[tokio::test]
async fn requests_that_are_refused_are_counted_by_their_status() {
    let metrics = Metrics::begin();
    let mut limits = Limits::default();
    limits.max_buffered_bytes = 100;
    let addr = serve(&server().limits(limits).build()).await;
    let of = |bytes: usize| post(format!("{}[]", " ".repeat(bytes - 2)));
    assert_eq!(exchange(addr, &of(101)).await.status, 413);
    assert_eq!(exchange(addr, &of(100)).await.status, 200);
    // One request takes all the room. The server notices its end some time later.
    let whole = of(100);
    let mut holder = Connection::open(addr).await;
    holder.send(&whole[..whole.len() - 1]).await;
    while exchange(addr, &of(2)).await.status != 503 {}
    let metrics = metrics.now();
    let refused = |status| metrics.get(&format!("rpc.server.requests.refused{{http.response.status_code={status}}}"));
    assert_eq!((refused(413), refused(503), refused(200)), (Some(&Counter(1)), Some(&Counter(1)), None));
    assert_eq!(metrics.get("rpc.server.sheds{reason=bytes}"), Some(&Counter(1)));
}

#[tokio::test]
async fn heads_that_are_no_http_or_too_large_or_too_slow_are_counted_as_refused() {
    let metrics = Metrics::begin();
    let mut limits = Limits::default();
    limits.max_header_bytes = 100 << 10;
    limits.header_timeout = Duration::from_millis(100);
    let addr = serve(&server().limits(limits).build()).await;
    let large = request("POST / HTTP/1.1", &[("host", "a"), ("x", &"x".repeat(100 << 10))], b"");
    let long = format!("POST /{} HTTP/1.1\r\nhost: a\r\n\r\n", "x".repeat(70_000));
    for (bytes, status) in [(&b"GET\r\n\r\n"[..], 400), (&large, 431), (long.as_bytes(), 414), (b"POST / HT", 408)] {
        let mut connection = Connection::open(addr).await;
        connection.send_until_refused(bytes).await;
        assert_eq!(connection.reply().await.status, status);
    }
    let metrics = metrics.now();
    for status in [400, 408, 414, 431] {
        let name = format!("rpc.server.requests.refused{{http.response.status_code={status}}}");
        assert_eq!(metrics.get(&name), Some(&Counter(1)), "{name}");
    }
}

#[tokio::test]
async fn connections_and_handlers_without_callers_are_counted_while_there_are_any() {
    let metrics = Metrics::begin();
    let (server, gate, mut begun) = waiting(Limits::default());
    let mut connection = Connection::open(serve(&server).await).await;
    connection.send(&post(r#"{"jsonrpc":"2.0","method":"wait","id":1}"#)).await;
    begun.recv().await.unwrap();
    let levels = || {
        let metrics = metrics.now();
        let level = |name: &str| match metrics.get(name) {
            Some(Gauge(level)) => *level,
            _ => 0.0,
        };
        let names = ["rpc.server.connections{}", "rpc.server.calls.in_flight{}", "rpc.server.handlers.detached{}"];
        names.map(level)
    };
    assert_eq!(levels(), [1.0, 1.0, 0.0]);
    drop(connection);
    until(|| levels() == [0.0, 1.0, 1.0]).await;
    gate.add_permits(1);
    until(|| levels() == [0.0, 0.0, 0.0]).await;
}

#[tokio::test]
async fn handlers_that_a_layer_has_given_up_are_counted_until_they_end() {
    let metrics = Metrics::begin();
    let (server, gate, mut begun) = waiting_in(|builder| {
        builder.layer(from_fn(|request: Request, next: Next| async move {
            let mut running = Box::pin(next.run(request));
            assert!(running.as_mut().now_or_never().is_none());
            drop(running);
            Response::result("gave up")
        }))
    });
    let levels = || {
        let metrics = metrics.now();
        ["rpc.server.calls.in_flight{}", "rpc.server.handlers.detached{}"].map(|name| metrics.get(name).cloned())
    };
    let client = Client::in_process(&server);
    assert_eq!(client.call::<String>("wait", ()).await.unwrap(), "gave up");
    begun.recv().await.unwrap();
    assert_eq!(levels(), [Some(Gauge(1.0)), Some(Gauge(1.0))]);
    gate.add_permits(1);
    until(|| levels() == [Some(Gauge(0.0)), Some(Gauge(0.0))]).await;
}

#[tokio::test]
async fn a_blocking_handler_whose_time_is_over_is_counted_as_detached() {
    let metrics = Metrics::begin();
    let (open, gate) = std::sync::mpsc::channel::<()>();
    let mut limits = Limits::default();
    limits.handler_timeout = Duration::from_millis(10);
    let service = BlockerServer::new(Blocks(std::sync::Mutex::new(gate)));
    let server = Server::builder().service(service).limits(limits).telemetry(Telemetry::default()).build();
    let level = || metrics.now().get("rpc.server.handlers.detached{}").cloned();
    let error = Client::in_process(&server).call::<()>("block", ()).await.unwrap_err();
    assert!(error.to_string().contains("-32093"), "{error}");
    // It ends on a thread whose metrics this test does not see.
    assert_eq!(level(), Some(Gauge(1.0)));
    open.send(()).unwrap();
}

#[rpc::service]
trait Blocker {
    #[rpc(blocking)]
    fn block(&self);
}

struct Blocks(std::sync::Mutex<std::sync::mpsc::Receiver<()>>);

impl Blocker for Blocks {
    fn block(&self) {
        self.0.lock().unwrap().recv().unwrap();
    }
}

#[tokio::test]
async fn one_sees_that_connections_queue() {
    let metrics = Metrics::begin();
    let mut limits = Limits::default();
    limits.max_connections = 1;
    let (server, gate, mut begun) = waiting(limits);
    let addr = serve(&server).await;
    // The server would close an idle connection to make room.
    let mut first = Connection::open(addr).await;
    first.send(&post(r#"{"jsonrpc":"2.0","method":"wait","id":1}"#)).await;
    begun.recv().await.unwrap();
    assert_ne!(metrics.now().get("rpc.server.accept.waiting{}"), Some(&Gauge(1.0)));
    let mut second = Connection::open(addr).await;
    metrics.until("rpc.server.accept.waiting{}", Gauge(1.0)).await;
    gate.add_permits(1);
    assert_eq!(first.reply().await.status, 200);
    drop(first);
    second.send(&post(r#"{"jsonrpc":"2.0","method":"ping","id":1}"#)).await;
    assert_eq!(second.reply().await.status, 200);
    metrics.until("rpc.server.accept.waiting{}", Gauge(0.0)).await;
}

#[tokio::test]
async fn keys_are_counted_by_what_the_store_knew_of_them() {
    const KEY: &str = "\"67e55044-10b1-426f-9247-bb680e5fe0c8\"";
    let metrics = Metrics::begin();
    let (server, gate, mut begun) = waiting(Limits::default());
    let addr = serve(&server).await;
    let call = |method: &str| {
        let body = format!(r#"{{"jsonrpc":"2.0","method":"{method}","id":1}}"#);
        post_with(&[("idempotency-key", KEY)], &body)
    };
    let (mut first, mut second) = (Connection::open(addr).await, Connection::open(addr).await);
    first.send(&call("wait")).await;
    begun.recv().await.unwrap();
    second.send(&call("wait")).await;
    metrics.until("rpc.server.keys{outcome=wait}", Counter(1)).await;
    gate.add_permits(1);
    assert_eq!((first.reply().await.status, second.reply().await.status), (200, 200));
    assert_eq!(exchange(addr, &call("ping")).await.status, 422);
    let metrics = metrics.now();
    let keys = |outcome: &str| metrics.get(&format!("rpc.server.keys{{outcome={outcome}}}"));
    assert_eq!(
        ["fresh", "hit", "wait", "refused"].map(keys),
        [1, 1, 1, 1].map(Counter).each_ref().map(Some),
        "{metrics:#?}"
    );
}

#[tokio::test]
async fn a_server_without_metrics_counts_nothing() {
    let metrics = Metrics::begin();
    let mut telemetry = Telemetry::default();
    telemetry.metrics = false;
    let addr = serve(&server().telemetry(telemetry).build()).await;
    exchange(addr, &post_with(&[("idempotency-key", "x")], r#"{"jsonrpc":"2.0","method":"ping","id":1}"#)).await;
    exchange(addr, &post("{")).await;
    assert!(metrics.now().is_empty(), "{metrics:?}");
}

#[tokio::test]
async fn a_call_with_a_key_for_which_there_is_no_room_is_shed_too() {
    let metrics = Metrics::begin();
    let mut limits = Limits::default();
    limits.max_calls_in_flight = 1;
    let (server, gate, mut begun) = waiting(limits);
    let addr = serve(&server).await;
    let mut first = Connection::open(addr).await;
    first.send(&post(r#"{"jsonrpc":"2.0","method":"wait","id":1}"#)).await;
    begun.recv().await.unwrap();
    let key = ("idempotency-key", "\"67e55044-10b1-426f-9247-bb680e5fe0c8\"");
    assert_eq!(exchange(addr, &post_with(&[key], r#"{"jsonrpc":"2.0","method":"ping","id":1}"#)).await.status, 503);
    assert_eq!(metrics.now().get("rpc.server.sheds{reason=calls}"), Some(&Counter(1)));
    gate.add_permits(1);
    assert_eq!(first.reply().await.status, 200);
}

#[tokio::test]
async fn keys_that_are_refused_and_answers_that_are_not_kept_are_counted_by_their_reason() {
    let metrics = Metrics::begin();
    let store = MemoryStore::new().max_bytes(16 << 10).max_answer_bytes(4 << 10);
    let long = |(bytes,): (usize,)| async move { "x".repeat(bytes) };
    let addr = serve(&server().method("long", long).idempotency_store(store).build()).await;
    // 8 KiB for anonymous callers: the second answer fits, but the third does not.
    for (key, bytes) in [("a", 5000), ("b", 4000), ("c", 4000)] {
        let body = format!(r#"{{"jsonrpc":"2.0","method":"long","params":[{bytes}],"id":1}}"#);
        let reply = exchange(addr, &post_with(&[("idempotency-key", &format!("{key:?}"))], &body)).await;
        assert_eq!(reply.header("rpc-status"), Some("0"));
    }
    let mut number = 0;
    loop {
        let key = format!("\"{number}\"");
        let body = r#"{"jsonrpc":"2.0","method":"ping","id":1}"#;
        let reply = exchange(addr, &post_with(&[("idempotency-key", &key)], body)).await;
        if reply.header("rpc-status") == Some("-32096") {
            break;
        }
        number += 1;
        assert!(number < 100);
    }
    let metrics = metrics.now();
    for (name, reason) in [("refused", "share"), ("unkept", "too_large"), ("unkept", "share")] {
        let counter = metrics.get(&format!("rpc.server.keys.{name}{{reason={reason}}}"));
        assert_eq!(counter, Some(&Counter(1)), "{name} {reason}: {metrics:#?}");
    }
}

#[tokio::test]
async fn pages_that_are_refused_are_counted_by_status() {
    let metrics = Metrics::begin();
    let addr = serve(&server().health(Health::new()).page_requires("/health/live", &[]).build()).await;
    let live = request("GET /health/live HTTP/1.1", &[("host", "localhost")], b"");
    assert_eq!(exchange(addr, &live).await.status, 401);
    let refused = metrics.now().remove("rpc.server.requests.refused{http.response.status_code=401}");
    assert_eq!(refused, Some(Counter(1)));
}
