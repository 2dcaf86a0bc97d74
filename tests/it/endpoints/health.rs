//! Active health checks over sockets: which endpoints get calls, by the answers to checks.

use std::future::pending;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU16, AtomicU32, Ordering};
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::extract::Request as HttpRequest;
use axum::response::Response;
use http::{Method, StatusCode};
use rpc::client_middleware::{Next, from_fn};
use rpc::health::Health;
use rpc::transport::{HttpTransport, Reply, Request, Transport};
use rpc::{
    BoxFuture, CircuitBreaker, CircuitState, Client, ClientBuilder, Credential, Endpoint, EndpointState, Failure,
    HealthCheck, Retry, Server, Telemetry,
};
use serde_json::Value;

use support::{Wrapped, result, serve, serve_app};
use tokio::net::TcpListener;
use tokio::sync::watch;
use tracing::Level;

use super::{Counting, endpoint, in_turn};
use crate::telemetry::capture::{Counter, Metrics, Told};

/// Checks often, so that tests take little time.
fn often(check: HealthCheck) -> HealthCheck {
    check.interval(Duration::from_millis(10))
}

/// Waits until this holds for the endpoints of the client.
async fn until(client: &Client, holds: impl Fn(&[Arc<EndpointState>]) -> bool) {
    let mut watch = client.watch_endpoints();
    while !holds(&client.endpoints()) {
        watch.changed().await.unwrap();
    }
}

fn is_healthy(client: &Client) -> Vec<bool> {
    client.endpoints().iter().map(|endpoint| endpoint.is_healthy()).collect()
}

async fn count(client: &Client) -> u32 {
    client.call("count", ()).retry(Retry::never()).await.unwrap()
}

/// A server of this framework with a health of its own, which counts its calls.
struct Checked {
    health: Health,
    calls: Arc<AtomicU32>,
    server: Server,
}

impl Checked {
    fn new() -> Self {
        let (health, calls) = (Health::new(), Arc::new(AtomicU32::new(0)));
        let counted = Arc::clone(&calls);
        let server = Server::builder().health(health.clone()).method("count", move || {
            let calls = counted.fetch_add(1, Ordering::Relaxed) + 1;
            async move { calls }
        });
        Self { health, calls, server: server.build() }
    }

    fn calls(&self) -> u32 {
        self.calls.load(Ordering::Relaxed)
    }
}

/// A server of another framework: it answers each call with 7 and has a page, each with a status that a test sets.
#[derive(Clone)]
struct Foreign {
    addr: SocketAddr,
    status: Arc<Statuses>,
    /// The number of answers by the page.
    checks: watch::Receiver<u32>,
}

struct Statuses {
    page: AtomicU16,
    calls: AtomicU16,
    checks: watch::Sender<u32>,
    /// Whether requests need the headers of [`AUTHORIZED`].
    is_strict: AtomicBool,
}

const AUTHORIZED: [(&str, &str); 3] =
    [("authorization", "Bearer token-2"), ("x-client", "client"), ("x-endpoint", "endpoint")];

impl Foreign {
    async fn serve() -> Self {
        let (checks, seen) = watch::channel(0);
        let (page, calls, is_strict) = (AtomicU16::new(200), AtomicU16::new(200), AtomicBool::new(false));
        let status = Arc::new(Statuses { page, calls, checks, is_strict });
        let statuses = Arc::clone(&status);
        let app = Router::new().fallback(move |request: HttpRequest| answer(Arc::clone(&statuses), request));
        Self { addr: serve_app(app).await, status, checks: seen }
    }

    fn set_page(&self, status: u16) {
        self.status.page.store(status, Ordering::Relaxed);
    }

    fn set_all(&self, status: u16) {
        self.set_page(status);
        self.status.calls.store(status, Ordering::Relaxed);
    }

    /// Waits for this many more answers by the page.
    async fn checked(&mut self, more: u32) {
        let count = *self.checks.borrow() + more;
        self.checks.wait_for(|checks| *checks >= count).await.unwrap();
    }
}

