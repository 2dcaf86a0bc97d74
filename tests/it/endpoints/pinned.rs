//! A pinned client: all of its calls go to one endpoint.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::time::Duration;

use rpc::client_middleware::BoxError;
use rpc::{CircuitBreaker, CircuitState, Client, Credential, Endpoint, Outcome, Retry, RetryBudget};
use support::{Answer, Peer, http, refusing, result};

use super::{Counting, endpoint, in_turn};

async fn call(client: &Client, times: u32) {
    for _ in 0..times {
        client.call::<u32>("count", ()).await.unwrap();
    }
}

#[tokio::test]
async fn first_call_of_a_pinned_client_chooses_the_endpoint_of_all() {
    let servers = [Counting::serve().await, Counting::serve().await];
    let client = in_turn().endpoints(servers.each_ref().map(Counting::endpoint)).build().unwrap();
    let (one, other) = (client.pinned(), client.pinned());
    call(&one, 1).await;
    call(&other, 1).await;
    assert_eq!(servers.each_ref().map(Counting::calls), [1, 1]);
    call(&one.clone(), 4).await;
    let batch = one.batch([one.call::<u32>("count", ()), one.call("count", ())]).await.unwrap();
    assert!(batch.iter().all(Result::is_ok));
    let mut calls = servers.each_ref().map(Counting::calls);
    calls.sort_unstable();
    assert_eq!(calls, [1, 7]);
    // The client itself still uses both.
    call(&client, 2).await;
    let mut calls = servers.each_ref().map(Counting::calls);
    calls.sort_unstable();
    assert_eq!(calls, [2, 8]);
}

#[tokio::test]
async fn call_of_a_pinned_client_does_not_fail_over() {
    let (dead, server) = (refusing(), Counting::serve().await);
    let client = in_turn()
        .endpoints([endpoint(dead), server.endpoint().tier(1)])
        .retry(Retry::exponential().base(Duration::from_millis(1)).max_attempts(2))
        .build()
        .unwrap();
    let pinned = client.pinned();
    for _ in 0..10 {
        let error = pinned.call::<u32>("count", ()).await.unwrap_err();
        assert_eq!(error.outcome(), Outcome::NotSent);
        let ports: Vec<_> = error.attempts().iter().map(|attempt| attempt.endpoint.as_ref().unwrap().port).collect();
        assert_eq!(ports, [dead.port(); 2]);
    }
    assert_eq!(server.calls(), 0);
    call(&client, 1).await;
    assert_eq!(server.calls(), 1);
}

#[tokio::test]
async fn pinned_client_uses_its_endpoint_while_the_circuit_is_open() {
    let is_down = Arc::new(AtomicBool::new(false));
    let down = Arc::clone(&is_down);
    let peer = Peer::start(move |request| {
        let (status, body) = match down.load(Ordering::Relaxed) {
            true => ("500 Internal Server Error", String::new()),
            false => ("200 OK", result(&request.id(), 0)),
        };
        Answer::Bytes(http(status, &[], &body))
    })
    .await;
    let other = Counting::serve().await;
    let client = in_turn()
        .endpoints([Endpoint::new(peer.url()), other.endpoint().tier(1)])
        .retry(Retry::exponential().base(Duration::from_millis(1)))
        .retry_budget(RetryBudget::unlimited())
        .circuit_breaker(CircuitBreaker::default().open_time(Duration::from_secs(3600)).max_open_time(Duration::MAX))
        .build()
        .unwrap();
    let pinned = client.pinned();
    call(&pinned, 1).await;
    is_down.store(true, Ordering::Relaxed);
    // The calls of the pinned client count as well.
    while client.endpoints()[0].circuit() == CircuitState::Closed {
        pinned.call::<u32>("count", ()).readonly().await.unwrap_err();
    }
    is_down.store(false, Ordering::Relaxed);
    call(&pinned, 1).await;
    assert_eq!(other.calls(), 0);
    call(&client, 1).await;
    assert_eq!(other.calls(), 1);
}

#[tokio::test]
async fn pinned_client_shares_credentials() {
    let fetched = Arc::new(AtomicU32::new(0));
    let counted = Arc::clone(&fetched);
    let server = Counting::serve().await;
    let client = in_turn()
        .endpoints([server.endpoint(), server.endpoint()])
        .credentials(move || {
            counted.fetch_add(1, Ordering::Relaxed);
            async { Ok::<_, BoxError>(Credential::bearer("secret")) }
        })
        .build()
        .unwrap();
    call(&client.pinned(), 1).await;
    call(&client, 1).await;
    assert_eq!(fetched.load(Ordering::Relaxed), 1);
}

#[tokio::test]
async fn pinned_client_closes_the_circuit_of_its_endpoint() {
    let is_down = Arc::new(AtomicBool::new(false));
    let down = Arc::clone(&is_down);
    let peer = Peer::start(move |request| {
        let (status, body) = match down.load(Ordering::Relaxed) {
            true => ("500 Internal Server Error", String::new()),
            false => ("200 OK", result(&request.id(), 0)),
        };
        Answer::Bytes(http(status, &[], &body))
    })
    .await;
    let other = Counting::serve().await;
    let client = in_turn()
        .endpoints([Endpoint::new(peer.url()), other.endpoint().tier(1)])
        .retry(Retry::never())
        .circuit_breaker(CircuitBreaker::default().open_time(Duration::from_millis(1)))
        .build()
        .unwrap();
    let pinned = client.pinned();
    call(&pinned, 1).await;
    is_down.store(true, Ordering::Relaxed);
    let state = || client.endpoints()[0].circuit();
    while state() == CircuitState::Closed {
        pinned.call::<u32>("count", ()).await.unwrap_err();
    }
    is_down.store(false, Ordering::Relaxed);
    while state() != CircuitState::Closed {
        let _ = pinned.call::<u32>("count", ()).await;
    }
}
