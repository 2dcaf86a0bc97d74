//! Panics of user code other than handlers: hooks, and values that are dropped while requests are answered. The call is
//! answered, and its connection and all other calls continue.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use axum::extract::Request;
use axum::middleware::{self, Next};
use axum::{Router, response};
use http::{HeaderMap, HeaderValue};
use rpc::auth::{Authenticate, Denied};
use rpc::health::Health;
use rpc::idempotency::{Begin, BeginRequest, End, Lease, MemoryStore, Store, StoreError, StoreInfo};
use rpc::middleware::RateLimit;
use rpc::{BoxFuture, Client, Context, Principal, Propagate, RequestContext, Server, ServerBuilder, Telemetry};
use serde_json::{Value, json};
use support::raw_http::{Connection, Reply, post, post_with, request};
use support::{serve, serve_app};
use tokio::sync::Semaphore;
use uuid::Uuid;

/// Panics when it is dropped, with a value that also panics when dropped.
#[derive(Clone)]
pub(crate) struct Bomb;

impl Drop for Bomb {
    fn drop(&mut self) {
        if !std::thread::panicking() {
            std::panic::panic_any(Bomb)
        }
    }
}

const PING: &str = r#"{"jsonrpc":"2.0","method":"ping","id":7}"#;
const PONG: &str = r#"{"jsonrpc":"2.0","result":"pong","id":7}"#;

fn pinging() -> ServerBuilder {
    Server::builder().method("ping", || async { "pong" })
}

/// Sends the same request repeatedly on one connection.
async fn same(addr: SocketAddr, request: &[u8]) -> Vec<Reply> {
    let mut connection = Connection::open(addr).await;
    let mut replies = Vec::new();
    for _ in 0..3 {
        connection.send(request).await;
        replies.push(connection.reply().await);
    }
    replies
}

#[tokio::test]
async fn claims_that_panic_while_they_are_dropped_harm_no_call() {
    let authenticate = async |_: Arc<RequestContext>| Ok(Some(Principal::new("ada").with_claims(Bomb)));
    let addr = serve(&pinging().authenticate(authenticate).build()).await;
    for reply in same(addr, &post(PING)).await {
        assert_eq!((reply.status, reply.text()), (200, PONG));
    }
}

#[tokio::test]
async fn other_calls_of_an_http2_connection_outlive_claims_that_panic() {
    let gate = Arc::new(Semaphore::new(0));
    let opened = Arc::clone(&gate);
    let authenticate = async |request: Arc<RequestContext>| {
        let is_wild = request.headers.contains_key("x-wild");
        Ok(is_wild.then(|| Principal::new("ada").with_claims(Bomb)))
    };
    let wait = move || {
        let gate = Arc::clone(&opened);
        async move { gate.acquire().await.map(|permit| permit.forget()).is_ok() }
    };
    let addr = serve(&pinging().authenticate(authenticate).method("wait", wait).build()).await;
    let client = Client::builder().endpoint(format!("http://{addr}")).http2_prior_knowledge();
    let client = client.retry(rpc::Retry::never()).build().unwrap();
    let waiting = tokio::spawn(client.call::<bool>("wait", ()).into_future());
    for _ in 0..3 {
        let pong: String = client.call("ping", ()).header("x-wild", "1").await.unwrap();
        assert_eq!(pong, "pong");
    }
    gate.add_permits(1);
    assert!(waiting.await.unwrap().unwrap());
}

#[tokio::test]
async fn extensions_that_panic_while_they_are_dropped_harm_no_call() {
    async fn layer(mut request: Request, next: Next) -> response::Response {
        request.extensions_mut().insert(Bomb);
        next.run(request).await
    }
    let router = pinging().health(Health::new()).build().into_router();
    let addr = serve_app(Router::new().merge(router).layer(middleware::from_fn(layer))).await;
    for reply in same(addr, &post(PING)).await {
        assert_eq!((reply.status, reply.text()), (200, PONG));
    }
    // Requests without calls, too.
    for (line, status) in [("PUT /", 405), ("GET /health/live", 200), ("PUT /health/live", 405)] {
        let bytes = request(&format!("{line} HTTP/1.1"), &[("host", "localhost"), ("content-length", "0")], b"");
        for reply in same(addr, &bytes).await {
            assert_eq!(reply.status, status, "{line}");
        }
    }
}

#[tokio::test]
async fn an_authentication_that_panics_while_it_is_dropped_is_only_late() {
    let authenticate = async |_: Arc<RequestContext>| {
        let _held = Bomb;
        std::future::pending::<()>().await;
        Err(Denied::unavailable())
    };
    let addr = serve(&pinging().authenticate(authenticate).build()).await;
    let headers = [("rpc-timeout-ms", "10")];
    for reply in same(addr, &post_with(&headers, PING)).await {
        assert_eq!((reply.status, reply.header("rpc-status")), (200, Some("-32095")));
    }
}

struct Wild;

impl Authenticate for Wild {
    fn authenticate(&self, request: Arc<RequestContext>) -> BoxFuture<Result<Option<Principal>, Denied>> {
        if request.headers.contains_key("authorization") {
            std::panic::panic_any(Bomb)
        }
        Box::pin(async { Err(Denied::unauthenticated("who?")) })
    }

