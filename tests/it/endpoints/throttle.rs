//! A client that rejects calls itself while servers refuse most of them.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::time::Duration;

use rpc::auth::Denied;
use rpc::{Client, ClientBuilder, Error, ErrorKind, Outcome, RequestContext, Retry, RetryBudget, Server, Throttle};
use support::raw_http::TEST_TIMEOUT;
use support::{Answer, Peer, Received, client_of, error, http, refusing, result, serve};
use tokio::time::timeout;

use super::{Counting, endpoint, in_turn};
use crate::telemetry::capture::{Counter, Metrics};

/// Refuses a call as an overloaded server of this framework does.
fn overloaded(call: &Received) -> Vec<u8> {
    http("503 Service Unavailable", &["rpc-refused: all"], &error(&call.id(), -32092, ""))
}

fn too_many_requests(_: &Received) -> Vec<u8> {
    http("429 Too Many Requests", &[], "")
}

fn throttled(peer: &Peer) -> ClientBuilder {
    peer.builder().throttle(Throttle::default())
}

async fn call(client: &Client) -> Result<u32, Error> {
    client.call("count", ()).readonly().await
}

fn is_throttled(error: &Error) -> bool {
    error.kind() == ErrorKind::Throttled
}

#[tokio::test]
async fn server_that_refuses_all_calls_gets_far_fewer_of_them() {
    for refuse in [overloaded, too_many_requests] {
        let peer = Peer::start(move |call| Answer::Bytes(refuse(call))).await;
        let client = throttled(&peer).build().unwrap();
        let mut rejected = 0;
        for _ in 0..1000 {
            let error = call(&client).await.unwrap_err();
            if is_throttled(&error) {
                rejected += 1;
                assert_eq!((error.outcome(), error.attempts().len()), (Outcome::NotSent, 0));
                assert!(error.to_string().contains("throttle"), "{error}");
            }
        }
        let sent = peer.requests().len();
        assert_eq!(sent, 1000 - rejected);
        // 10, and then one in ten.
        assert!((50..250).contains(&sent), "{sent}");
    }
}

#[tokio::test]
async fn client_without_the_setting_sends_all_calls() {
    let peer = Peer::start(|call| Answer::Bytes(overloaded(call))).await;
    let client = peer.client();
    for _ in 0..100 {
        assert!(!is_throttled(&call(&client).await.unwrap_err()));
    }
    assert_eq!(peer.requests().len(), 100);
}

#[tokio::test]
async fn client_sends_all_calls_again_once_the_server_accepts_them() {
    let accepts = Arc::new(AtomicBool::new(false));
    let accepting = Arc::clone(&accepts);
    let peer = Peer::start(move |call| {
        let answer = http("200 OK", &[], &result(&call.id(), 7));
        Answer::Bytes(if accepting.load(Ordering::Relaxed) { answer } else { overloaded(call) })
    });
    let throttle = Throttle::default().window(Duration::from_millis(200));
    let client = peer.await.builder().throttle(throttle).build().unwrap();
    while !is_throttled(&call(&client).await.unwrap_err()) {}
    accepts.store(true, Ordering::Relaxed);
    let mut in_a_row = 0;
    let recovery = async {
        while in_a_row < 100 {
            in_a_row = if call(&client).await.is_ok() { in_a_row + 1 } else { 0 };
            // A rejected call never waits. Others need the thread as well.
            tokio::task::yield_now().await;
        }
    };
    timeout(TEST_TIMEOUT, recovery).await.expect("the client recovers");
}

#[tokio::test]
async fn rejected_retry_ends_the_call_with_its_last_result_and_takes_nothing_from_the_budget() {
    const BUDGET: u32 = 50;
    let peer = Peer::start(|call| Answer::Bytes(overloaded(call))).await;
    let retries = Arc::new(AtomicU32::new(0));
    let counted = Arc::clone(&retries);
    let budget = RetryBudget::new(BUDGET).per_second(1e9).per_success(0.0).refill_every(Duration::MAX);
    let client = throttled(&peer)
        .retry(Retry::exponential().base(Duration::ZERO))
        .retry_budget(budget)
        .on_attempt(move |event| {
            counted.fetch_add(u32::from(event.attempt.number > 1), Ordering::Relaxed);
        })
        .build()
        .unwrap();
    let (mut ended_early, mut calls) = (0, 0);
    let spend = async {
        while retries.load(Ordering::Relaxed) < BUDGET {
            let error = call(&client).await.unwrap_err();
            calls += 1;
            if !is_throttled(&error) && error.attempts().len() < 3 {
                assert_eq!((error.kind(), error.outcome()), (ErrorKind::Unavailable, Outcome::Refused));
                ended_early += 1;
            }
        }
    };
    // Each retry that the budget allowed was sent, although the throttle rejected many more.
    timeout(TEST_TIMEOUT, spend).await.expect("all of the budget can be used");
    assert!(ended_early > 10, "{ended_early} of {calls}");
}

