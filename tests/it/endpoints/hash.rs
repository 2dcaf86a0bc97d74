//! Hash balancing: calls with the same hash key go to the same endpoint.

use std::fmt::Debug;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use rpc::client_middleware::{Next, Request, from_fn};
use rpc::{
    Balance, Balancer, Candidates, CircuitBreaker, CircuitState, Client, ClientBuilder, Endpoint, EndpointState,
    RawCall, Retry, RetryBudget,
};
use support::{Answer, Peer, array, http, result};
use tower::ServiceExt;

use super::Counting;

async fn three() -> [Counting; 3] {
    [Counting::serve().await, Counting::serve().await, Counting::serve().await]
}

fn hashing(servers: &[Counting]) -> ClientBuilder {
    Client::builder().balance(Balance::hash()).endpoints(servers.iter().map(Counting::endpoint))
}

/// Sends a request. Returns how many calls each server got.
async fn calls_of<T, E: Debug>(servers: &[Counting; 3], request: impl IntoFuture<Output = Result<T, E>>) -> [u32; 3] {
    let before = servers.each_ref().map(Counting::calls);
    request.await.unwrap();
    let after = servers.each_ref().map(Counting::calls);
    [0, 1, 2].map(|index| after[index] - before[index])
}

fn keys() -> impl Iterator<Item = String> {
    (0..24).map(|number| format!("user-{number}"))
}

#[tokio::test]
async fn all_kinds_of_calls_with_the_same_key_go_to_the_same_endpoint() {
    let servers = three().await;
    let client = hashing(&servers).build().unwrap();
    let call = || client.call::<u32>("count", ());
    let mut used = [0; 3];
    for key in keys() {
        let first = calls_of(&servers, call().hash_key(&key)).await;
        assert_eq!(calls_of(&servers, call().hash_key(key.as_bytes())).await, first);
        assert_eq!(calls_of(&servers, call().hash_key(&key).notify()).await, first);
        assert_eq!(calls_of(&servers, client.notify("count", ()).hash_key(&key)).await, first);
        assert_eq!(
            calls_of(&servers, client.batch((call(), call().hash_key(&key))).hash_key(&key)).await,
            double(first)
        );
        let raw = client.clone().oneshot(RawCall::new("count").hash_key(&key));
        assert_eq!(calls_of(&servers, raw).await, first);
        used = [0, 1, 2].map(|index| used[index] + first[index]);
    }
    // The ports differ in each run. All 24 keys have the same endpoint once in 10^11 runs.
    assert!(used.iter().filter(|used| **used > 0).count() > 1, "{used:?}");
}

fn double(calls: [u32; 3]) -> [u32; 3] {
    calls.map(|calls| 2 * calls)
}

#[tokio::test]
async fn calls_of_a_batch_go_to_the_endpoints_of_their_keys() {
    let servers = three().await;
    let pass = from_fn(|request: Request, next: Next| next.run(request));
    for client in [hashing(&servers).build().unwrap(), hashing(&servers).layer(pass).build().unwrap()] {
        let call = |key: String| client.call::<u32>("count", ()).hash_key(key);
        let mut expected = [0; 3];
        for key in keys() {
            let calls = calls_of(&servers, call(key)).await;
            expected = [0, 1, 2].map(|index| expected[index] + calls[index]);
        }
        assert_eq!(calls_of(&servers, client.batch(keys().map(call).collect::<Vec<_>>())).await, expected);
        // The key of the batch is for calls without their own.
        let (own, of_batch) = (call("user-0".to_owned()), client.call::<u32>("count", ()));
        let [one, other] =
            [calls_of(&servers, call("user-0".to_owned())).await, calls_of(&servers, call("user-1".to_owned())).await];
        let both = calls_of(&servers, client.batch((own, of_batch)).hash_key("user-1")).await;
        assert_eq!(both, [0, 1, 2].map(|index| one[index] + other[index]));
    }
}

#[tokio::test]
async fn client_with_one_endpoint_does_not_divide_a_batch_by_keys() {
    let peer = Peer::answering(|request| array(request.ids().iter().map(|id| result(id, 0)))).await;
    let client = peer.builder().balance(Balance::hash()).build().unwrap();
    let calls = keys().map(|key| client.call::<u32>("count", ()).readonly().hash_key(key)).collect::<Vec<_>>();
    client.batch(calls).await.unwrap();
    assert_eq!(peer.requests().len(), 1);
}

#[tokio::test]
async fn ticket_is_issued_by_the_endpoint_of_the_key() {
    let servers = three().await;
    let client = hashing(&servers).build().unwrap();
    for key in keys() {
        let expected = calls_of(&servers, client.call::<u32>("count", ()).hash_key(&key)).await;
        let mut call = client.call::<u32>("count", ()).hash_key(&key);
        call.ticket().await.unwrap();
        assert_eq!(calls_of(&servers, call).await, expected);
    }
}

#[tokio::test]
async fn key_moves_to_its_second_endpoint_and_back_after_recovery() {
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
    let others = three().await;
    let client = Client::builder()
        .balance(Balance::hash())
        .endpoints(others.iter().map(Counting::endpoint).chain([Endpoint::new(peer.url())]))
        .retry(Retry::exponential().base(Duration::from_millis(1)))
        .retry_budget(RetryBudget::unlimited())
        .circuit_breaker(CircuitBreaker::default().open_time(Duration::from_millis(1)))
        .build()
        .unwrap();
    let state = || client.endpoints()[3].circuit();
    let call = |key: u32| client.call::<u32>("count", ()).readonly().hash_key(key.to_string()).into_future();
    let mut key = 0;
    while peer.requests().is_empty() {
        key += 1;
        call(key).await.unwrap();
    }
    let before = others.each_ref().map(Counting::calls);
    is_down.store(true, Ordering::Relaxed);
    while state() == CircuitState::Closed {
        call(key).await.unwrap();
    }
    is_down.store(false, Ordering::Relaxed);
    while state() != CircuitState::Closed {
        call(key).await.unwrap();
    }
    let after = others.each_ref().map(Counting::calls);
    assert_eq!(before.iter().zip(&after).filter(|(before, after)| before < after).count(), 1);
    let before = peer.requests().len();
    for _ in 0..10 {
        call(key).await.unwrap();
    }
    assert_eq!((peer.requests().len() - before, others.each_ref().map(Counting::calls)), (10, after));
}

/// Chooses by the remainder of the key's hash.
#[derive(Debug)]
struct Remainder;

impl Balancer for Remainder {
    fn choose<'a>(&self, candidates: &Candidates<'a>) -> &'a Arc<EndpointState> {
        let Some(key) = candidates.hash_key() else { return candidates.first() };
        candidates.at_or_after(usize::try_from(key % 3).unwrap())
    }
}

#[tokio::test]
async fn balancer_of_the_users_own_reads_the_hash_key() {
    let servers = three().await;
    let client = hashing(&servers).balance(Balance::custom(Remainder)).build().unwrap();
    let call = |key: &str| client.call::<u32>("count", ()).hash_key(key);
    assert_eq!(calls_of(&servers, client.call::<u32>("count", ())).await, [1, 0, 0]);
    // The hashes of these keys are constant.
    let [one, other] = [calls_of(&servers, call("user-0")).await, calls_of(&servers, call("user-1")).await];
    assert_ne!(one, other);
}