async fn answer(statuses: Arc<Statuses>, request: HttpRequest) -> Response {
    let (head, body) = request.into_parts();
    let lacks = |(name, value): &(&str, &str)| head.headers.get(*name).is_none_or(|found| found != value);
    let answer = |status: u16, body: String| {
        Response::builder().status(StatusCode::from_u16(status).unwrap()).body(Body::from(body)).unwrap()
    };
    if statuses.is_strict.load(Ordering::Relaxed) && AUTHORIZED.iter().any(lacks) {
        return answer(401, String::new());
    }
    if head.method == Method::GET {
        // The page is not below the path of the endpoint's URL.
        let status = if head.uri.path() == "/readyz" { statuses.page.load(Ordering::Relaxed) } else { 404 };
        statuses.checks.send_modify(|checks| *checks += 1);
        return answer(status, "the body of a page".to_owned());
    }
    let body = axum::body::to_bytes(body, 1 << 20).await.unwrap();
    let call: Value = serde_json::from_slice(&body).unwrap_or_default();
    answer(statuses.calls.load(Ordering::Relaxed), result(&call["id"], 7))
}

#[tokio::test]
async fn endpoint_that_fails_its_checks_gets_no_calls_until_it_recovers() {
    let (first, second) = (Checked::new(), Checked::new());
    let endpoints = [endpoint(serve(&first.server).await), endpoint(serve(&second.server).await)];
    let client = in_turn().endpoints(endpoints).health_check(often(HealthCheck::rpc())).build().unwrap();
    first.health.set_ready(false);
    until(&client, |endpoints| !endpoints[0].is_healthy() && !endpoints[0].is_usable()).await;
    for _ in 0..10 {
        count(&client).await;
    }
    assert_eq!((first.calls(), second.calls()), (0, 10));
    // No call is needed for the recovery.
    first.health.set_ready(true);
    until(&client, |endpoints| endpoints[0].is_healthy() && endpoints[0].is_usable()).await;
    for _ in 0..10 {
        count(&client).await;
    }
    assert_eq!((first.calls(), second.calls()), (5, 15));
}

#[tokio::test]
async fn server_that_drains_is_avoided_before_it_refuses() {
    let (leaving, staying) = (Checked::new(), Checked::new());
    let mut serving = leaving.server.bind("127.0.0.1:0").await.unwrap().spawn();
    let addr = serving.local_addr();
    let endpoints = [endpoint(addr), endpoint(serve(&staying.server).await)];
    let client = in_turn().endpoints(endpoints).health_check(often(HealthCheck::rpc())).build().unwrap();
    for _ in 0..2 {
        count(&client).await;
    }
    serving.leave();
    until(&client, |endpoints| !endpoints[0].is_healthy()).await;
    // It still serves.
    assert_eq!(count(&Client::new(format!("http://{addr}")).unwrap()).await, 2);
    let ending = tokio::spawn(serving.shutdown());
    while !ending.is_finished() {
        count(&client).await;
    }
    count(&client).await;
    assert_eq!(leaving.calls(), 2);
}

#[tokio::test]
async fn page_is_healthy_if_its_status_is_2xx() {
    for http2 in [false, true] {
        let (server, other) = (Foreign::serve().await, Foreign::serve().await);
        let url = format!("http://{}/rpc?tenant=a", server.addr);
        let seen = Arc::new(AtomicU32::new(0));
        let counted = Arc::clone(&seen);
        // Pages pass through no attempt layer.
        let layer = from_fn(move |request: Request, next: Next<Request>| {
            counted.fetch_add(1, Ordering::Relaxed);
            next.run(request)
        });
        let builder = in_turn().endpoints([Endpoint::new(url), endpoint(other.addr)]).attempt_layer(layer);
        let builder = builder.health_check(often(HealthCheck::path("/readyz")));
        let client = if http2 { builder.http2_prior_knowledge() } else { builder }.build().unwrap();
        for bad in [503, 404, 301, 401] {
            server.set_page(bad);
            until(&client, |endpoints| !endpoints[0].is_healthy()).await;
            server.set_page(204);
            until(&client, |endpoints| endpoints[0].is_healthy()).await;
        }
        assert!(client.endpoints()[1].is_healthy());
        assert_eq!(seen.load(Ordering::Relaxed), 0);
        assert_eq!(client.call::<u32>("seven", ()).readonly().await.unwrap(), 7);
        assert_eq!(seen.load(Ordering::Relaxed), 1);
    }
}