#[tokio::test]
async fn calls_of_a_batch_are_rejected_together() {
    let peer = Peer::start(|batch| {
        let answers: Vec<_> = batch.ids().iter().map(|id| error(id, -32092, "")).collect();
        Answer::Bytes(http("200 OK", &["rpc-refused: all"], &format!("[{}]", answers.join(","))))
    });
    let peer = peer.await;
    let client = throttled(&peer).build().unwrap();
    let mut sent = 0;
    for _ in 0..200 {
        let batch = client.batch([(); 5].map(|()| client.call::<u32>("count", ()).readonly())).await;
        match batch {
            Ok(results) => {
                sent += 1;
                assert!(results.iter().all(|result| !is_throttled(result.as_ref().unwrap_err())));
            }
            Err(failure) => {
                assert_eq!((failure.kind(), failure.outcome()), (ErrorKind::Throttled, Outcome::NotSent));
            }
        }
    }
    // Two batches are ten requests.
    assert!((2..100).contains(&sent), "{sent}");
    assert!(peer.requests().iter().all(|request| request.ids().len() == 5));
    assert_eq!(peer.requests().len(), sent);
}

#[tokio::test]
async fn call_that_fails_over_is_not_counted() {
    let (server, dead) = (Counting::serve().await, refusing());
    let client = in_turn()
        .endpoints([endpoint(dead), server.endpoint()])
        .circuit_breaker(None)
        .throttle(Throttle::default().requests_per_accept(1.0).min_requests(1))
        .build()
        .unwrap();
    for _ in 0..200 {
        client.call::<u32>("count", ()).await.unwrap();
    }
    assert_eq!(server.calls(), 200);
}

#[tokio::test]
async fn refusals_because_of_the_caller_are_not_counted() {
    let server = Server::builder()
        .method("count", || async { 7 })
        .authenticate(|_: Arc<RequestContext>| async { Err(Denied::unauthenticated("no token")) })
        .build();
    let client = Client::builder()
        .endpoint(format!("http://{}", serve(&server).await))
        .throttle(Throttle::default().min_requests(1))
        .build()
        .unwrap();
    for _ in 0..100 {
        let error = call(&client).await.unwrap_err();
        assert_eq!((error.kind(), error.outcome()), (ErrorKind::Authentication, Outcome::Refused));
    }
}

#[tokio::test]
async fn rejected_call_with_a_redeemed_ticket_keeps_its_unknown_outcome() {
    let issuer = client_of(&Server::builder().method("pay", |(_,): (u64,)| async { 7 }).build()).await;
    let ticket = issuer.call::<u64>("pay", [4200]).ticket().await.unwrap();
    let client = Client::builder().endpoint(format!("http://{}", refusing())).retry(Retry::never());
    let client = client.throttle(Throttle::default()).build().unwrap();
    let redeem = || client.call::<u64>("pay", [4200]).redeem(ticket.clone());
    let rejected = async {
        loop {
            let error = redeem().await.unwrap_err();
            if is_throttled(&error) {
                break error;
            }
        }
    };
    let error = timeout(TEST_TIMEOUT, rejected).await.expect("the client rejects calls");
    assert_eq!(error.outcome(), Outcome::Unknown);
}

#[tokio::test]
async fn rejected_calls_and_retries_are_counted_and_are_no_attempts() {
    let metrics = Metrics::begin();
    let peer = Peer::start(|call| Answer::Bytes(overloaded(call))).await;
    let client = throttled(&peer).telemetry(rpc::Telemetry::default()).build().unwrap();
    let mut rejected = 0;
    for _ in 0..100 {
        rejected += u64::from(is_throttled(&call(&client).await.unwrap_err()));
    }
    let count = |name: &str| metrics.now().get(name).cloned();
    assert_eq!(count("rpc.client.throttled{}"), Some(Counter(rejected)));
    assert_eq!(count("rpc.client.attempts{outcome=refused}"), Some(Counter(100 - rejected)));
}

#[tokio::test]
async fn clones_and_pinned_clients_share_the_throttle() {
    let peer = Peer::start(|call| Answer::Bytes(overloaded(call))).await;
    let client = throttled(&peer).build().unwrap();
    while !is_throttled(&call(&client).await.unwrap_err()) {}
    let others = [client.clone(), client.pinned()];
    for other in others {
        let mut rejected = 0;
        for _ in 0..9 {
            rejected += u32::from(is_throttled(&call(&other).await.unwrap_err()));
        }
        // Alone, no client rejects one of its first ten calls.
        assert!(rejected > 0);
    }
}
