//! The ids of calls that must not run twice. They depend on what the server announces about a store of idempotency
//! keys.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use rpc::transport::{HttpTransport, Reply, Request, Transport};
use rpc::{BoxFuture, Client, Error, Failure, Outcome, Retry};
use serde_json::{Value, json};
use support::{Answer, Peer, Received, array, http, result};
use uuid::Uuid;

const STORE: &str = "rpc-idempotency: store=00000000-0000-4000-8000-000000000001;ttl=120;now=5000;scope=none";
const NO_KEYS: &str = "keys=00000000-0000-0000-0000-000000000000";

fn seven(call: &Received) -> Answer {
    http("200 OK", &[], &result(&call.id(), 7)).into()
}

fn client(peer: &Peer) -> Client {
    Client::builder().endpoint(peer.url()).retry(Retry::exponential().base(Duration::from_millis(1))).build().unwrap()
}

/// Answers to HEAD by which a server says that it has no store, or nothing useful.
fn heads_without_a_store() -> Vec<(&'static str, Answer)> {
    vec![
        ("405", http("405 Method Not Allowed", &[], "").into()),
        ("200", http("200 OK", &[], "").into()),
        ("404", http("404 Not Found", &[], "").into()),
        ("401", http("401 Unauthorized", &[], "").into()),
        ("502", http("502 Bad Gateway", &[], "").into()),
        ("cut", Answer::Bytes(Vec::new())),
        ("garbage", Answer::Bytes(b"garbage\r\n\r\n".to_vec())),
        ("none", Answer::Stall(Vec::new())),
    ]
}

#[tokio::test]
async fn ids_are_numbers_from_the_first_call_on_where_the_answer_to_head_announces_no_store() {
    for (what, head) in heads_without_a_store() {
        let peer = Peer::start_with(head, seven).await;
        let client = client(&peer);
        for _ in 0..2 {
            assert_eq!(client.call::<u8>("pay", ()).await.unwrap(), 7, "{what}");
        }
        let ids: Vec<Value> = peer.requests().iter().map(Received::id).collect();
        assert!(ids.iter().all(Value::is_u64) && ids[0] != ids[1], "{what}: {ids:?}");
    }
}

#[tokio::test]
async fn ids_of_a_batch_are_numbers_where_the_server_announces_no_store() {
    let answer = |batch: &Received| http("200 OK", &[], &array(batch.ids().iter().map(|id| result(id, 7)))).into();
    let peer = Peer::start(answer).await;
    let client = client(&peer);
    let key = Uuid::now_v7();
    let given = client.call::<u8>("pay", ()).idempotency_key(key);
    let calls = (client.call::<u8>("pay", ()), client.call::<u8>("see", ()).readonly(), given);
    let (pay, see, given) = client.batch(calls).await.unwrap();
    assert_eq!((pay.unwrap(), see.unwrap(), given.unwrap()), (7, 7, 7));
    let [batch] = &peer.requests()[..] else { panic!("one request") };
    let ids = batch.ids();
    assert!(ids[0].is_u64() && ids[1].is_u64() && ids[0] != ids[1], "{ids:?}");
    // A key that the caller has set stays unchanged.
    assert_eq!(ids[2], key.to_string());
    assert_eq!(batch.header("rpc-idempotency"), Some(&*format!("keys={key}")));
}

#[tokio::test]
async fn a_key_that_the_caller_has_given_stays_the_id_whatever_the_server_announces() {
    let peer = Peer::start(seven).await;
    let key = Uuid::now_v7();
    client(&peer).call::<u8>("pay", ()).idempotency_key(key).await.unwrap();
    assert_eq!(peer.requests()[0].id(), key.to_string());
}

/// The rule is the same as for any server without a store, whatever the id.
#[tokio::test]
async fn a_call_with_a_number_does_not_go_again_where_it_may_have_run() {
    let peer = Peer::start(|_| Answer::Bytes(Vec::new())).await;
    let error = client(&peer).call::<u8>("pay", ()).await.unwrap_err();
    assert_eq!((error.outcome(), peer.requests().len()), (Outcome::Unknown, 1));
}

#[tokio::test]
async fn a_call_with_a_number_keeps_it_where_it_goes_again() {
    let count = AtomicUsize::new(0);
    let peer = Peer::start(move |call| match count.fetch_add(1, Ordering::Relaxed) {
        0 => http("429 Too Many Requests", &[], "").into(),
        _ => seven(call),
    });
    let peer = peer.await;
    assert_eq!(client(&peer).call::<u8>("pay", ()).await.unwrap(), 7);
    let [first, second] = &peer.requests()[..] else { panic!("two attempts") };
    assert!(first.id().is_u64());
    assert_eq!(first.id(), second.id());
}