#[tokio::test]
async fn server_that_never_answers_fails_its_checks() {
    // The system accepts connections to it.
    let silent = TcpListener::bind("127.0.0.1:0").await.unwrap();
    for check in [HealthCheck::rpc(), HealthCheck::path("/readyz")] {
        let check = often(check).timeout(Duration::from_millis(20));
        let client =
            Client::builder().endpoint(endpoint(silent.local_addr().unwrap())).health_check(check).build().unwrap();
        until(&client, |endpoints| !endpoints[0].is_healthy()).await;
    }
}

#[tokio::test]
async fn at_least_half_stays_in_use_when_all_checks_fail() {
    let servers = [Checked::new(), Checked::new(), Checked::new()];
    let mut endpoints = Vec::new();
    for server in &servers {
        server.health.set_ready(false);
        endpoints.push(endpoint(serve(&server.server).await));
    }
    let client = in_turn().endpoints(endpoints).health_check(often(HealthCheck::rpc())).build().unwrap();
    until(&client, |endpoints| endpoints.iter().all(|endpoint| !endpoint.is_healthy())).await;
    for _ in 0..10 {
        count(&client).await;
    }
    let mut calls: Vec<_> = servers.iter().map(Checked::calls).collect();
    calls.sort_unstable();
    assert!(calls[0] == 0 && calls[1] > 0 && calls[2] > 0, "{calls:?}");
}

#[tokio::test]
async fn new_endpoint_is_checked_and_a_removed_one_no_longer() {
    let (mut kept, mut removed, new) = (Foreign::serve().await, Foreign::serve().await, Foreign::serve().await);
    new.set_page(503);
    let (set, source) = watch::channel(vec![endpoint(kept.addr), endpoint(removed.addr)]);
    let check = often(HealthCheck::path("/readyz"));
    let client = Client::builder().discover(source).health_check(check).build().unwrap();
    removed.checked(2).await;
    let mut watch = client.watch_endpoints();
    set.send_replace(vec![endpoint(kept.addr), endpoint(new.addr)]);
    watch.changed().await.unwrap();
    until(&client, |endpoints| !endpoints[1].is_healthy()).await;
    // A check that was in flight may still arrive, but no further one. The kept endpoint is checked as before.
    kept.checked(2).await;
    let before = *removed.checks.borrow();
    kept.checked(20).await;
    assert_eq!(*removed.checks.borrow(), before);
    assert!(client.endpoints()[0].is_healthy());
}

#[tokio::test]
async fn checks_end_with_the_client() {
    let server = Checked::new();
    let http = HttpTransport::new(format!("http://{}", serve(&server.server).await)).unwrap();
    let transport = Arc::new(Wrapped(http));
    let endpoints = [Endpoint::transport(Arc::clone(&transport))];
    let client = Client::builder().endpoints(endpoints).health_check(often(HealthCheck::rpc())).build().unwrap();
    let pinned = client.pinned();
    drop(client);
    server.health.set_ready(false);
    // A pinned client still needs the checks.
    until(&pinned, |endpoints| !endpoints[0].is_healthy()).await;
    drop(pinned);
    while Arc::strong_count(&transport) > 1 {
        tokio::task::yield_now().await;
    }
}