    fn challenge(&self) -> HeaderValue {
        panic!("in the challenge")
    }
}

#[tokio::test]
async fn hooks_of_an_authentication_that_panic_refuse_the_request() {
    let addr = serve(&pinging().authenticate(Wild).build()).await;
    for reply in same(addr, &post(PING)).await {
        assert_eq!((reply.status, reply.header("www-authenticate")), (401, Some("Bearer")));
    }
    let headers = [("authorization", "Bearer x")];
    for reply in same(addr, &post_with(&headers, PING)).await {
        assert_eq!((reply.status, reply.header("rpc-status")), (503, Some("-32092")));
    }
}

#[tokio::test]
async fn hooks_that_tell_callers_apart_and_panic_fail_their_call() {
    let headers = [("idempotency-key", "\"a\"")];
    let keyed = post_with(&headers, PING);
    let scope = |_: &RequestContext| std::panic::panic_any(Bomb);
    let limit = || RateLimit::per_second(100).key(|_: &Context| std::panic::panic_any(Bomb));
    for (name, server) in [
        ("scope", pinging().idempotency_scope(scope)),
        ("rate limit", pinging().layer(limit())),
        ("rate limit of a method", pinging().method_layer("ping", limit()).idempotency_store(MemoryStore::new())),
    ] {
        let addr = serve(&server.build()).await;
        for reply in same(addr, &keyed).await {
            assert_eq!((reply.status, reply.header("rpc-status")), (200, Some("-32603")), "{name}");
        }
    }
}

/// A store that panics whenever it is used, or only after a call has begun.
#[derive(Debug)]
struct WildStore {
    asked: AtomicUsize,
    tame: usize,
}

impl Store for WildStore {
    fn info(&self) -> StoreInfo {
        if self.asked.fetch_add(1, Ordering::Relaxed) >= self.tame {
            std::panic::panic_any(Bomb)
        }
        StoreInfo { identity: Uuid::from_u128(7), ttl: Duration::from_secs(60) }
    }

    fn now(&self) -> Duration {
        std::panic::panic_any(Bomb)
    }

    fn begin(&self, _: BeginRequest) -> BoxFuture<Result<Begin, StoreError>> {
        std::panic::panic_any(Bomb)
    }

    fn finish(&self, _: Lease, _: End) -> BoxFuture<Result<(), StoreError>> {
        std::panic::panic_any(Bomb)
    }
}

#[tokio::test]
async fn a_store_that_panics_fails_its_calls_and_no_others() {
    let key = "67e55044-10b1-426f-9247-bb680e5fe0c8";
    let body = format!(r#"{{"jsonrpc":"2.0","method":"ping","id":"{key}"}}"#);
    let keys = format!("keys={key}");
    let headers = [("rpc-idempotency", &*keys)];
    for tame in 0..4 {
        let store = WildStore { asked: AtomicUsize::new(0), tame };
        let addr = serve(&pinging().idempotency_store(store).build()).await;
        for reply in same(addr, &post_with(&headers, &body)).await {
            assert_eq!((reply.status, reply.header("rpc-status")), (200, Some("-32603")), "{tame}");
            // No handler saw the call, and the client must be able to know that.
            assert_eq!(reply.header("rpc-refused"), Some("all"), "{tame}");
        }
        let mut connection = Connection::open(addr).await;
        connection.send(b"HEAD / HTTP/1.1\r\nhost: localhost\r\n\r\n").await;
        assert_eq!(connection.reply_with_body(false).await.status, 200);
        connection.send(&post(PING)).await;
        assert_eq!(connection.reply().await.text(), PONG);
    }
}

#[tokio::test]
async fn a_propagator_of_traces_that_panics_harms_no_call() {
    struct Wild;
    impl Propagate for Wild {
        fn extract(&self, _: &HeaderMap, _: &tracing::Span) {
            std::panic::panic_any(Bomb)
        }

        fn inject(&self, _: &tracing::Span, _: &mut HeaderMap) {}
    }
    let addr = serve(&pinging().telemetry(Telemetry::default().propagate(Wild)).build()).await;
    for reply in same(addr, &post(PING)).await {
        assert_eq!((reply.status, reply.text()), (200, PONG));
    }
}

#[tokio::test]
async fn a_health_check_that_panics_while_it_is_dropped_fails_alone() {
    let health = Health::new().check("fine", || async { Ok::<_, String>(()) });
    let pending = || async {
        let _held = Bomb;
        std::future::pending::<Result<(), String>>().await
    };
    health.register("late", Duration::from_millis(10), pending);
    health.register("wild", Duration::from_secs(1), || async {
        if true {
            std::panic::panic_any(Bomb)
        }
        Ok::<_, String>(())
    });
    let client = Client::in_process(&pinging().health(health).build());
    let report: Value = client.call("rpc.health", ()).await.unwrap();
    assert_eq!(report["checks"], json!({ "fine": "ok", "late": "timeout", "wild": "failed" }));
}
