//! What a client reports about its endpoints: metrics, logs, spans and watches.

use std::future::ready;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use bytes::Bytes;
use futures_util::FutureExt;
use rpc::transport::{Reply, Request, ServerAddress, Transport};
use rpc::{BoxFuture, CircuitBreaker, CircuitState, Client, ClientBuilder, Endpoint, Failure, Telemetry};
use serde_json::Value;
use support::result;
use tracing::Level;

use crate::telemetry::capture::{Counter, Log, Metrics, Told};

/// An endpoint that answers each call with 7, or fails while it is down.
#[derive(Clone, Debug)]
struct Switch {
    host: &'static str,
    is_down: Arc<AtomicBool>,
    failure: fn() -> Failure,
}

impl Switch {
    fn up(host: &'static str) -> Self {
        Self { host, is_down: Arc::default(), failure: || Failure::not_sent("down") }
    }

    fn down(host: &'static str, failure: fn() -> Failure) -> Self {
        Self { host, is_down: Arc::new(true.into()), failure }
    }

    fn recover(&self) {
        self.is_down.store(false, Ordering::Relaxed);
    }
}

impl Transport for Switch {
    fn send(&self, request: Request) -> BoxFuture<Result<Reply, Failure>> {
        if self.is_down.load(Ordering::Relaxed) {
            return Box::pin(ready(Err((self.failure)())));
        }
        let answer = |call: &Value| result(&call["id"], 7);
        let body = match serde_json::from_slice(&request.body).unwrap() {
            Value::Array(calls) => format!("[{}]", calls.iter().map(answer).collect::<Vec<_>>().join(",")),
            call => answer(&call),
        };
        Box::pin(ready(Ok(Reply::new(Bytes::from(body)))))
    }

    fn server_address(&self) -> Option<ServerAddress> {
        Some(ServerAddress::new(self.host, 80))
    }
}

/// Begins to build a client that calls the second endpoint only while it cannot call the first one.
fn first_of(first: &Switch, second: &Switch) -> ClientBuilder {
    let endpoints = [first, second].map(|switch| Endpoint::transport(switch.clone()));
    let [first, second] = endpoints;
    let breaker = CircuitBreaker::default().failures_to_open(2).open_time(Duration::from_secs(1));
    Client::builder().endpoints([first, second.tier(1)]).circuit_breaker(breaker)
}

async fn call(client: &Client) {
    assert_eq!(client.call::<u32>("seven", ()).readonly().await.unwrap(), 7);
}

/// Makes calls until the circuit of the first endpoint has opened.
async fn open(client: &Client) {
    while client.endpoints()[0].circuit() == CircuitState::Closed {
        call(client).await;
    }
}

/// Makes calls until the circuit of the first endpoint has closed.
async fn close(client: &Client) {
    tokio::time::advance(Duration::from_secs(1)).await;
    while client.endpoints()[0].circuit() != CircuitState::Closed {
        call(client).await;
    }
}

fn states(client: &[Arc<rpc::EndpointState>]) -> Vec<(CircuitState, bool)> {
    client.iter().map(|endpoint| (endpoint.circuit(), endpoint.is_usable())).collect()
}

fn logs(told: &Told) -> Vec<Log> {
    told.logs().into_iter().filter(|log| log.target.starts_with("rpc")).collect()
}

#[tokio::test(start_paused = true)]
async fn each_change_of_a_circuit_is_counted_and_its_opening_and_closing_are_logged() {
    let (metrics, (told, _guard)) = (Metrics::begin(), Told::begin());
    let first = Switch::down("first", || Failure::not_sent("down"));
    let client = first_of(&first, &Switch::up("second")).telemetry(Telemetry::default()).build().unwrap();
    open(&client).await;
    let [opened] = &logs(&told)[..] else { panic!("{:?}", logs(&told)) };
    assert_eq!(
        (opened.level, opened.target, opened.fields.get("message")),
        (Level::WARN, "rpc::client", Some("circuit opened"))
    );
    assert_eq!((opened.fields.get("server.address"), opened.fields.get("server.port")), (Some("first"), Some("80")));
    assert_eq!(opened.fields.get("success_rate"), Some("0.0"));
    assert!(opened.fields.get("open_time").is_some_and(|time| time.ends_with('s')), "{opened:?}");
    first.recover();
    close(&client).await;
    let [_, closed] = &logs(&told)[..] else { panic!("{:?}", logs(&told)) };
    assert_eq!((closed.level, closed.fields.get("message")), (Level::INFO, Some("circuit closed")));
    assert_eq!((closed.fields.get("server.address"), closed.fields.get("server.port")), (Some("first"), Some("80")));
    let metrics = metrics.now();
    let transitions: Vec<_> = metrics.iter().filter(|(name, _)| name.contains("circuit")).collect();
    let name = |state| format!("rpc.client.circuit.transitions{{server.address=first,server.port=80,state={state}}}");
    let expected = ["closed", "half_open", "open"].map(|state| (name(state), Counter(1)));
    assert_eq!(transitions, expected.iter().map(|(name, count)| (name, count)).collect::<Vec<_>>());
}

