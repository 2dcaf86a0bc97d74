//! Endpoints that fail in ways that a client could take for its own, and the client's own limits, which say nothing of
//! endpoints. Transports of the tests' own, on a paused clock.

use std::future::{pending, ready};
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use bytes::Bytes;
use http::{HeaderValue, StatusCode};
use rpc::client_middleware::{Next, from_fn};
use rpc::transport::{Reply, Request, Transport};
use rpc::{Balance, BoxFuture, CircuitState, Client, Endpoint, Failure, Outcome, Retry, RetryBudget};
use serde_json::Value;
use support::result;

/// What an endpoint does with a request.
#[derive(Clone, Copy, Debug)]
enum Does {
    Answers,
    /// Answers after 50 ms.
    AnswersLate,
    /// Lets the client wait for a connection.
    NeverConnects,
    Refuses,
    /// Runs the first call without an answer, and refuses connections from then on.
    LosesThenRefuses,
    Says(StatusCode),
}

#[derive(Clone, Debug)]
struct Fake {
    does: Does,
    /// The store that the endpoint announces.
    store: Option<&'static str>,
    requests: Arc<AtomicU32>,
}

impl Fake {
    fn new(does: Does) -> Self {
        Self { does, store: None, requests: Arc::default() }
    }

    fn requests(&self) -> u32 {
        self.requests.load(Ordering::Relaxed)
    }

    fn endpoint(&self) -> Endpoint {
        Endpoint::transport(self.clone())
    }
}

impl Transport for Fake {
    fn send(&self, request: Request) -> BoxFuture<Result<Reply, Failure>> {
        let count = self.requests.fetch_add(1, Ordering::Relaxed);
        match self.does {
            Does::NeverConnects => {
                request.progress.hold();
                Box::pin(async move {
                    let _request = request;
                    pending().await
                })
            }
            Does::LosesThenRefuses if count == 0 => Box::pin(ready(Err(Failure::transport("lost")))),
            Does::Refuses | Does::LosesThenRefuses => Box::pin(ready(Err(Failure::connect("refused")))),
            Does::Says(status) => {
                let mut reply = Reply::new(Bytes::new());
                reply.status = Some(status);
                Box::pin(ready(Ok(reply)))
            }
            Does::Answers | Does::AnswersLate => {
                let call: Value = serde_json::from_slice(&request.body).unwrap();
                let delay = Duration::from_millis(if matches!(self.does, Does::AnswersLate) { 50 } else { 0 });
                Box::pin(async move {
                    tokio::time::sleep(delay).await;
                    Ok(Reply::new(Bytes::from(result(&call["id"], 7))))
                })
            }
        }
    }

    fn probe(&self, _: Request) -> BoxFuture<Result<Reply, Failure>> {
        if matches!(self.does, Does::Refuses) {
            return Box::pin(ready(Err(Failure::connect("refused"))));
        }
        let mut reply = Reply::new(Bytes::new());
        if let Some(store) = self.store {
            reply.headers.insert("rpc-idempotency", HeaderValue::from_static(store));
        }
        Box::pin(ready(Ok(reply)))
    }
}

fn client(fakes: &[&Fake]) -> rpc::ClientBuilder {
    Client::builder()
        .endpoints(fakes.iter().map(|fake| fake.endpoint()))
        .balance(Balance::round_robin())
        .retry_budget(RetryBudget::unlimited())
        .retry(Retry::exponential().base(Duration::from_millis(1)))
}

async fn read(client: &Client) -> Result<u32, rpc::Error> {
    client.call("read", ()).readonly().await
}

#[tokio::test(start_paused = true)]
async fn retry_leaves_an_endpoint_that_never_connects() {
    let (stuck, healthy) = (Fake::new(Does::NeverConnects), Fake::new(Does::Answers));
    // The attempts end before any transport would report that it cannot connect.
    let client = client(&[&stuck, &healthy]).attempt_timeout(Duration::from_millis(20)).build().unwrap();
    for _ in 0..10 {
        assert_eq!(read(&client).await.unwrap(), 7);
    }
    assert!((1..=10).contains(&stuck.requests()));
}

