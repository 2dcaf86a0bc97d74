//! Tickets, and keys that can be older than the store's memory.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use rpc::idempotency::MemoryStore;
use rpc::transport::{HttpTransport, Reply, Request, Transport, WebSocketTransport};
use rpc::{BoxFuture, Client, ErrorKind, Failure, Outcome, Retry, Ticket};
use rpc_core::KeyRefusal;
use serde_json::json;
use uuid::Uuid;

use super::store::TestStore;
use super::till::{Till, UUIDS, call, ids, reason};

fn pay(client: &Client) -> rpc::Call<usize> {
    client.call("till.pay", [5])
}

/// Returns the header of a single call that was sent at this time.
fn sent_at(till: &Till, millis: u64) -> Vec<super::till::Header> {
    let store = till.store.identity();
    vec![("rpc-idempotency", format!("keys={};store={store};ttl=60;at={millis}", UUIDS[0]))]
}

#[tokio::test]
async fn a_key_that_the_store_may_have_forgotten_is_not_run_and_the_time_is_told() {
    let till = Till::serve(TestStore::new()).await;
    let body = call("till.pay", json!([5]), UUIDS[0]);
    let named = format!("store={};ttl=60;now=1000000", till.store.identity());
    // The store's time is 1,000 s, and its memory is 60 s.
    for at in [0, 939_999, 940_000] {
        let reply = till.send(&body, &sent_at(&till, at)).await;
        assert_eq!((reply.status, reply.header("rpc-status")), (200, Some("-32097")), "{at}");
        assert_eq!((reply.header("rpc-refused"), reply.header("rpc-retry")), (Some("all"), None), "{at}");
        assert_eq!(reply.header("rpc-idempotency"), Some(&*named), "{at}");
    }
    assert_eq!(till.payments(), 0);
    let fresh = till.send(&body, &sent_at(&till, 940_001)).await;
    assert_eq!((fresh.header("rpc-status"), fresh.header("rpc-idempotency")), (Some("0"), None));
    // A known key is answered, whatever its age.
    for at in [0, 940_001, 9_999_999] {
        assert_eq!(till.send(&body, &sent_at(&till, at)).await.body, fresh.body, "{at}");
    }
    assert_eq!(till.payments(), 1);
}

#[tokio::test]
async fn a_key_whose_time_is_not_told_is_fresh() {
    let till = Till::serve(TestStore::new()).await;
    let body = call("till.pay", json!([5]), UUIDS[0]);
    assert_eq!(till.send(&body, &ids([UUIDS[0]])).await.header("rpc-status"), Some("0"));
    assert_eq!(till.payments(), 1);
}

#[tokio::test]
async fn a_key_whose_time_is_far_in_the_future_is_not_run_and_the_time_is_told() {
    let till = Till::serve_with(|builder| builder.idempotency_store(MemoryStore::new())).await;
    let told = till.head().await.header("rpc-idempotency").unwrap().to_owned();
    let (store, _) = told.split_once(";now=").unwrap();
    let body = call("till.pay", json!([5]), UUIDS[0]);
    for at in [300_000, 999_999_999_999_999_u64] {
        let reply = till.send(&body, &[("rpc-idempotency", format!("keys={};{store};at={at}", UUIDS[0]))]).await;
        assert_eq!((reply.header("rpc-status"), reply.header("rpc-refused")), (Some("-32097"), Some("all")), "{at}");
        assert!(reply.header("rpc-idempotency").is_some_and(|told| told.starts_with(store)), "{at}");
    }
    assert_eq!(till.payments(), 0);
    let reply = till.send(&body, &[("rpc-idempotency", format!("keys={};{store};at=0", UUIDS[0]))]).await;
    assert_eq!((reply.header("rpc-status"), reply.header("rpc-idempotency")), (Some("0"), None));
}

/// After a change of its configuration, a store can have forgotten keys that it would now remember.
#[tokio::test]
async fn a_key_is_forgotten_after_the_time_that_its_client_was_told() {
    let till = Till::serve(TestStore::new()).await;
    let body = call("till.pay", json!([5]), UUIDS[0]);
    let mut headers = sent_at(&till, 970_000);
    headers[0].1 = headers[0].1.replace("ttl=60", "ttl=30");
    assert_eq!(till.send(&body, &headers).await.header("rpc-status"), Some("-32097"));
    assert_eq!(till.payments(), 0);
}

