//! How long a client waits before a retry, by a paused clock.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use http::{HeaderValue, StatusCode};
use rpc::transport::{Reply, Request, Transport};
use rpc::{BoxFuture, Client, ClientBuilder, Endpoint, Error, ErrorKind, Failure, Outcome, Retry};
use serde_json::{Value, json};
use tokio::time::Instant;

/// Refuses each request, with `Retry-After` if it is set. Records when requests arrive.
#[derive(Debug)]
struct Refusing {
    retry_after: Option<String>,
    came: Mutex<Vec<Instant>>,
}

impl Transport for Refusing {
    fn send(&self, _: Request) -> BoxFuture<Result<Reply, Failure>> {
        self.came.lock().unwrap().push(Instant::now());
        let mut reply = Reply::new(bytes::Bytes::new());
        reply.status = Some(StatusCode::SERVICE_UNAVAILABLE);
        reply.headers.insert("rpc-refused", HeaderValue::from_static("all"));
        if let Some(pause) = &self.retry_after {
            reply.headers.insert("retry-after", pause.parse().unwrap());
        }
        Box::pin(std::future::ready(Ok(reply)))
    }
}

/// Rejects each call with the rate limit error, which says when to retry.
#[derive(Debug)]
struct Limiting {
    retry_after_ms: u64,
    came: Mutex<Vec<Instant>>,
}

impl Transport for Limiting {
    fn send(&self, request: Request) -> BoxFuture<Result<Reply, Failure>> {
        self.came.lock().unwrap().push(Instant::now());
        let id = serde_json::from_slice::<Value>(&request.body).unwrap()["id"].take();
        let data = json!({ "retryAfterMs": self.retry_after_ms });
        let error = json!({ "code": -32099, "message": "Too many calls", "data": data });
        let answer = json!({ "jsonrpc": "2.0", "error": error, "id": id });
        let mut reply = Reply::new(bytes::Bytes::from(answer.to_string()));
        reply.status = Some(StatusCode::TOO_MANY_REQUESTS);
        reply.headers.insert("rpc-refused", HeaderValue::from_static("all"));
        reply.headers.insert("retry-after", (self.retry_after_ms.div_ceil(1000)).into());
        Box::pin(std::future::ready(Ok(reply)))
    }
}

/// Makes a call that is rate limited until it ends. Returns the delays between its attempts, and its whole time.
async fn pauses_where_limited(
    retry_after_ms: u64,
    build: fn(ClientBuilder) -> ClientBuilder,
) -> (Vec<Duration>, Duration) {
    let peer = Arc::new(Limiting { retry_after_ms, came: Mutex::default() });
    let client = build(Client::builder().deadline(seconds(60)).transport(Arc::clone(&peer))).build().unwrap();
    let start = Instant::now();
    let error = client.call::<Value>("any", ()).readonly().await.unwrap_err();
    assert_eq!(error.outcome(), Outcome::Refused);
    assert!(matches!(&error, Error::Failure(failure) if failure.kind() == ErrorKind::RateLimited), "{error:?}");
    let came = peer.came.lock().unwrap();
    (came.windows(2).map(|pair| pair[1] - pair[0]).collect(), start.elapsed())
}

/// Makes a call that is refused until it ends. Returns the delays between its attempts, and its whole time.
async fn pauses(retry_after: Option<&str>, build: fn(ClientBuilder) -> ClientBuilder) -> (Vec<Duration>, Duration) {
    let peer = Arc::new(Refusing { retry_after: retry_after.map(str::to_owned), came: Mutex::default() });
    let client = Client::builder().deadline(Duration::from_secs(60)).transport(Arc::clone(&peer));
    let client = build(client).build().unwrap();
    let start = Instant::now();
    let error = client.call::<Value>("any", ()).readonly().await.unwrap_err();
    assert_eq!(error.outcome(), Outcome::Refused);
    let came = peer.came.lock().unwrap();
    assert_eq!(error.attempts().len(), came.len());
    (came.windows(2).map(|pair| pair[1] - pair[0]).collect(), start.elapsed())
}

