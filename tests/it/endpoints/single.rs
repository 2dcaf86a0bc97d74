//! The circuit breaker of a client with one endpoint.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use rpc::{CircuitBreaker, CircuitState, Client, Error, ErrorKind, Outcome, Retry, RetryBudget};
use support::raw_http::TEST_TIMEOUT;
use support::{Answer, Peer, http, refusing, result};
use tokio::time::timeout;

use super::endpoint;

/// A server that answers each call with HTTP 502 until it recovers.
struct Server {
    peer: Peer,
    is_up: Arc<AtomicBool>,
}

impl Server {
    async fn down() -> Self {
        let is_up = Arc::new(AtomicBool::new(false));
        let up = Arc::clone(&is_up);
        let peer = Peer::start(move |call| {
            let answer = || http("200 OK", &[], &result(&call.id(), 7));
            Answer::Bytes(if up.load(Ordering::Relaxed) { answer() } else { http("502 Bad Gateway", &[], "") })
        });
        Self { peer: peer.await, is_up }
    }

    fn recover(&self) {
        self.is_up.store(true, Ordering::Relaxed);
    }

    fn client(&self, breaker: CircuitBreaker) -> Client {
        let retry = Retry::exponential().base(Duration::ZERO);
        let builder = self.peer.builder().retry(retry).retry_budget(RetryBudget::unlimited());
        builder.circuit_breaker(breaker.single_endpoint(true)).build().unwrap()
    }

    fn requests(&self) -> usize {
        self.peer.requests().len()
    }
}

async fn call(client: &Client) -> Result<u32, Error> {
    client.call("seven", ()).readonly().await
}

fn is_rejected(error: &Error) -> bool {
    (error.kind(), error.outcome()) == (ErrorKind::CircuitOpen, Outcome::NotSent)
}

#[tokio::test]
async fn calls_fail_at_once_while_the_circuit_is_open() {
    let server = Server::down().await;
    let client = server.client(CircuitBreaker::default().open_time(Duration::from_secs(60)));
    while client.endpoints()[0].circuit() == CircuitState::Closed {
        assert_eq!(call(&client).await.unwrap_err().kind(), ErrorKind::Unavailable);
    }
    assert_eq!(server.requests(), 5);
    assert!(!client.endpoints()[0].is_usable());
    for _ in 0..20 {
        let error = call(&client).await.unwrap_err();
        assert!(is_rejected(&error) && error.attempts().is_empty(), "{error:?}");
        assert!(error.to_string().contains("circuit"), "{error}");
    }
    let failure = client.batch([(); 3].map(|()| client.call::<u32>("seven", ()))).await.unwrap_err();
    assert_eq!((failure.kind(), failure.outcome()), (ErrorKind::CircuitOpen, Outcome::NotSent));
    let failure = client.notify("seen", ()).await.unwrap_err();
    assert_eq!(failure.kind(), ErrorKind::CircuitOpen);
    assert_eq!(server.requests(), 5);
}

#[tokio::test]
async fn client_without_the_setting_sends_all_calls() {
    let server = Server::down().await;
    let client = server.peer.builder().circuit_breaker(CircuitBreaker::default()).build().unwrap();
    for _ in 0..20 {
        assert_eq!(call(&client).await.unwrap_err().kind(), ErrorKind::Unavailable);
    }
    assert_eq!((server.requests(), client.endpoints()[0].circuit()), (20, CircuitState::Closed));
}

#[tokio::test]
async fn call_whose_attempt_opens_the_circuit_ends_with_the_result_of_that_attempt() {
    let server = Server::down().await;
    let client = server.client(CircuitBreaker::default().failures_to_open(2).open_time(Duration::from_secs(60)));
    let error = call(&client).await.unwrap_err();
    assert_eq!((error.kind(), error.attempts().len()), (ErrorKind::Unavailable, 2));
    assert!(is_rejected(&call(&client).await.unwrap_err()));
}

#[tokio::test]
async fn circuit_closes_after_the_tests_of_a_server_that_has_recovered() {
    let server = Server::down().await;
    let times = CircuitBreaker::default().open_time(Duration::from_millis(1)).max_open_time(Duration::from_millis(20));
    let client = server.client(times);
    while client.endpoints()[0].circuit() == CircuitState::Closed {
        call(&client).await.unwrap_err();
    }
    server.recover();
    let before = server.requests();
    let recovery = async {
        while client.endpoints()[0].circuit() != CircuitState::Closed {
            if let Err(error) = call(&client).await {
                assert!(is_rejected(&error), "{error:?}");
            }
            tokio::task::yield_now().await;
        }
    };
    timeout(TEST_TIMEOUT, recovery).await.expect("the circuit closes");
    // All calls that the client sent meanwhile were tests.
    assert_eq!(server.requests() - before, 3);
    for _ in 0..20 {
        call(&client).await.unwrap();
    }
    assert!(client.endpoints()[0].is_usable());
}

#[tokio::test]
async fn call_that_cannot_be_repeated_tests_nothing() {
    let server = Server::down().await;
    let client = server.client(CircuitBreaker::default().open_time(Duration::from_millis(1)));
    while client.endpoints()[0].circuit() == CircuitState::Closed {
        call(&client).await.unwrap_err();
    }
    server.recover();
    let before = server.requests();
    let sent = async {
        loop {
            let effect = client.call::<u32>("pay", ()).retry(Retry::never()).await;
            assert!(is_rejected(&effect.unwrap_err()));
            if call(&client).await.is_ok() {
                break;
            }
            tokio::task::yield_now().await;
        }
    };
    timeout(TEST_TIMEOUT, sent).await.expect("a readonly call tests the server");
    assert_eq!(server.requests() - before, 1);
}

#[tokio::test]
async fn several_endpoints_stay_in_use_with_the_setting() {
    let dead = [refusing(), refusing()];
    let breaker = CircuitBreaker::default().open_time(Duration::from_secs(60)).single_endpoint(true);
    let client = Client::builder().endpoints(dead.map(endpoint)).circuit_breaker(breaker).retry(Retry::never());
    let client = client.build().unwrap();
    for _ in 0..20 {
        assert_eq!(call(&client).await.unwrap_err().kind(), ErrorKind::Network);
    }
    assert!(client.endpoints().iter().all(|endpoint| endpoint.circuit() == CircuitState::Open));
}