#[tokio::test]
async fn an_answer_that_announces_a_store_turns_keys_on_for_later_calls() {
    for (what, head) in heads_without_a_store() {
        let count = AtomicUsize::new(0);
        let answer = move |call: &Received| match count.fetch_add(1, Ordering::Relaxed) {
            0 => seven(call),
            _ => http("200 OK", &[STORE], &result(&call.id(), 7)).into(),
        };
        let peer = Peer::start_with(head, answer).await;
        let client = client(&peer);
        for _ in 0..3 {
            client.call::<u8>("pay", ()).await.unwrap();
        }
        let [first, second, third] = &peer.requests()[..] else { panic!("{what}: three calls") };
        // Servers answer this to requests that name keys.
        assert_eq!(first.header("rpc-idempotency"), Some(NO_KEYS), "{what}");
        assert_eq!(second.header("rpc-idempotency"), Some(NO_KEYS), "{what}");
        assert!(first.id().is_u64() && second.id().is_u64(), "{what}");
        assert!(third.id().is_string(), "{what}");
        let named = third.header("rpc-idempotency").unwrap();
        assert!(named.contains(";store=00000000-0000-4000-8000-000000000001;ttl=120;at="), "{what}: {named}");
        // One request is enough: the answer to a call says as much as the answer to HEAD.
        assert_eq!(peer.heads(), 1, "{what}");
    }
}

/// A transport that carries calls, but no probes.
#[derive(Debug)]
struct NoHead(HttpTransport);

impl Transport for NoHead {
    fn send(&self, request: Request) -> BoxFuture<Result<Reply, Failure>> {
        self.0.send(request)
    }
}

#[tokio::test]
async fn our_server_announces_its_store_to_calls_with_numbers() {
    let server = rpc::Server::builder()
        .method(
            "pay",
            |cx: rpc::Context| async move { json!([cx.id(), cx.idempotency_key().map(|key| key.to_string())]) },
        )
        .build();
    let transport = HttpTransport::new(format!("http://{}", support::serve(&server).await)).unwrap();
    let client = Client::builder().transport(Arc::new(NoHead(transport))).build().unwrap();
    let first: Value = client.call("pay", ()).await.unwrap();
    assert!(first[0].is_u64() && first[1].is_null(), "{first}");
    let second: Value = client.call("pay", ()).await.unwrap();
    assert!(second[0].is_string() && second[0] == second[1], "{second}");
}

#[tokio::test]
async fn without_idempotency_keys_nothing_is_asked_and_all_ids_are_numbers() {
    let peer =
        Peer::start_with(http("200 OK", &[STORE], ""), |call| http("200 OK", &[STORE], &result(&call.id(), 7)).into());
    let peer = peer.await;
    let client = Client::builder().endpoint(peer.url()).idempotency_keys(false).build().unwrap();
    for _ in 0..2 {
        assert_eq!(client.call::<u8>("pay", ()).await.unwrap(), 7);
    }
    let requests = peer.requests();
    assert!(requests.iter().all(|call| call.id().is_u64() && call.header("rpc-idempotency").is_none()), "{requests:?}");
    assert_eq!((peer.heads(), requests.len()), (0, 2));
}

#[tokio::test]
async fn without_idempotency_keys_a_call_that_relies_on_one_is_not_sent() {
    let peer = Peer::start(seven).await;
    let client = Client::builder().endpoint(peer.url()).idempotency_keys(false).build().unwrap();
    let given = client.call::<u8>("pay", ()).idempotency_key(Uuid::now_v7()).await.unwrap_err();
    assert!(matches!(&given, Error::Failure(failure) if failure.is_builder()), "{given:?}");
    assert_eq!(given.to_string(), "the client does not send idempotency keys, by its settings");
    let ticket = client.call::<u8>("pay", ()).ticket().await.unwrap_err();
    assert!(ticket.to_string().ends_with("the client does not send idempotency keys, by its settings"), "{ticket}");
    let old =
        "keys=01890a5d-ac96-774b-bcce-b302099a8057;store=5a7fb7a6-6ce0-4c59-93d4-7a0ca04c5e5d;ttl=120;at=1;scope=none";
    let redeemed = client.call::<u8>("pay", ()).redeem(old.parse().unwrap()).await.unwrap_err();
    assert_eq!(redeemed.outcome(), Outcome::Unknown, "the call of the ticket may have run");
    assert_eq!((peer.requests().len(), peer.heads()), (0, 0));
}