#[tokio::test]
async fn a_time_or_a_scope_that_cannot_be_read_stops_the_request() {
    let till = Till::serve(TestStore::new()).await;
    let body = call("till.pay", json!([5]), UUIDS[0]);
    for part in [";at=-1", ";at=", ";scope=1"] {
        let headers = vec![("rpc-idempotency", format!("keys={}{part}", UUIDS[0]))];
        assert_eq!(reason(&till.send(&body, &headers).await), "keys_lost", "{part}");
    }
    assert_eq!(till.payments(), 0);
}

/// A transport that lets the client's machine sleep after some requests. Meanwhile the store forgets, and the client's
/// own clock stands still.
#[derive(Debug)]
struct Sleepy {
    inner: Arc<dyn Transport>,
    store: TestStore,
    posts: Arc<AtomicUsize>,
    loses_first: bool,
}

impl Transport for Sleepy {
    fn send(&self, request: Request) -> BoxFuture<Result<Reply, Failure>> {
        let first = self.posts.fetch_add(1, Ordering::Relaxed) == 0;
        let (reply, store, loses) = (self.inner.send(request), self.store.clone(), self.loses_first);
        Box::pin(async move {
            let reply = reply.await?;
            if first {
                store.forget();
            }
            if first && loses { Err(Failure::transport("the machine slept")) } else { Ok(reply) }
        })
    }

    fn probe(&self, request: Request) -> BoxFuture<Result<Reply, Failure>> {
        self.inner.probe(request)
    }
}

/// Returns a client for each kind of connection, with the number of its requests.
fn sleepy(till: &Till, loses_first: bool) -> [(Client, Arc<AtomicUsize>); 2] {
    let websocket = WebSocketTransport::new(till.url().replace("http://", "ws://")).unwrap();
    let inner: [Arc<dyn Transport>; 2] = [Arc::new(HttpTransport::new(till.url()).unwrap()), Arc::new(websocket)];
    inner.map(|inner| {
        let posts = Arc::<AtomicUsize>::default();
        let transport = Sleepy { inner, store: till.store.clone(), posts: Arc::clone(&posts), loses_first };
        (Client::builder().transport(transport).build().unwrap(), posts)
    })
}

#[tokio::test]
async fn a_repeat_of_a_machine_that_slept_does_not_run_once_more() {
    let till = Till::serve(TestStore::new()).await;
    for (payments, (client, posts)) in (1..).zip(sleepy(&till, true)) {
        let error = pay(&client).await.unwrap_err();
        assert_eq!(error.outcome(), Outcome::Unknown, "{error:?}");
        assert_eq!((posts.load(Ordering::Relaxed), till.payments()), (2, payments));
    }
}

#[tokio::test]
async fn a_new_call_of_a_machine_that_slept_is_made_by_the_time_that_it_is_told() {
    for way in [0, 1] {
        let till = Till::serve(TestStore::new()).await;
        let (client, posts) = &sleepy(&till, false)[way];
        assert_eq!(pay(client).await.unwrap(), 1);
        assert_eq!(pay(client).await.unwrap(), 2);
        // The second call was refused at first, because it seemed as old as the announcement.
        assert_eq!((posts.load(Ordering::Relaxed), till.payments()), (3, 2));
        assert_eq!(pay(client).await.unwrap(), 3);
        assert_eq!(posts.load(Ordering::Relaxed), 4);
    }
}

#[tokio::test]
async fn a_redeemed_ticket_is_answered_with_what_is_kept() {
    let till = Till::serve(TestStore::new()).await;
    for (number, client) in [till.client(), till.client_of_websocket(), till.in_process()].into_iter().enumerate() {
        let mut first = pay(&client);
        let ticket = first.ticket().await.unwrap();
        assert_eq!(first.ticket().await.unwrap(), ticket, "a call has one ticket");
        assert_eq!(till.payments(), number);
        assert_eq!(first.await.unwrap(), number + 1);
        let kept: Ticket = serde_json::from_value(json!(ticket)).unwrap();
        for retry in [Retry::exponential(), Retry::never()] {
            let again = pay(&client).retry(retry).redeem(kept.clone()).await;
            assert_eq!(again.unwrap(), number + 1);
        }
        assert_eq!(till.payments(), number + 1);
    }
}

