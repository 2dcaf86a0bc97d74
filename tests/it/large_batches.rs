//! Batches with more entries than a request may have.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use bytes::Bytes;
use rpc::transport::{Reply, Request, Transport};
use rpc::{BoxFuture, Call, Client, Error, Failure, Outcome, Retry, Server};
use serde_json::Value;
use support::{Answer, Peer, Received, array, http, result};
use tokio::time::{Instant, sleep};
use uuid::Uuid;

/// Returns a client of a server with default limits, and the notifications that the server has received.
async fn echo() -> (Client, Arc<Mutex<Vec<u64>>>) {
    let notes = Arc::new(Mutex::new(Vec::new()));
    let noted = Arc::clone(&notes);
    let server = Server::builder()
        .method("echo", |(n,): (u64,)| async move { n })
        .method("note", move |(n,): (u64,)| {
            noted.lock().unwrap().push(n);
            async {}
        })
        .build();
    let url = format!("http://{}", support::serve(&server).await);
    (Client::new(url).unwrap(), notes)
}

#[tokio::test]
async fn a_batch_over_the_servers_limit_is_answered_entry_by_entry_and_in_order() {
    let (client, notes) = echo().await;
    let calls = (0..3000).map(|n| client.call::<u64>("echo", [n])).collect::<Vec<_>>();
    let note = |n| client.notify("note", [n]);
    let (first, answers, last) = client.batch((note(1), calls, note(2))).await.unwrap();
    first.unwrap();
    last.unwrap();
    assert!(answers.into_iter().map(Result::unwrap).eq(0..3000));
    let mut notes = notes.lock().unwrap().clone();
    notes.sort_unstable();
    assert_eq!(notes, [1, 2]);
}

fn seven(batch: &Received) -> Answer {
    http("200 OK", &[], &array(batch.ids().iter().filter(|id| !id.is_null()).map(|id| result(id, 7)))).into()
}

fn look(client: &Client) -> Call<u8> {
    client.call("look", ()).readonly()
}

fn sizes(peer: &Peer) -> Vec<usize> {
    let mut sizes: Vec<usize> = peer.requests().iter().map(|request| request.methods().len()).collect();
    sizes.sort_unstable();
    sizes
}

#[tokio::test]
async fn no_request_has_more_entries_than_are_set() {
    for (most, expected) in [(10, &[5, 10, 10][..]), (24, &[1, 24]), (25, &[25]), (26, &[25])] {
        let peer = Peer::start(seven).await;
        let client = peer.builder().max_batch_entries(most).build().unwrap();
        let answers = client.batch((0..25).map(|_| look(&client)).collect::<Vec<_>>()).await.unwrap();
        assert!(answers.iter().all(|answer| *answer.as_ref().unwrap() == 7));
        assert_eq!(sizes(&peer), expected, "{most}");
    }
}

#[tokio::test]
async fn entries_with_headers_of_their_own_fill_requests_of_their_own() {
    let peer = Peer::start(seven).await;
    let client = peer.builder().max_batch_entries(10).build().unwrap();
    let of_tenant = |n| look(&client).header("x-tenant", if n % 5 == 0 { "a" } else { "b" });
    let answers = client.batch((0..55).map(of_tenant).collect::<Vec<_>>()).await.unwrap();
    assert!(answers.iter().all(|answer| *answer.as_ref().unwrap() == 7));
    assert_eq!(sizes(&peer), [1, 4, 10, 10, 10, 10, 10]);
}

#[tokio::test]
async fn a_limit_of_0_counts_as_1() {
    let peer = Peer::start(seven).await;
    let client = peer.builder().max_batch_entries(0).build().unwrap();
    let [a, b] = client.batch([look(&client), look(&client)]).await.unwrap();
    assert_eq!((a.unwrap(), b.unwrap()), (7, 7));
    assert_eq!(sizes(&peer), [1, 1]);
}

#[tokio::test]
async fn the_same_key_twice_is_found_in_different_requests() {
    let peer = Peer::start(seven).await;
    let client = peer.builder().max_batch_entries(2).build().unwrap();
    let key = Uuid::now_v7();
    let mut calls = (0..6).map(|_| look(&client)).collect::<Vec<_>>();
    calls[0] = client.call("pay", ()).idempotency_key(key);
    calls[5] = client.call("pay", ()).idempotency_key(key);
    let answers = client.batch(calls).await.unwrap();
    for (place, answer) in answers.iter().enumerate() {
        match (place, answer) {
            (0 | 5, Err(Error::Failure(failure))) => assert_eq!(failure.outcome(), Outcome::NotSent),
            (1..=4, Ok(7)) => {}
            (place, answer) => panic!("{place}: {answer:?}"),
        }
    }
    assert_eq!(sizes(&peer), [2, 2]);
}

