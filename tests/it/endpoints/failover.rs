//! What a client does when some of its endpoints fail.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use rpc::{CircuitBreaker, CircuitState, Endpoint, ErrorKind, Outcome, Retry, RetryBudget};
use support::{Answer, Peer, http, refusing, result};

use super::{Counting, endpoint, in_turn};

#[tokio::test]
async fn endpoint_that_refuses_connections_costs_no_call_no_attempt_and_no_budget() {
    let (server, dead) = (Counting::serve().await, refusing());
    // The budget allows no retry at all.
    let client = in_turn()
        .endpoints([endpoint(dead), server.endpoint()])
        .retry_budget(RetryBudget::new(0))
        .retry(Retry::exponential().max_attempts(2))
        .build()
        .unwrap();
    for _ in 0..10_000 {
        client.call::<u32>("count", ()).await.unwrap();
    }
    assert_eq!(server.calls(), 10_000);
}

#[tokio::test]
async fn call_without_retries_still_goes_past_a_dead_endpoint() {
    let (server, dead) = (Counting::serve().await, refusing());
    let client = in_turn().endpoints([endpoint(dead), server.endpoint()]).retry(Retry::never()).build().unwrap();
    for _ in 0..10 {
        client.call::<u32>("count", ()).await.unwrap();
    }
    assert_eq!(server.calls(), 10);
}

#[tokio::test]
async fn failed_attempts_name_their_endpoints() {
    let dead = [refusing(), refusing()];
    let client = in_turn().endpoints(dead.map(endpoint)).retry_budget(RetryBudget::new(0)).build().unwrap();
    let error = client.call::<u32>("count", ()).await.unwrap_err();
    assert_eq!((error.outcome(), error.kind()), (Outcome::NotSent, ErrorKind::Network));
    let mut tried: Vec<_> = error.attempts().iter().map(|attempt| attempt.endpoint.clone().unwrap()).collect();
    tried.sort_by_key(|address| address.port);
    let mut ports = dead.map(|addr| addr.port());
    ports.sort_unstable();
    assert_eq!(tried.iter().map(|address| address.port).collect::<Vec<_>>(), ports);
    assert!(tried.iter().all(|address| address.host == "127.0.0.1"));
}

#[tokio::test]
async fn retry_avoids_endpoints_that_were_tried() {
    let failing = Peer::start(|_| Answer::Bytes(http("503 Service Unavailable", &[], ""))).await;
    let healthy = Counting::serve().await;
    let retry = Retry::exponential().base(Duration::from_millis(1));
    let client = in_turn()
        .endpoints([Endpoint::new(failing.url()), healthy.endpoint()])
        .circuit_breaker(None)
        .retry(retry)
        .retry_budget(RetryBudget::unlimited())
        .build()
        .unwrap();
    for _ in 0..20 {
        client.call::<u32>("count", ()).readonly().await.unwrap();
    }
    // Each retry takes a turn, too. So each call begins at the failing endpoint, except perhaps the first one.
    assert!([19, 20].contains(&failing.requests().len()), "{}", failing.requests().len());
    assert_eq!(healthy.calls(), 20);
}

#[tokio::test]
async fn lower_tier_is_used_only_while_no_endpoint_above_is_left() {
    let (above, below) = (Counting::serve().await, Counting::serve().await);
    let client = in_turn().endpoints([below.endpoint().tier(1), above.endpoint()]).build().unwrap();
    for _ in 0..10 {
        client.call::<u32>("count", ()).await.unwrap();
    }
    assert_eq!((above.calls(), below.calls()), (10, 0));
    let client = in_turn().endpoints([below.endpoint().tier(1), endpoint(refusing())]).build().unwrap();
    for _ in 0..10 {
        client.call::<u32>("count", ()).await.unwrap();
    }
    assert_eq!(below.calls(), 10);
}

#[tokio::test]
async fn endpoint_that_fails_gets_no_calls_until_it_has_recovered() {
    let failing = Peer::start(|_| Answer::Bytes(http("500 Internal Server Error", &[], ""))).await;
    let healthy = Counting::serve().await;
    let client = in_turn()
        .endpoints([Endpoint::new(failing.url()), healthy.endpoint()])
        .retry(Retry::exponential().base(Duration::from_millis(1)))
        .retry_budget(RetryBudget::unlimited())
        .circuit_breaker(CircuitBreaker::default().open_time(Duration::from_secs(3600)).max_open_time(Duration::MAX))
        .build()
        .unwrap();
    for _ in 0..50 {
        client.call::<u32>("count", ()).readonly().await.unwrap();
    }
    assert_eq!((healthy.calls(), failing.requests().len()), (50, 5));
    let states: Vec<_> = client.endpoints().iter().map(|endpoint| (endpoint.circuit(), endpoint.is_usable())).collect();
    assert_eq!(states, [(CircuitState::Open, false), (CircuitState::Closed, true)]);
}

#[tokio::test]
async fn failed_endpoint_is_tested_by_single_calls_and_used_again() {
    let is_down = Arc::new(AtomicBool::new(true));
    let down = Arc::clone(&is_down);
    let peer = Peer::start(move |request| {
        let (status, body) = match down.load(Ordering::Relaxed) {
            true => ("500 Internal Server Error", String::new()),
            false => ("200 OK", result(&request.id(), 0)),
        };
        Answer::Bytes(http(status, &[], &body))
    })
    .await;
    let healthy = Counting::serve().await;
    let client = in_turn()
        .endpoints([Endpoint::new(peer.url()), healthy.endpoint()])
        .retry(Retry::exponential().base(Duration::from_millis(1)))
        .retry_budget(RetryBudget::unlimited())
        .circuit_breaker(CircuitBreaker::default().open_time(Duration::from_millis(1)))
        .build()
        .unwrap();
    let state = || client.endpoints()[0].circuit();
    let call = || client.call::<u32>("count", ()).readonly().into_future();
    while state() == CircuitState::Closed {
        call().await.unwrap();
    }
    is_down.store(false, Ordering::Relaxed);
    while state() != CircuitState::Closed {
        call().await.unwrap();
    }
    let before = healthy.calls();
    for _ in 0..10 {
        call().await.unwrap();
    }
    assert_eq!(healthy.calls() - before, 5);
}

#[tokio::test]
async fn half_of_the_endpoints_stay_usable_when_all_fail() {
    let failing = Peer::start(|_| Answer::Bytes(http("500 Internal Server Error", &[], ""))).await;
    let client = in_turn()
        .endpoints(vec![failing.url(); 5])
        .retry(Retry::never())
        .circuit_breaker(CircuitBreaker::default().open_time(Duration::from_secs(3600)).max_open_time(Duration::MAX))
        .build()
        .unwrap();
    for _ in 0..50 {
        client.call::<u32>("count", ()).readonly().await.unwrap_err();
    }
    let endpoints = client.endpoints();
    assert!(endpoints.iter().all(|endpoint| endpoint.circuit() == CircuitState::Open));
    assert_eq!(endpoints.iter().filter(|endpoint| endpoint.is_usable()).count(), 3);
}