#[tokio::test]
async fn open_circuit_is_closed_by_checks_alone() {
    let (server, other) = (Foreign::serve().await, Foreign::serve().await);
    let short = Duration::from_millis(1);
    let breaker = CircuitBreaker::default().failures_to_open(1).open_time(short).max_open_time(short);
    for check in [HealthCheck::rpc(), HealthCheck::path("/readyz")] {
        // The health does not change, so that the circuit alone keeps the endpoint out of use.
        let check = often(check).unhealthy_after(u32::MAX);
        let endpoints = [endpoint(server.addr), endpoint(other.addr)];
        let client = in_turn().endpoints(endpoints).circuit_breaker(breaker).health_check(check).build().unwrap();
        server.set_all(503);
        while client.endpoints()[0].circuit() == CircuitState::Closed {
            assert_eq!(client.call::<u32>("seven", ()).readonly().await.unwrap(), 7);
        }
        // Failed checks open the circuit again.
        until(&client, |endpoints| endpoints[0].circuit() == CircuitState::HalfOpen).await;
        until(&client, |endpoints| endpoints[0].circuit() == CircuitState::Open).await;
        server.set_all(200);
        until(&client, |endpoints| endpoints[0].circuit() == CircuitState::Closed && endpoints[0].is_usable()).await;
        assert_eq!(is_healthy(&client), [true, true]);
    }
}

/// Fails while it is down. Then it passes requests on.
#[derive(Debug)]
struct Gate {
    http: HttpTransport,
    is_down: Arc<AtomicBool>,
}

impl Transport for Gate {
    fn send(&self, request: Request) -> BoxFuture<Result<Reply, Failure>> {
        if self.is_down.load(Ordering::Relaxed) {
            return Box::pin(std::future::ready(Err(Failure::connect("down"))));
        }
        self.http.send(request)
    }
}

#[tokio::test]
async fn server_without_the_method_is_healthy_since_it_answers() {
    let server = Counting::serve().await;
    let is_down = Arc::new(AtomicBool::new(true));
    let gate =
        Gate { http: HttpTransport::new(format!("http://{}", server.addr)).unwrap(), is_down: Arc::clone(&is_down) };
    let check = often(HealthCheck::rpc());
    let client = Client::builder().endpoints([Endpoint::transport(gate)]).health_check(check).build().unwrap();
    until(&client, |endpoints| !endpoints[0].is_healthy()).await;
    is_down.store(false, Ordering::Relaxed);
    until(&client, |endpoints| endpoints[0].is_healthy()).await;
}

#[tokio::test]
async fn checks_have_the_headers_of_the_client_and_the_endpoint_and_renew_a_rejected_credential() {
    for check in [HealthCheck::rpc(), HealthCheck::path("/readyz")] {
        let server = Foreign::serve().await;
        server.set_all(503);
        let tokens = AtomicU32::new(0);
        let provider = move || {
            let token = format!("token-{}", tokens.fetch_add(1, Ordering::Relaxed) + 1);
            async move { Ok::<_, Failure>(Credential::bearer(token)) }
        };
        let client = Client::builder()
            .endpoint(endpoint(server.addr).header("x-endpoint", "endpoint"))
            .header("x-client", "client")
            .credentials(provider)
            .health_check(often(check))
            .build()
            .unwrap();
        until(&client, |endpoints| !endpoints[0].is_healthy()).await;
        server.set_all(200);
        until(&client, |endpoints| endpoints[0].is_healthy()).await;
        server.set_all(503);
        until(&client, |endpoints| !endpoints[0].is_healthy()).await;
        server.status.is_strict.store(true, Ordering::Relaxed);
        server.set_all(200);
        until(&client, |endpoints| endpoints[0].is_healthy()).await;
    }
}