#[tokio::test]
async fn only_the_request_that_failed_goes_again() {
    let count = AtomicUsize::new(0);
    let answer = move |batch: &Received| match count.fetch_add(1, Ordering::Relaxed) {
        1 => Answer::Bytes(Vec::new()),
        _ => seven(batch),
    };
    let peer = Peer::start(answer).await;
    let retry = Retry::exponential().base(Duration::from_millis(1));
    let client = Client::builder().endpoint(peer.url()).max_batch_entries(3).retry(retry).build().unwrap();
    let answers = client.batch((0..9).map(|_| look(&client)).collect::<Vec<_>>()).await.unwrap();
    assert!(answers.iter().all(|answer| *answer.as_ref().unwrap() == 7));
    assert_eq!(sizes(&peer), [3; 4]);
}

#[tokio::test]
async fn nothing_sent_is_the_failure_of_the_whole_batch() {
    let client = Client::builder().endpoint("http://127.0.0.1:1").max_batch_entries(2).retry(Retry::never());
    let client = client.build().unwrap();
    let failure = client.batch((0..5).map(|_| look(&client)).collect::<Vec<_>>()).await.unwrap_err();
    assert!(failure.is_connect() && failure.outcome() == Outcome::NotSent, "{failure:?}");
}

/// Answers each request after a second.
#[derive(Clone, Debug, Default)]
struct Slow(Arc<Seen>);

/// What the transport has recorded.
#[derive(Debug, Default)]
struct Seen {
    under_way: AtomicUsize,
    most: AtomicUsize,
    /// The time limit of each request, in milliseconds.
    given: Mutex<Vec<u64>>,
}

impl Transport for Slow {
    fn send(&self, request: Request) -> BoxFuture<Result<Reply, Failure>> {
        let given = request.headers["rpc-timeout-ms"].to_str().unwrap().parse().unwrap();
        self.0.given.lock().unwrap().push(given);
        let slow = Arc::clone(&self.0);
        Box::pin(async move {
            let under_way = slow.under_way.fetch_add(1, Ordering::Relaxed) + 1;
            slow.most.fetch_max(under_way, Ordering::Relaxed);
            sleep(Duration::from_secs(1)).await;
            slow.under_way.fetch_sub(1, Ordering::Relaxed);
            let batch: Vec<Value> = serde_json::from_slice(&request.body).unwrap();
            Ok(Reply::new(Bytes::from(array(batch.iter().map(|call| result(&call["id"], 7))))))
        })
    }
}

#[tokio::test(start_paused = true)]
async fn four_requests_of_a_batch_are_under_way_at_a_time() {
    let slow = Slow::default();
    let client = Client::builder().transport(slow.clone()).max_batch_entries(5).build().unwrap();
    let begun = Instant::now();
    let answers = client.batch((0..100).map(|_| look(&client)).collect::<Vec<_>>()).await.unwrap();
    assert!(answers.iter().all(|answer| *answer.as_ref().unwrap() == 7));
    assert_eq!((slow.0.most.load(Ordering::Relaxed), begun.elapsed()), (4, Duration::from_secs(5)));
}

#[tokio::test(start_paused = true)]
async fn the_deadline_of_a_batch_is_that_of_all_its_requests() {
    let slow = Slow::default();
    let client = Client::builder().transport(slow.clone()).max_batch_entries(1).retry(Retry::never());
    let client = client.build().unwrap();
    let begun = Instant::now();
    let calls = (0..16).map(|_| look(&client)).collect::<Vec<_>>();
    let answers = client.batch(calls).deadline(Duration::from_millis(2500)).await.unwrap();
    assert_eq!(begun.elapsed(), Duration::from_millis(2500));
    let outcome = |answer: &Result<u8, Error>| answer.as_ref().err().map_or(Outcome::Executed, Error::outcome);
    let outcomes: Vec<Outcome> = answers.iter().map(outcome).collect();
    assert_eq!(outcomes[..8], [Outcome::Executed; 8]);
    assert_eq!(outcomes[8..12], [Outcome::Unknown; 4]);
    assert_eq!(outcomes[12..], [Outcome::NotSent; 4]);
    assert_eq!(*slow.0.given.lock().unwrap(), [[2500; 4], [1500; 4], [500; 4]].concat());
}