#[tokio::test]
async fn a_ticket_whose_call_was_never_sent_runs_when_it_is_redeemed() {
    let till = Till::serve(TestStore::new()).await;
    for (payments, client) in (1..).zip(till.clients()) {
        let ticket = pay(&client).ticket().await.unwrap();
        for client in [client].into_iter().chain(till.clients()) {
            assert_eq!(pay(&client).redeem(ticket.clone()).retry(Retry::never()).await.unwrap(), payments);
        }
        assert_eq!(till.payments(), payments);
    }
}

#[tokio::test]
async fn a_ticket_is_of_one_store_and_no_other_runs_its_call() {
    let (till, other) = (Till::serve(TestStore::new()).await, Till::serve(TestStore::another()).await);
    let ticket = pay(&till.client()).ticket().await.unwrap();
    let clients = [Retry::exponential(), Retry::never()].map(|retry| other.clients().map(|client| (retry, client)));
    for (retry, client) in clients.into_iter().flatten() {
        // The first time the client does not know the other store. The second time it does.
        for _ in 0..2 {
            let error = pay(&client).retry(retry).redeem(ticket.clone()).await.unwrap_err();
            assert_eq!((error.outcome(), error.attempts().len()), (Outcome::Unknown, 1), "{error:?}");
            let refusal = KeyRefusal::from_error_object(&error.error_object().unwrap());
            assert_eq!(refusal, Some(KeyRefusal::OtherStore));
            client.call::<usize>("till.key", ()).await.ok();
        }
    }
    assert_eq!(other.payments(), 0);
}

#[tokio::test]
async fn a_fresh_ticket_goes_to_its_store_alone() {
    let (till, other) = (Till::serve(TestStore::new()).await, Till::serve(TestStore::another()).await);
    for retry in [Retry::exponential(), Retry::never()] {
        // The server has changed when the call is sent.
        let switch = Switch::new([&till, &other]);
        let client = Client::builder().transport(switch).build().unwrap();
        let mut call = pay(&client).retry(retry);
        call.ticket().await.unwrap();
        let error = call.await.unwrap_err();
        assert_eq!((error.outcome(), error.attempts().len()), (Outcome::Refused, 1), "{error:?}");
    }
    assert_eq!((till.payments(), other.payments()), (0, 0));
}

/// Sends HEAD to one server, and all other requests to another one.
#[derive(Debug)]
struct Switch([HttpTransport; 2]);

impl Switch {
    fn new(tills: [&Till; 2]) -> Self {
        Self(tills.map(|till| HttpTransport::new(till.url()).unwrap()))
    }
}

impl Transport for Switch {
    fn send(&self, request: Request) -> BoxFuture<Result<Reply, Failure>> {
        self.0[1].send(request)
    }

    fn probe(&self, request: Request) -> BoxFuture<Result<Reply, Failure>> {
        self.0[0].probe(request)
    }
}

#[tokio::test]
async fn a_ticket_that_is_older_than_the_stores_memory_ends_as_unknown() {
    let till = Till::serve(TestStore::new()).await;
    let mut first = pay(&till.client_of_websocket());
    let ticket = first.ticket().await.unwrap();
    first.await.unwrap();
    till.store.forget();
    for (retry, client) in [Retry::exponential(), Retry::never()].into_iter().zip(till.clients()) {
        let error = pay(&client).retry(retry).redeem(ticket.clone()).await.unwrap_err();
        assert_eq!((error.outcome(), error.attempts().len()), (Outcome::Unknown, 1), "{error:?}");
        assert_eq!(error.error_object().unwrap().code().get(), -32097);
    }
    assert_eq!(till.payments(), 1);
}

