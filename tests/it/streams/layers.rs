//! Layers, roles, time limits and telemetry around a call that opens a stream: all of them end with the acceptance.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use futures_util::{Stream, StreamExt, stream};
use rpc::auth::Bearer;
use rpc::client_middleware;
use rpc::middleware::{Next, Request, Response, from_fn};
use rpc::{Client, ErrorKind, ErrorObject, Limits, Outcome, Principal, Retry, Server, ServerBuilder, Telemetry};
use serde_json::{Value, json};
use support::raw_http::{TEST_TIMEOUT, exchange, post_with};
use support::{clients_of, serve};
use tokio::sync::mpsc;
use tokio::time::timeout;

use crate::telemetry::capture::{Gauge, Metrics, Told};

#[rpc::service(namespace = "tail")]
trait Tail {
    #[rpc(stream)]
    async fn lines(&self) -> impl Stream<Item = u64> + Send;

    #[rpc(stream, requires = "admin")]
    async fn secrets(&self) -> impl Stream<Item = u64> + Send;

    /// Never accepts.
    #[rpc(stream, timeout = "50ms")]
    async fn late(&self) -> impl Stream<Item = u64> + Send;

    /// Accepts at once, and has an item only later.
    #[rpc(stream, timeout = "50ms")]
    async fn slow(&self) -> impl Stream<Item = u64> + Send;
}