#[tokio::test(start_paused = true)]
async fn endpoint_that_never_connects_opens_its_circuit() {
    let (stuck, healthy) = (Fake::new(Does::NeverConnects), Fake::new(Does::Answers));
    let client = client(&[&stuck, &healthy]).attempt_timeout(Duration::from_secs(1)).build().unwrap();
    while stuck.requests() < 5 {
        assert_eq!(read(&client).await.unwrap(), 7);
    }
    assert_eq!(client.endpoints()[0].circuit(), CircuitState::Open);
}

#[tokio::test(start_paused = true)]
async fn short_deadlines_open_no_circuit() {
    let fakes = [Fake::new(Does::AnswersLate), Fake::new(Does::AnswersLate)];
    let client = client(&[&fakes[0], &fakes[1]]).build().unwrap();
    for _ in 0..10 {
        read(&client).await.unwrap();
    }
    for _ in 0..40 {
        let call = client.call::<u32>("read", ()).readonly().deadline(Duration::from_millis(20));
        assert!(call.await.unwrap_err().is_timeout());
    }
    assert!(client.endpoints().iter().all(|endpoint| endpoint.circuit() == CircuitState::Closed));
}

#[tokio::test(start_paused = true)]
async fn call_that_may_have_run_does_not_go_around_among_endpoints_that_refuse() {
    let store = Some("store=00000000-0000-4000-8000-000000000001;ttl=120");
    let first = Fake { store, ..Fake::new(Does::LosesThenRefuses) };
    let others: Vec<_> = (0..9).map(|_| Fake::new(Does::Refuses)).collect();
    let mut endpoints = vec![first.endpoint()];
    endpoints.extend(others.iter().map(|fake| fake.endpoint().tier(1)));
    let client = Client::builder().endpoints(endpoints).retry_budget(RetryBudget::unlimited()).build().unwrap();
    let error = client.call::<u32>("pay", ()).await.unwrap_err();
    assert_eq!(error.outcome(), Outcome::Unknown);
    assert_eq!((first.requests(), error.attempts().len()), (3, 3));
    assert!(others.iter().all(|fake| fake.requests() == 0));
}

#[tokio::test(start_paused = true)]
async fn wrong_credentials_open_no_circuit() {
    let fakes = [Fake::new(Does::Says(StatusCode::UNAUTHORIZED)), Fake::new(Does::Says(StatusCode::FORBIDDEN))];
    let client = client(&[&fakes[0], &fakes[1]]).build().unwrap();
    for _ in 0..20 {
        read(&client).await.unwrap_err();
    }
    assert!(client.endpoints().iter().all(|endpoint| endpoint.circuit() == CircuitState::Closed));
}

#[tokio::test(start_paused = true)]
async fn layer_that_passes_nothing_on_opens_no_circuit_and_is_not_asked_for_each_endpoint() {
    let (fakes, asked) = ([Fake::new(Does::Answers), Fake::new(Does::Answers)], Arc::new(AtomicU32::new(0)));
    let counted = Arc::clone(&asked);
    let limit = from_fn(move |_: Request, _: Next<Request>| {
        counted.fetch_add(1, Ordering::Relaxed);
        async { Err::<Reply, _>(Failure::not_sent("the limit of this client")) }
    });
    let client = client(&[&fakes[0], &fakes[1]]).attempt_layer(limit).build().unwrap();
    for _ in 0..10 {
        assert_eq!(read(&client).await.unwrap_err().outcome(), Outcome::NotSent);
    }
    assert_eq!(asked.load(Ordering::Relaxed), 30, "three attempts for each call");
    assert!(client.endpoints().iter().all(|endpoint| endpoint.circuit() == CircuitState::Closed));
}

#[tokio::test(start_paused = true)]
async fn call_that_cannot_be_repeated_tests_no_endpoint() {
    let (broken, healthy) = (Fake::new(Does::Says(StatusCode::BAD_GATEWAY)), Fake::new(Does::Answers));
    let client = client(&[&broken, &healthy]).build().unwrap();
    while client.endpoints()[0].circuit() == CircuitState::Closed {
        read(&client).await.unwrap();
    }
    let before = broken.requests();
    tokio::time::advance(Duration::from_secs(5)).await;
    for _ in 0..10 {
        assert_eq!(client.call::<u32>("pay", ()).await.unwrap(), 7);
    }
    assert_eq!(broken.requests(), before);
    read(&client).await.unwrap();
    assert_eq!(broken.requests(), before + 1);
}