#[tokio::test]
async fn a_memory_store_never_runs_a_ticket_twice_whenever_it_is_redeemed() {
    let ttl = Duration::from_secs(1);
    let till = Till::serve_with(|builder| builder.idempotency_store(MemoryStore::new().ttl(ttl))).await;
    let client = till.client();
    let mut first = pay(&client);
    let ticket = first.ticket().await.unwrap();
    let start = tokio::time::Instant::now();
    assert_eq!(first.await.unwrap(), 1);
    loop {
        match pay(&client).redeem(ticket.clone()).await {
            Ok(receipt) => assert_eq!(receipt, 1),
            Err(error) => {
                assert_eq!(error.outcome(), Outcome::Unknown, "{error:?}");
                assert!(start.elapsed() >= ttl, "{error:?}");
                break;
            }
        }
        assert!(start.elapsed() < 30 * ttl);
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    assert_eq!(till.payments(), 1);
}

#[tokio::test]
async fn a_redeemed_ticket_waits_for_the_call_that_still_runs() {
    let mut till = Till::serve(TestStore::new()).await;
    for (payments, client) in (1..).zip(till.clients()) {
        let wait = || client.call::<usize>("till.wait", ()).deadline(Duration::from_secs(20));
        let mut first = wait();
        let ticket = first.ticket().await.unwrap();
        let first = tokio::spawn(first.into_future());
        till.began().await;
        first.abort();
        let again = tokio::spawn(wait().retry(Retry::never()).redeem(ticket).into_future());
        till.store.someone_waits().await;
        till.open();
        assert_eq!(again.await.unwrap().unwrap(), payments);
        assert_eq!(till.payments(), payments);
    }
}

#[tokio::test]
async fn an_old_ticket_in_a_batch_leaves_its_siblings_alone() {
    let till = Till::serve(TestStore::new()).await;
    let client = till.client();
    let old = pay(&client).ticket().await.unwrap();
    till.store.forget();
    let mut young = pay(&client);
    young.ticket().await.unwrap();
    let (plain, redeemed, young, total) = client
        .batch((pay(&client), pay(&client).redeem(old), young, client.call::<usize>("till.total", ()).readonly()))
        .await
        .unwrap();
    assert_eq!(redeemed.unwrap_err().outcome(), Outcome::Unknown);
    assert!(plain.is_ok() && young.is_ok() && total.is_ok(), "{plain:?} {young:?} {total:?}");
    assert_eq!(till.payments(), 2);
}

#[tokio::test]
async fn a_ticket_of_another_call_ends_as_unknown() {
    let till = Till::serve(TestStore::new()).await;
    let mut first = pay(&till.client());
    let ticket = first.ticket().await.unwrap();
    first.await.unwrap();
    let error = till.client().call::<usize>("till.pay", [6]).redeem(ticket).await.unwrap_err();
    assert_eq!((error.outcome(), error.kind()), (Outcome::Unknown, ErrorKind::Validation));
    assert_eq!(till.payments(), 1);
}

#[tokio::test]
async fn what_cannot_be_sent_leaves_a_redeemed_ticket_unknown_and_a_fresh_one_unsent() {
    let till = Till::serve(TestStore::new()).await;
    let ticket = pay(&till.client()).ticket().await.unwrap();
    let away = Client::builder().endpoint("http://127.0.0.1:1").retry(Retry::never()).build().unwrap();
    let error = pay(&away).redeem(ticket.clone()).await.unwrap_err();
    assert_eq!((error.outcome(), error.is_connect()), (Outcome::Unknown, true));
    let failure = pay(&away).ticket().await.unwrap_err();
    assert_eq!((failure.outcome(), failure.is_connect()), (Outcome::NotSent, true));
    let unwritable = till.client().call::<usize>("till.pay", 5).redeem(ticket.clone()).await.unwrap_err();
    assert_eq!(unwritable.outcome(), Outcome::Unknown);
    let late = pay(&till.client()).deadline(Duration::ZERO).redeem(ticket).await.unwrap_err();
    assert_eq!((late.outcome(), late.is_timeout()), (Outcome::Unknown, true));
    assert_eq!(till.payments(), 0);
}

#[tokio::test]
async fn no_ticket_is_issued_where_it_would_not_hold() {
    let without = Till::serve_with(|builder| builder.without_idempotency()).await;
    let brief =
        |builder: rpc::ServerBuilder| builder.idempotency_store(MemoryStore::new().ttl(Duration::from_millis(900)));
    let brief = Till::serve_with(brief).await;
    for (till, why) in [(&without, "no store"), (&brief, "less than a second")] {
        let mut call = pay(&till.client());
        let failure = call.ticket().await.unwrap_err();
        assert_eq!((failure.outcome(), failure.kind()), (Outcome::NotSent, ErrorKind::Unavailable));
        assert!(failure.to_string().contains(why), "{failure}");
        // The call itself still works.
        assert_eq!(call.await.unwrap(), 1);
    }
    let client = brief.client();
    for mut call in [pay(&client).readonly(), pay(&client).idempotent()] {
        assert!(call.ticket().await.unwrap_err().to_string().contains("needs no ticket"));
    }
}

#[tokio::test]
async fn no_ticket_is_issued_by_one_of_several_stores_or_where_ids_are_changed() {
    let (one, two) = (Till::serve(TestStore::new()).await, Till::serve(TestStore::another()).await);
    // HEAD always announces a store that the calls do not reach.
    let client = Client::builder().transport(Switch::new([&one, &two])).build().unwrap();
    pay(&client).await.unwrap();
    // The client believes the store that refused, until later requests do not reach that one either.
    let swapped = Client::builder().transport(Alternating::new([&one, &two])).build().unwrap();
    pay(&swapped).await.unwrap();
    let failure = pay(&swapped).ticket().await.unwrap_err();
    assert_eq!(failure.outcome(), Outcome::NotSent);
    assert!(failure.to_string().contains("several"), "{failure}");
}

/// Sends each request to another server than the one before.
#[derive(Debug)]
struct Alternating {
    servers: Switch,
    count: AtomicUsize,
}

impl Alternating {
    fn new(tills: [&Till; 2]) -> Self {
        Self { servers: Switch::new(tills), count: AtomicUsize::new(0) }
    }

    fn next(&self) -> &HttpTransport {
        &self.servers.0[self.count.fetch_add(1, Ordering::Relaxed) % 2]
    }
}

impl Transport for Alternating {
    fn send(&self, request: Request) -> BoxFuture<Result<Reply, Failure>> {
        self.next().send(request)
    }

    fn probe(&self, request: Request) -> BoxFuture<Result<Reply, Failure>> {
        self.next().probe(request)
    }
}

#[tokio::test]
async fn calls_that_need_no_ticket_and_notifications_fail_with_one() {
    let till = Till::serve(TestStore::new()).await;
    let client = till.client();
    let ticket = pay(&client).ticket().await.unwrap();
    let error = pay(&client).redeem(ticket.clone()).readonly().await.unwrap_err();
    assert!(error.failure().unwrap().is_builder(), "{error:?}");
    let failure = pay(&client).redeem(ticket).notify().await.unwrap_err();
    assert!(failure.is_builder(), "{failure:?}");
    let mut fresh = pay(&client);
    fresh.ticket().await.unwrap();
    let failure = fresh.notify().await.unwrap_err();
    assert_eq!((failure.is_builder(), failure.outcome()), (true, Outcome::NotSent));
    assert_eq!(till.payments(), 0);
}

#[tokio::test]
async fn a_ticket_takes_the_key_that_the_call_was_given() {
    let till = Till::serve(TestStore::new()).await;
    let key = Uuid::now_v7();
    let mut call = till.client().call::<String>("till.key", ()).idempotency_key(key);
    assert_eq!(call.ticket().await.unwrap().key(), key);
    assert_eq!(call.await.unwrap(), key.to_string());
}

#[tokio::test]
async fn two_calls_of_a_batch_with_one_key_are_not_sent() {
    let till = Till::serve(TestStore::new()).await;
    let client = till.client();
    let (key, other) = (Uuid::now_v7(), Uuid::now_v7());
    let keyed = |key| pay(&client).idempotency_key(key);
    let (one, two, three, four) = client.batch((keyed(key), keyed(key), keyed(other), pay(&client))).await.unwrap();
    for doubled in [one, two] {
        let error = doubled.unwrap_err();
        assert_eq!((error.outcome(), error.failure().unwrap().is_builder()), (Outcome::NotSent, true));
        assert!(error.to_string().contains("same idempotency key"), "{error}");
    }
    assert!(three.is_ok() && four.is_ok());
    assert_eq!(till.payments(), 2);
}