#[tokio::test(start_paused = true)]
async fn circuits_of_a_client_without_telemetry_are_neither_counted_nor_logged() {
    let (metrics, (told, _guard)) = (Metrics::begin(), Told::begin());
    let first = Switch::down("first", || Failure::not_sent("down"));
    let client = first_of(&first, &Switch::up("second")).build().unwrap();
    open(&client).await;
    first.recover();
    close(&client).await;
    assert!(logs(&told).is_empty() && metrics.now().is_empty(), "{told:?} {metrics:?}", told = logs(&told));
}

#[tokio::test(start_paused = true)]
async fn failovers_of_calls_are_counted_and_retries_are_not() {
    let metrics = Metrics::begin();
    let count = |name: &str| metrics.now().get(name).cloned();
    let client = |failure| {
        let client = first_of(&Switch::down("first", failure), &Switch::up("second")).circuit_breaker(None);
        client.telemetry(Telemetry::default()).build().unwrap()
    };
    // The request was sent, and may have run.
    call(&client(|| Failure::transport("cut"))).await;
    assert_eq!(
        (count("rpc.client.attempts{outcome=unknown}"), count("rpc.client.failovers{}")),
        (Some(Counter(1)), None)
    );
    let client = client(|| Failure::not_sent("down"));
    call(&client).await;
    assert_eq!(count("rpc.client.failovers{}"), Some(Counter(1)));
    let three = client.batch([(); 3].map(|()| client.call::<u32>("seven", ()).readonly())).await.unwrap();
    assert!(three.iter().all(Result::is_ok));
    assert_eq!(count("rpc.client.failovers{}"), Some(Counter(4)));
    assert_eq!(count("rpc.client.attempts{outcome=not_sent}"), Some(Counter(4)));
}

#[tokio::test(start_paused = true)]
async fn span_of_an_attempt_names_its_endpoint_and_that_of_a_call_names_the_last_one() {
    let (told, _guard) = Told::begin();
    let first = Switch::down("first", || Failure::not_sent("down"));
    let client = first_of(&first, &Switch::up("second")).telemetry(Telemetry::default()).build().unwrap();
    call(&client).await;
    let names = |name| {
        let server = |span: &crate::telemetry::capture::Span| {
            ["server.address", "server.port"].map(|field| span.fields.get(field).unwrap().to_owned())
        };
        told.named(name).iter().map(server).collect::<Vec<_>>()
    };
    assert_eq!(names("rpc.client.attempt"), [["first", "80"], ["second", "80"]]);
    assert_eq!(names("rpc.client"), [["second", "80"]]);
}

#[tokio::test(start_paused = true)]
async fn watch_of_endpoints_reports_each_change_once_and_ends_with_the_client() {
    let first = Switch::down("first", || Failure::not_sent("down"));
    let client = first_of(&first, &Switch::up("second")).build().unwrap();
    let mut watch = client.watch_endpoints();
    assert!(watch.changed().now_or_never().is_none());
    let (opened, ()) = tokio::join!(watch.changed(), open(&client));
    assert_eq!(states(&opened.unwrap()), [(CircuitState::Open, false), (CircuitState::Closed, true)]);
    assert!(watch.changed().now_or_never().is_none());
    first.recover();
    close(&client).await;
    // The watch waits only for changes after its making.
    assert!(client.watch_endpoints().changed().now_or_never().is_none());
    // Two changes, to half-open and to closed.
    let closed = watch.changed().now_or_never().unwrap().unwrap();
    assert_eq!(states(&closed), [(CircuitState::Closed, true), (CircuitState::Closed, true)]);
    assert!(watch.changed().now_or_never().is_none());
    drop(client);
    assert!(watch.changed().now_or_never().unwrap().is_none());
}

#[tokio::test]
async fn watch_that_waits_ends_with_the_client() {
    let client = first_of(&Switch::up("first"), &Switch::up("second")).build().unwrap();
    let mut watch = client.watch_endpoints();
    let (ended, ()) = tokio::join!(watch.changed(), async { drop(client) });
    assert!(ended.is_none());
}