/// A provider that never answers is the fault of no endpoint.
#[tokio::test]
async fn check_without_a_credential_does_not_count() {
    let mut server = Foreign::serve().await;
    let check = often(HealthCheck::path("/readyz")).timeout(Duration::from_millis(1)).unhealthy_after(1);
    let builder = || Client::builder().endpoint(endpoint(server.addr)).health_check(check.clone());
    let waiting = builder().credentials(pending::<Result<Credential, Failure>>).build().unwrap();
    let failing = builder().credentials(async || Err::<Credential, _>(Failure::connect("down"))).build().unwrap();
    let other = builder().build().unwrap();
    server.checked(20).await;
    assert_eq!((is_healthy(&waiting), is_healthy(&failing)), (vec![true], vec![true]));
    drop(other);
}

#[tokio::test]
async fn page_needs_a_path_and_endpoints_with_urls() {
    let failure = |builder: ClientBuilder, path: &str| {
        let failure = builder.health_check(HealthCheck::path(path)).build().unwrap_err();
        assert!(failure.is_builder());
        failure.to_string()
    };
    let url = || Client::builder().endpoint("http://127.0.0.1:1");
    assert_eq!(failure(url(), "readyz"), "the path of a health check must begin with `/` and be valid");
    let own = || HttpTransport::new("http://127.0.0.1:1").unwrap();
    let own_transport = "a health check by path needs an endpoint with an http or https URL";
    assert_eq!(failure(Client::builder().transport(own()), "/readyz"), own_transport);
    let endpoints = [Endpoint::new("http://127.0.0.1:1"), Endpoint::transport(own())];
    assert_eq!(failure(Client::builder().endpoints(endpoints.clone()), "/readyz"), own_transport);
    // An endpoint that is discovered is left out.
    let (_set, source) = watch::channel(endpoints.to_vec());
    let client = Client::builder().discover(source).health_check(HealthCheck::path("/readyz")).build().unwrap();
    until(&client, |endpoints| endpoints.len() == 1).await;
    while client.discovery().unwrap().last_error() != Some(own_transport) {
        tokio::task::yield_now().await;
    }
}

#[tokio::test]
async fn each_change_of_the_health_is_counted_and_logged() {
    let (metrics, (told, _guard)) = (Metrics::begin(), Told::begin());
    let server = Foreign::serve().await;
    server.set_page(503);
    let builder = Client::builder().endpoint(endpoint(server.addr)).health_check(often(HealthCheck::path("/readyz")));
    let client = builder.telemetry(Telemetry::default()).build().unwrap();
    until(&client, |endpoints| !endpoints[0].is_healthy()).await;
    server.set_page(200);
    until(&client, |endpoints| endpoints[0].is_healthy()).await;
    // Each line is written after the watches are notified.
    let logs = || told.logs().into_iter().filter(|log| log.target == "rpc::client").collect::<Vec<_>>();
    while logs().len() < 2 {
        tokio::task::yield_now().await;
    }
    let port = server.addr.port().to_string();
    let [unhealthy, healthy] = &logs()[..] else { panic!("{:?}", logs()) };
    for (log, level, message) in
        [(unhealthy, Level::WARN, "endpoint unhealthy"), (healthy, Level::INFO, "endpoint healthy")]
    {
        assert_eq!((log.level, log.fields.get("message")), (level, Some(message)));
        assert_eq!(log.fields.get("server.address"), Some("127.0.0.1"));
        assert_eq!(log.fields.get("server.port"), Some(&*port));
    }
    assert!(unhealthy.fields.get("error").is_some_and(|error| error.contains("503")), "{unhealthy:?}");
    let name = |state| {
        format!("rpc.client.health_check.transitions{{server.address=127.0.0.1,server.port={port},state={state}}}")
    };
    // Checks are no attempts and no calls.
    let expected = ["healthy", "unhealthy"].map(|state| (name(state), Counter(1)));
    assert_eq!(metrics.now().into_iter().collect::<Vec<_>>(), expected);
    assert!(told.named("rpc.client").is_empty() && told.named("rpc.client.attempt").is_empty());
}
