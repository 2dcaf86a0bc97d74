use std::future::ready;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use bytes::Bytes;
use futures_util::future::join_all;
use http::{HeaderMap, HeaderValue, StatusCode};
use rpc_core::headers::RPC_IDEMPOTENCY;
use rpc_core::{BoxFuture, Outcome};
use serde_json::{Value, json};
use tokio::time::{Instant, sleep};

use super::ProbeTime;
use crate::transport::{Reply, Request, Transport};
use crate::{Client, Failure};

const STORE: &str = "store=00000000-0000-4000-8000-000000000001;ttl=120;now=5000;scope=none";

/// Answers calls at once, and `HEAD` after a delay, or never.
#[derive(Debug, Default)]
struct Server {
    /// How long a `HEAD` request waits for a connection.
    connecting: Duration,
    /// How long its answer takes from then on. `None` means forever.
    thinking: Option<Duration>,
    heads: AtomicUsize,
    /// How many calls are answered with HTTP 429.
    too_many: AtomicUsize,
    /// The keys header of each call.
    named: Mutex<Vec<Option<HeaderValue>>>,
}

impl Server {
    fn client(self) -> (Client, Arc<Self>) {
        let server = Arc::new(self);
        (Client::builder().transport(Arc::clone(&server)).build().unwrap(), server)
    }

    fn last_named(&self) -> Option<HeaderValue> {
        self.named.lock().unwrap().last().unwrap().clone()
    }
}

impl Transport for Server {
    fn send(&self, request: Request) -> BoxFuture<Result<Reply, Failure>> {
        self.named.lock().unwrap().push(request.headers.get(RPC_IDEMPOTENCY).cloned());
        let id = serde_json::from_slice::<Value>(&request.body).unwrap()["id"].take();
        if self.too_many.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |left| left.checked_sub(1)).is_ok() {
            let reply = Reply { status: Some(StatusCode::TOO_MANY_REQUESTS), ..Reply::new(Bytes::new()) };
            return Box::pin(ready(Ok(reply)));
        }
        let answer = json!({"jsonrpc": "2.0", "result": null, "id": id});
        Box::pin(async move { Ok(Reply::new(Bytes::from(answer.to_string()))) })
    }

    fn probe(&self, request: Request) -> BoxFuture<Result<Reply, Failure>> {
        self.heads.fetch_add(1, Ordering::Relaxed);
        let (connecting, thinking) = (self.connecting, self.thinking);
        request.progress.hold();
        Box::pin(async move {
            sleep(connecting).await;
            assert!(request.progress.sent());
            match thinking {
                Some(thinking) => sleep(thinking).await,
                None => std::future::pending().await,
            }
            let mut reply = Reply::new(Bytes::new());
            reply.headers = HeaderMap::from_iter([(RPC_IDEMPOTENCY, HeaderValue::from_static(STORE))]);
            Ok(reply)
        })
    }
}

async fn pay(client: &Client) -> Duration {
    let begun = Instant::now();
    client.call::<()>("pay", ()).await.unwrap();
    begun.elapsed()
}

#[tokio::test(start_paused = true)]
async fn a_head_that_hangs_costs_the_first_calls_250_ms_together_and_later_ones_nothing() {
    let (client, server) = Server::default().client();
    let took = join_all((0..3).map(|_| pay(&client))).await;
    assert_eq!(took, [Duration::from_millis(250); 3]);
    sleep(Duration::from_secs(3600)).await;
    assert_eq!(pay(&client).await, Duration::ZERO);
    assert_eq!(server.heads.load(Ordering::Relaxed), 1);
}

#[tokio::test(start_paused = true)]
async fn a_head_that_hangs_costs_no_more_than_a_third_of_a_short_deadline() {
    let (client, _server) = Server::default().client();
    let begun = Instant::now();
    client.call::<()>("pay", ()).deadline(Duration::from_millis(300)).await.unwrap();
    assert_eq!(begun.elapsed(), Duration::from_millis(100));
}

#[test]
fn a_head_ahead_of_a_later_attempt_ends_by_the_deadline() {
    let now = Instant::now();
    for left in [0, 60, 300, 5000, 60_000].map(Duration::from_millis) {
        let time = ProbeTime::of_call(now, now + left, Duration::from_millis(300));
        assert!(time.written + time.answer <= now + left, "{left:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn what_connecting_takes_does_not_count_against_the_answer_to_head() {
    let (connecting, thinking) = (Duration::from_millis(1900), Duration::from_millis(240));
    let (client, server) = Server { connecting, thinking: Some(thinking), ..Server::default() }.client();
    assert_eq!(pay(&client).await, connecting + thinking);
    let named = server.last_named().unwrap();
    assert!(named.to_str().unwrap().contains(";store=00000000-0000-4000-8000-000000000001;ttl=120;at="), "{named:?}");
}

#[tokio::test(start_paused = true)]
async fn a_call_waits_for_a_connection_itself_where_its_head_has_waited_too_long() {
    let (client, server) = Server { connecting: Duration::from_secs(60), ..Server::default() }.client();
    assert_eq!(pay(&client).await, Duration::from_secs(2));
    assert_eq!(server.last_named().unwrap().to_str().unwrap().len(), "keys=".len() + 36, "a key, and no store");
    // The answer to the call has announced no store either, so the server is not asked again.
    assert_eq!(pay(&client).await, Duration::ZERO);
}

/// Gateways also send 429 after they have forwarded a call. With its key, the repeat would have had no second effect at
/// a server that keeps keys.
#[tokio::test(start_paused = true)]
async fn a_429_proves_nothing_while_the_server_has_not_said_whether_it_keeps_keys() {
    let (client, server) = Server { too_many: AtomicUsize::new(1), ..Server::default() }.client();
    let error = client.call::<()>("pay", ()).await.unwrap_err();
    assert_eq!((error.outcome(), server.named.lock().unwrap().len()), (Outcome::Unknown, 1));
    pay(&client).await;
    // By now it has answered a call and announced nothing.
    server.too_many.store(1, Ordering::Relaxed);
    pay(&client).await;
    assert_eq!(server.named.lock().unwrap().len(), 4);
}

#[tokio::test(start_paused = true)]
async fn the_head_of_a_ticket_has_all_the_time_of_its_call() {
    let thinking = Some(Duration::from_secs(20));
    let (client, _server) = Server { thinking, ..Server::default() }.client();
    client.call::<()>("pay", ()).ticket().await.unwrap();
}
