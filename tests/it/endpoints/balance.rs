//! Which endpoint gets an attempt while all are healthy.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use bytes::Bytes;
use rpc::transport::{Reply, Request, Transport};
use rpc::{Balance, Balancer, BoxFuture, Candidates, Client, Endpoint, EndpointState, Failure, Server};
use serde_json::Value;
use support::{result, serve};
use tokio::sync::Notify;

use super::{Counting, endpoint, in_turn};

async fn three() -> [Counting; 3] {
    [Counting::serve().await, Counting::serve().await, Counting::serve().await]
}

async fn call(client: &Client, times: u32) {
    for _ in 0..times {
        client.call::<u32>("count", ()).await.unwrap();
    }
}

#[tokio::test]
async fn round_robin_uses_endpoints_in_turn() {
    let servers = three().await;
    let client = in_turn().endpoints(servers.each_ref().map(Counting::endpoint)).build().unwrap();
    call(&client, 30).await;
    assert_eq!(servers.each_ref().map(Counting::calls), [10, 10, 10]);
}

#[tokio::test]
async fn random_policies_use_endpoints_in_proportion() {
    for (balance, expected) in [(Balance::random(), [500.0, 500.0]), (Balance::weighted(), [250.0, 750.0])] {
        let servers = [Counting::serve().await, Counting::serve().await];
        let [one, three] = servers.each_ref().map(Counting::endpoint);
        let client = Client::builder().balance(balance).endpoints([one, three.weight(3)]).build().unwrap();
        call(&client, 1000).await;
        for (server, expected) in servers.iter().zip(expected) {
            // Six standard deviations: the test fails once in 10^9 runs.
            let (calls, deviation) = (f64::from(server.calls()), (250.0_f64).sqrt());
            assert!((calls - expected).abs() < 6.0 * deviation, "{calls} {expected}");
        }
    }
}

#[tokio::test]
async fn least_requests_avoids_the_endpoint_that_is_busy() {
    let (held, begun) = (Arc::new(Notify::new()), Arc::new(Notify::new()));
    let (hold, begin) = (Arc::clone(&held), Arc::clone(&begun));
    let slow = Server::builder().method("count", move || {
        let (hold, begin) = (Arc::clone(&hold), Arc::clone(&begin));
        async move {
            begin.notify_one();
            hold.notified().await;
            0_u32
        }
    });
    let slow = serve(&slow.build()).await;
    let fast = Counting::serve().await;
    let client = Client::builder()
        .balance(Balance::least_requests())
        .endpoints([endpoint(slow), fast.endpoint()])
        .build()
        .unwrap();
    // One call at a time, until one is held.
    let calling = loop {
        let call = tokio::spawn(client.call::<u32>("count", ()).into_future());
        tokio::select! {
            () = begun.notified() => break call,
            () = async { while !call.is_finished() { tokio::task::yield_now().await } } => {}
        }
    };
    let before = fast.calls();
    call(&client, 100).await;
    assert_eq!(fast.calls() - before, 100);
    assert_eq!(client.endpoints().iter().map(|endpoint| endpoint.pending()).collect::<Vec<_>>(), [1, 0]);
    held.notify_one();
    calling.await.unwrap().unwrap();
    assert_eq!(client.endpoints()[0].pending(), 0);
}

#[tokio::test]
async fn dropped_call_is_not_pending() {
    let silent = support::Peer::silent().await;
    let client = in_turn().endpoints([silent.url(), silent.url()]).build().unwrap();
    let pending = || client.endpoints().iter().map(|endpoint| endpoint.pending()).sum::<u32>();
    let mut call = Box::pin(client.call::<u32>("count", ()).into_future());
    tokio::select! {
        biased;
        answer = &mut call => panic!("nobody answers: {answer:?}"),
        () = async { while pending() == 0 { tokio::task::yield_now().await } } => {}
    }
    drop(call);
    assert_eq!(pending(), 0);
}

/// A server that answers each call after a time.
#[derive(Debug)]
struct Timed {
    takes: Duration,
    calls: Arc<AtomicU32>,
}

impl Timed {
    fn new(milliseconds: u64) -> Self {
        Self { takes: Duration::from_millis(milliseconds), calls: Arc::default() }
    }
}

impl Transport for Timed {
    fn send(&self, request: Request) -> BoxFuture<Result<Reply, Failure>> {
        self.calls.fetch_add(1, Ordering::Relaxed);
        let (takes, call) = (self.takes, serde_json::from_slice::<Value>(&request.body).unwrap());
        Box::pin(async move {
            tokio::time::sleep(takes).await;
            Ok(Reply::new(Bytes::from(result(&call["id"], 0))))
        })
    }
}

#[tokio::test(start_paused = true)]
async fn peak_ewma_avoids_the_endpoint_that_is_slow() {
    let servers = [50, 1, 1].map(Timed::new);
    let slow = Arc::clone(&servers[0].calls);
    let client = Client::builder().endpoints(servers.map(Endpoint::transport)).build().unwrap();
    call(&client, 300).await;
    // The clock is paused, so the calls take less than the average's decay.
    let slow = slow.load(Ordering::Relaxed);
    assert!(slow < 10, "{slow} of 300 calls went to the slow endpoint");
}

/// Sends everything to the last candidate.
#[derive(Debug)]
struct Last;

impl Balancer for Last {
    fn choose<'a>(&self, candidates: &Candidates<'a>) -> &'a Arc<EndpointState> {
        candidates.iter().last().unwrap()
    }
}

#[tokio::test]
async fn balancer_of_the_users_own_chooses() {
    let servers = three().await;
    let endpoints = servers.each_ref().map(Counting::endpoint);
    let client = Client::builder().endpoints(endpoints).balance(Balance::custom(Last)).build().unwrap();
    call(&client, 5).await;
    assert_eq!(servers.each_ref().map(Counting::calls), [0, 0, 5]);
}