/// Tells when a handler has begun, and when its stream is dropped.
#[derive(Clone)]
struct Tailed(mpsc::UnboundedSender<&'static str>);

struct WhenDropped(mpsc::UnboundedSender<&'static str>);

impl Drop for WhenDropped {
    fn drop(&mut self) {
        let _ = self.0.send("dropped");
    }
}

impl Tailed {
    fn lines(&self) -> impl Stream<Item = u64> + Send + use<> {
        self.0.send("begun").unwrap();
        let told = WhenDropped(self.0.clone());
        stream::iter([1, 2]).chain(stream::once(async move {
            let _told = told;
            std::future::pending().await
        }))
    }
}

impl Tail for Tailed {
    async fn lines(&self) -> impl Stream<Item = u64> + Send {
        tokio::task::yield_now().await;
        self.lines()
    }

    async fn secrets(&self) -> impl Stream<Item = u64> + Send {
        self.lines()
    }

    async fn late(&self) -> impl Stream<Item = u64> + Send {
        let lines = self.lines();
        std::future::pending::<()>().await;
        lines
    }

    async fn slow(&self) -> impl Stream<Item = u64> + Send {
        stream::once(tokio::time::sleep(Duration::from_millis(150))).map(|()| 1)
    }
}

fn tail() -> (ServerBuilder, mpsc::UnboundedReceiver<&'static str>) {
    let (events, told) = mpsc::unbounded_channel();
    (Server::builder().service(TailServer::new(Tailed(events))), told)
}

async fn next(told: &mut mpsc::UnboundedReceiver<&'static str>) -> &'static str {
    timeout(TEST_TIMEOUT, told.recv()).await.expect("the handler does not hang").unwrap()
}

type Noted = Arc<Mutex<Vec<String>>>;

fn take(noted: &Noted) -> Vec<String> {
    std::mem::take(&mut noted.lock().unwrap())
}

#[tokio::test]
async fn layers_see_the_acceptance_once() {
    let noted = Noted::default();
    let notes = Arc::clone(&noted);
    let (builder, mut told) = tail();
    let server = builder.layer(from_fn(move |request: Request, next: Next| {
        let notes = Arc::clone(&notes);
        async move {
            let response = next.run(request).await;
            notes.lock().unwrap().push(format!("server {:?}", response.result_json()));
            response
        }
    }));
    let url = format!("http://{}", serve(&server.build()).await);
    let (of_client, of_attempt) = (Arc::clone(&noted), Arc::clone(&noted));
    let client = Client::builder()
        .endpoint(url)
        .layer(client_middleware::from_fn(move |request: client_middleware::Request, next: client_middleware::Next| {
            let notes = Arc::clone(&of_client);
            async move {
                let response = next.run(request).await?;
                notes.lock().unwrap().push(format!("client {:?}", response.answers()[0].result_json()));
                Ok::<_, rpc::Failure>(response)
            }
        }))
        .attempt_layer(client_middleware::from_fn(
            move |request: rpc::transport::Request, next: client_middleware::Next<rpc::transport::Request>| {
                let notes = Arc::clone(&of_attempt);
                async move {
                    let reply = next.run(request).await?;
                    notes.lock().unwrap().push(format!("attempt {:?}", reply.headers["content-type"]));
                    Ok::<_, rpc::Failure>(reply)
                }
            },
        ))
        .build()
        .unwrap();
    let mut lines = TailClient::new(client).lines().await.unwrap();
    let seen = [r#"server Some("null")"#, r#"attempt "text/event-stream""#, r#"client Some("null")"#];
    assert_eq!(take(&noted), seen);
    assert_eq!(lines.next().await.unwrap().unwrap(), 1);
    assert_eq!(lines.next().await.unwrap().unwrap(), 2);
    assert_eq!(next(&mut told).await, "begun");
    drop(lines);
    assert_eq!(next(&mut told).await, "dropped");
    assert_eq!(take(&noted), [""; 0]);
}

#[tokio::test]
async fn layer_that_answers_instead_drops_the_stream() {
    for answer in [|| Response::result(&7), || Response::error(ErrorObject::new(1001, "instead"))] {
        let (builder, mut told) = tail();
        let server = builder.layer(from_fn(move |request: Request, next: Next| async move {
            next.run(request).await;
            answer()
        }));
        let call = r#"{"jsonrpc":"2.0","method":"tail.lines","id":7}"#;
        let reply = exchange(serve(&server.build()).await, &post_with(&[("accept", "text/event-stream")], call)).await;
        assert_eq!(reply.header("content-type"), Some("application/json"));
        let expected = if answer().is_error() {
            json!({ "jsonrpc": "2.0", "error": { "code": 1001, "message": "instead" }, "id": 7 })
        } else {
            json!({ "jsonrpc": "2.0", "result": 7, "id": 7 })
        };
        assert_eq!(reply.json::<Value>(), expected);
        assert_eq!((next(&mut told).await, next(&mut told).await), ("begun", "dropped"));
    }
}

#[tokio::test]
async fn client_tells_a_result_that_comes_in_the_place_of_a_stream() {
    let (builder, _told) = tail();
    let server = builder.layer(from_fn(|_: Request, _: Next| async { Response::result(&7) })).build();
    for (way, client) in clients_of(&server).await {
        let error = TailClient::new(client).lines().retry(Retry::never()).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Internal, "{way}: {error:?}");
        let told = format!("{error:?}");
        assert!(told.contains("it is a result and not a stream"), "{way}: {told}");
    }
    let (builder, _told) = tail();
    let server = builder.layer(from_fn(|_: Request, _: Next| async { Response::result(&()) })).build();
    for (way, client) in clients_of(&server).await {
        assert!(TailClient::new(client).lines().await.unwrap().next().await.is_none(), "{way}");
    }
}

#[tokio::test]
async fn roles_are_required_before_the_handler_begins() {
    let tokens =
        Bearer::new().token("ada's", Principal::new("ada").with_role("admin")).token("bob's", Principal::new("bob"));
    let (builder, mut told) = tail();
    let server = builder.authenticate(tokens).build();
    for (way, client) in clients_of(&server).await {
        let client = TailClient::new(client);
        let secrets = |token| client.secrets().header("authorization", format!("Bearer {token}"));
        for (token, kind) in [("bob's", ErrorKind::Authorization), ("guess", ErrorKind::Authentication)] {
            let error = secrets(token).await.unwrap_err();
            assert_eq!((error.kind(), error.outcome()), (kind, Outcome::Refused), "{way}");
        }
        assert_eq!(client.secrets().await.unwrap_err().kind(), ErrorKind::Authentication, "{way}");
        assert!(told.is_empty(), "{way}");
        assert_eq!(secrets("ada's").await.unwrap().next().await.unwrap().unwrap(), 1, "{way}");
        assert_eq!((next(&mut told).await, next(&mut told).await), ("begun", "dropped"), "{way}");
    }
    let addr = serve(&server).await;
    for (token, status) in [("Bearer bob's", 403), ("Bearer guess", 401)] {
        let call = r#"{"jsonrpc":"2.0","method":"tail.secrets","id":7}"#;
        let request = post_with(&[("accept", "text/event-stream"), ("authorization", token)], call);
        assert_eq!(exchange(addr, &request).await.status, status);
    }
}

#[tokio::test]
async fn time_limits_bound_the_acceptance_alone() {
    let (builder, mut told) = tail();
    let server = builder.limits(Limits::default().handler_timeout(Duration::from_millis(100))).build();
    for (way, client) in clients_of(&server).await {
        let client = TailClient::new(client);
        // The method's own timeout is the deadline of the call.
        let error = client.late().retry(Retry::never()).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Timeout, "{way}: {error:?}");
        assert_eq!((next(&mut told).await, next(&mut told).await), ("begun", "dropped"), "{way}");
        // The handler timeout of the server is shorter than this deadline.
        let late = client.late().deadline(Duration::from_secs(30)).retry(Retry::never());
        let error = late.await.unwrap_err();
        assert_eq!(error.error_object().map(|error| error.code().get()), Some(-32093), "{way}: {error:?}");
        assert_eq!((next(&mut told).await, next(&mut told).await), ("begun", "dropped"), "{way}");
        // The stream is slower than all of these limits.
        let mut slow = client.slow().await.unwrap();
        assert_eq!(slow.next().await.unwrap().unwrap(), 1, "{way}");
        assert!(slow.next().await.is_none(), "{way}");
    }
}

#[tokio::test]
async fn span_of_the_call_ends_with_its_acceptance_and_the_gauge_counts_open_streams() {
    let (captured, _guard) = Told::begin();
    let metrics = Metrics::begin();
    let (builder, mut told) = tail();
    let server = builder.telemetry(Telemetry::default()).build();
    let addr = serve(&server).await;
    let client = TailClient::new(Client::new(format!("http://{addr}")).unwrap());
    let mut one = client.lines().await.unwrap();
    let other = client.lines().await.unwrap();
    assert_eq!(one.next().await.unwrap().unwrap(), 1);
    let spans = captured.named("rpc.server");
    assert_eq!((spans.len(), spans.iter().filter(|span| span.closed).count()), (2, 2));
    metrics.until("rpc.server.streams{}", Gauge(2.0)).await;
    drop(other);
    metrics.until("rpc.server.streams{}", Gauge(1.0)).await;
    drop(one);
    metrics.until("rpc.server.streams{}", Gauge(0.0)).await;
    let events = [next(&mut told).await, next(&mut told).await, next(&mut told).await, next(&mut told).await];
    assert_eq!(events.iter().filter(|event| **event == "dropped").count(), 2);
    let duration = metrics.now().into_iter().find(|(name, _)| name.starts_with("rpc.server.call.duration"));
    let (name, value) = duration.unwrap();
    assert!(name.contains("rpc.method=tail.lines"), "{name}");
    assert_eq!(value, crate::telemetry::capture::Histogram(2));
}