fn seconds(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

/// Asserts that a delay is as expected, or longer by at most the clock's resolution.
#[track_caller]
fn assert_near(pause: Duration, expected: Duration) {
    assert!((expected..=expected + Duration::from_millis(2)).contains(&pause), "{pause:?} instead of {expected:?}");
}

#[tokio::test(start_paused = true)]
async fn a_client_waits_as_long_as_a_server_asks_it_to() {
    let (pauses, _) = pauses(Some("7"), |client| client).await;
    assert_eq!(pauses.len(), 2);
    pauses.into_iter().for_each(|pause| assert_near(pause, seconds(7)));
}

#[tokio::test(start_paused = true)]
async fn a_client_waits_until_the_date_that_a_server_names_if_it_is_not_over_or_too_far() {
    let (far, _) = pauses(Some("Fri, 31 Dec 9999 23:59:59 GMT"), |client| client).await;
    assert_near(far[0], seconds(20));
    let (over, _) = pauses(Some("Sun, 06 Nov 1994 08:49:37 GMT"), |client| client).await;
    assert!(over.len() == 2 && over[0] <= Duration::from_millis(52), "{over:?}");
}

#[tokio::test(start_paused = true)]
async fn a_server_that_asks_for_too_much_is_granted_the_longest_pause() {
    let (by_default, _) = pauses(Some("3600"), |client| client).await;
    assert_near(by_default[0], seconds(20));
    let own = |client: ClientBuilder| client.retry(Retry::exponential().max_retry_after(seconds(2)));
    assert_near(pauses(Some("3600"), own).await.0[0], seconds(2));
}

#[tokio::test(start_paused = true)]
async fn a_server_that_asks_for_more_than_a_number_holds_is_granted_the_longest_pause_or_the_call_ends() {
    for asked in ["18446744073709551615", "18446744073709551616", "99999999999999999999999999999999"] {
        assert_near(pauses(Some(asked), |client| client).await.0[0], seconds(20));
        let own = |client: ClientBuilder| client.retry(Retry::exponential().max_retry_after(Duration::MAX));
        assert_eq!(pauses(Some(asked), own).await, (Vec::new(), Duration::ZERO));
    }
    let own = |client: ClientBuilder| client.retry(Retry::exponential().max_retry_after(Duration::MAX));
    assert_eq!(pauses_where_limited(u64::MAX, own).await, (Vec::new(), Duration::ZERO));
}

#[tokio::test(start_paused = true)]
async fn a_call_that_is_limited_comes_again_when_it_may() {
    let (pauses, _) = pauses_where_limited(6_300, |client| client).await;
    assert_eq!(pauses.len(), 2);
    pauses.into_iter().for_each(|pause| assert_near(pause, Duration::from_millis(6_300)));
}

#[tokio::test(start_paused = true)]
async fn a_call_that_is_limited_for_longer_than_it_may_wait_ends_at_once() {
    let (longest, _) = pauses_where_limited(20_000, |client| client).await;
    assert_near(longest[0], seconds(20));
    let ended = (Vec::new(), Duration::ZERO);
    assert_eq!(pauses_where_limited(20_001, |client| client).await, ended);
    assert_eq!(pauses_where_limited(7_000, |client| client.deadline(seconds(7))).await, ended);
    let own = |client: ClientBuilder| client.retry(Retry::exponential().max_retry_after(seconds(2)));
    assert_eq!(pauses_where_limited(2_001, own).await, ended);
}

#[tokio::test(start_paused = true)]
async fn a_call_whose_deadline_comes_before_the_pause_is_over_ends_at_once() {
    let (pauses, took) = pauses(Some("7"), |client| client.deadline(seconds(7))).await;
    assert_eq!((pauses, took), (Vec::new(), Duration::ZERO));
}

#[tokio::test(start_paused = true)]
async fn without_a_word_of_the_server_pauses_are_random_and_double_at_most() {
    let build = |client: ClientBuilder| {
        let retry = Retry::exponential().max_attempts(5).base(seconds(1)).cap(seconds(3));
        client.retry(retry).retry_budget(rpc::RetryBudget::unlimited())
    };
    let mut sums = [Duration::ZERO; 4];
    const CALLS: u32 = 200;
    for _ in 0..CALLS {
        let (pauses, _) = pauses(None, build).await;
        for ((sum, pause), longest) in sums.iter_mut().zip(pauses).zip([1, 2, 3, 3].map(seconds)) {
            assert!(pause <= longest + Duration::from_millis(2), "{pause:?} of {longest:?}");
            *sum += pause;
        }
    }
    // The average is about half of the maximum.
    for (sum, longest) in sums.into_iter().zip([1, 2, 3, 3].map(seconds)) {
        let average = sum / CALLS;
        assert!(average > longest * 3 / 10 && average < longest * 7 / 10, "{average:?} of {longest:?}");
    }
}

/// Never answers the first request. Answers later ones with an empty body.
#[derive(Debug, Default)]
struct HangsOnce(Mutex<Vec<Instant>>);

impl Transport for HangsOnce {
    fn send(&self, _: Request) -> BoxFuture<Result<Reply, Failure>> {
        let mut came = self.0.lock().unwrap();
        came.push(Instant::now());
        if came.len() == 1 {
            return Box::pin(std::future::pending());
        }
        Box::pin(std::future::ready(Ok(Reply::new(bytes::Bytes::new()))))
    }
}

#[tokio::test(start_paused = true)]
async fn a_batch_that_hangs_goes_again_once_it_is_the_turn_of_all_its_entries() {
    let peer = Arc::new(HangsOnce::default());
    let client = Client::builder().deadline(seconds(60)).transport(Arc::clone(&peer)).build().unwrap();
    let calls = (0..50).map(|number| client.call::<Value>("any", [number]).readonly()).collect::<Vec<_>>();
    client.batch(calls).retry(Retry::exponential().max_attempts(2)).await.unwrap();
    let came = peer.0.lock().unwrap();
    // A third of the deadline. After that, ten retries at once and forty at ten a second.
    assert_near(came[1] - came[0], seconds(20 + 4));
    assert_eq!(came.len(), 2);
}

/// Answers each call with 7.
#[derive(Debug)]
struct Answering;

impl Transport for Answering {
    fn send(&self, request: Request) -> BoxFuture<Result<Reply, Failure>> {
        let id = serde_json::from_slice::<Value>(&request.body).unwrap()["id"].take();
        let answer = json!({ "jsonrpc": "2.0", "result": 7, "id": id });
        Box::pin(std::future::ready(Ok(Reply::new(bytes::Bytes::from(answer.to_string())))))
    }
}

fn refusing(retry_after: &str) -> Arc<Refusing> {
    Arc::new(Refusing { retry_after: Some(retry_after.to_owned()), came: Mutex::default() })
}

/// Returns a client that uses the second endpoint only after the first one.
fn in_order(first: Endpoint, second: Endpoint) -> Client {
    Client::builder().deadline(seconds(60)).endpoints([first, second.tier(1)]).build().unwrap()
}

#[tokio::test(start_paused = true)]
async fn pause_that_one_endpoint_asks_for_does_not_delay_the_retry_at_another() {
    let limiting = Limiting { retry_after_ms: 40_000, came: Mutex::default() };
    for first in [Endpoint::transport(refusing("10")), Endpoint::transport(limiting)] {
        let client = in_order(first, Endpoint::transport(Answering));
        let start = Instant::now();
        assert_eq!(client.call::<u32>("any", ()).readonly().await.unwrap(), 7);
        // The policy's own pause is up to 50 ms.
        assert!(start.elapsed() < Duration::from_millis(60), "{:?}", start.elapsed());
    }
}

#[tokio::test(start_paused = true)]
async fn retry_at_an_endpoint_that_was_tried_waits_as_long_as_it_asks() {
    let (one, other) = (refusing("10"), refusing("10"));
    let client = in_order(Endpoint::transport(Arc::clone(&one)), Endpoint::transport(Arc::clone(&other)));
    client.call::<Value>("any", ()).readonly().await.unwrap_err();
    let mut came = [one, other].map(|refusing| refusing.came.lock().unwrap().clone()).concat();
    came.sort_unstable();
    let delays: Vec<_> = came.windows(2).map(|pair| pair[1] - pair[0]).collect();
    assert!(delays.len() == 2 && delays[0] < seconds(1) && delays[1] >= seconds(10), "{delays:?}");
}

#[tokio::test(start_paused = true)]
async fn pinned_client_waits_as_long_as_its_endpoint_asks() {
    let one = refusing("10");
    let client = in_order(Endpoint::transport(Arc::clone(&one)), Endpoint::transport(Answering)).pinned();
    client.call::<Value>("any", ()).readonly().await.unwrap_err();
    let came = one.came.lock().unwrap();
    assert!(came.len() == 3 && came.windows(2).all(|pair| pair[1] - pair[0] >= seconds(10)), "{came:?}");
}
