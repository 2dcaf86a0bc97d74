//! How the client uses idempotency keys when something between it and the server interferes.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use rpc::{Client, Error, Outcome, Retry};
use serde_json::Value;
use support::{Answer, Peer, Received, error, http, result};
use tokio::sync::Semaphore;
use uuid::Uuid;

const STORE: &str =
    "rpc-idempotency: store=00000000-0000-4000-8000-000000000001;ttl=0120;now=5000;scope=none;later=\"a, b\"";

/// Starts a peer with a store. `answer` answers each request by its number, counted from 0.
async fn peer(answer: impl Fn(usize, &Received) -> Vec<u8> + Send + Sync + 'static) -> Peer {
    let count = AtomicUsize::new(0);
    let answer = move |request: &Received| Answer::Bytes(answer(count.fetch_add(1, Ordering::Relaxed), request));
    Peer::start_with(http("200 OK", &[STORE], ""), answer).await
}

fn client(peer: &Peer) -> Client {
    let retry = Retry::exponential().base(Duration::from_millis(1));
    Client::builder().endpoint(peer.url()).retry(retry).build().unwrap()
}

#[tokio::test]
async fn every_attempt_has_the_same_key_and_names_the_store() {
    let peer = peer(|count, call| match count {
        0 => Vec::new(),
        _ => http("200 OK", &[], &result(&call.id(), 7)),
    });
    let peer = peer.await;
    assert_eq!(client(&peer).call::<u8>("pay", ()).await.unwrap(), 7);
    let [first, second] = &peer.requests()[..] else { panic!("two attempts") };
    let id = first.id().as_str().unwrap().to_owned();
    assert_eq!(Uuid::parse_str(&id).unwrap().get_version_num(), 7);
    assert_eq!(second.id(), id.as_str());
    // The client sends what it understood of the announcement. It does not echo the text.
    let header = format!("keys={id};store=00000000-0000-4000-8000-000000000001;ttl=120;at=");
    let at = first.header("rpc-idempotency").unwrap().strip_prefix(&*header).unwrap();
    assert!((5000..60_000).contains(&at.parse::<u64>().unwrap()), "{at}");
    assert_eq!(second.header("rpc-idempotency"), first.header("rpc-idempotency"));
    assert_eq!((first.header("rpc-attempt"), second.header("rpc-attempt")), (None, Some("2")));
}

#[tokio::test]
async fn the_question_for_a_ticket_also_tells_whether_there_is_a_store() {
    let peer = Peer::answering(|call| result(&call.id(), 7)).await;
    let mut pay = client(&peer).call::<u8>("pay", ());
    assert!(pay.ticket().await.is_err());
    assert_eq!(pay.await.unwrap(), 7);
    assert_eq!(peer.heads(), 1);
    assert!(peer.requests()[0].id().is_u64());
}

/// An error without an id can come from anywhere. It does not prove that the earlier attempt did not run.
#[tokio::test]
async fn an_error_without_an_id_leaves_a_call_uncertain_that_may_have_run() {
    let peer = peer(|count, _| match count {
        0 => Vec::new(),
        _ => http("200 OK", &[], &error(&Value::Null, -32005, "")),
    });
    let told = client(&peer.await).call::<u8>("pay", ()).await.unwrap_err();
    assert_eq!(told.outcome(), Outcome::Unknown);
    assert_eq!(told.error_object().unwrap().code().get(), -32005);
    assert_eq!(told.attempts().len(), 2);
}

/// A replica with another version may not know the method that the first replica has run.
#[tokio::test]
async fn an_error_from_before_the_store_leaves_a_call_uncertain_that_may_have_run() {
    for (code, outcome) in [(-32601, Outcome::Unknown), (-32602, Outcome::Executed)] {
        let peer = peer(move |count, call| match count {
            0 => Vec::new(),
            _ => http("200 OK", &[], &error(&call.id(), code, "")),
        });
        let told = client(&peer.await).call::<u8>("pay", ()).await.unwrap_err();
        assert_eq!(told.outcome(), outcome, "{code}");
    }
}

/// A server with a panicking store cannot look up the outcome of the first attempt.
#[tokio::test]
async fn an_error_that_no_handler_has_made_leaves_a_call_uncertain_that_may_have_run() {
    for (refused, outcome) in [(&["rpc-refused: all"][..], Outcome::Unknown), (&[], Outcome::Executed)] {
        let peer = peer(move |count, call| match count {
            0 => Vec::new(),
            _ => http("200 OK", refused, &error(&call.id(), -32603, "")),
        });
        let told = client(&peer.await).call::<u8>("pay", ()).await.unwrap_err();
        assert_eq!((told.outcome(), told.attempts().len()), (outcome, if refused.is_empty() { 0 } else { 2 }));
        assert_eq!(told.error_object().unwrap().code().get(), -32603);
    }
}

fn keys_lost(call: &Received) -> Vec<u8> {
    let refused = ["rpc-refused: all"];
    http("200 OK", &refused, &error(&call.id(), -32096, r#","data":{"reason":"keys_lost"}"#))
}

#[tokio::test]
async fn a_key_that_does_not_arrive_is_left_out_if_it_was_made_for_the_call_alone() {
    let peer = peer(|_, call| match call.header("rpc-idempotency") {
        Some(_) => keys_lost(call),
        None => http("200 OK", &[], &result(&call.id(), 7)),
    });
    let peer = peer.await;
    let client = client(&peer);
    for _ in 0..2 {
        assert_eq!(client.call::<u8>("pay", ()).await.unwrap(), 7);
    }
    // The second call uses what the first one learned.
    assert_eq!(peer.requests().len(), 3);
}

/// Another call may already have used the key. The server could not see that without the key.
#[tokio::test]
async fn a_call_with_a_key_of_its_callers_is_not_made_without_it() {
    let peer = peer(|_, call| match call.header("rpc-idempotency") {
        Some(_) => keys_lost(call),
        None => http("200 OK", &[], &result(&call.id(), 7)),
    });
    let peer = peer.await;
    let client = client(&peer);
    for _ in 0..2 {
        let told = client.call::<u8>("pay", ()).idempotency_key(Uuid::now_v7()).await.unwrap_err();
        assert!(matches!(&told, Error::Failure(failure) if failure.outcome() == Outcome::Refused), "{told:?}");
    }
    assert!(peer.requests().iter().all(|request| request.header("rpc-idempotency").is_some()));
}

#[tokio::test]
async fn a_call_with_a_ticket_is_not_made_without_its_key_and_no_other_ticket_is_issued() {
    let peer = peer(|_, call| keys_lost(call)).await;
    let client = client(&peer);
    let mut call = client.call::<u8>("pay", ());
    let ticket = call.ticket().await.unwrap();
    assert_eq!(call.await.unwrap_err().outcome(), Outcome::Refused);
    let failure = client.call::<u8>("pay", ()).ticket().await.unwrap_err();
    assert!(failure.to_string().contains("changes idempotency keys"), "{failure}");
    let redeemed = client.call::<u8>("pay", ()).redeem(ticket.clone()).await.unwrap_err();
    assert_eq!(redeemed.outcome(), Outcome::Unknown);
    let sent = peer.requests();
    assert_eq!(sent.len(), 2);
    assert!(sent.iter().all(|request| request.header("rpc-idempotency") == Some(&*ticket.to_string())), "{sent:?}");
}

#[tokio::test]
async fn no_ticket_is_issued_where_the_server_does_not_tell_whose_keys_are() {
    for told in ["now=1", "scope=none", "now=x;scope=none", "now=1;scope=x"] {
        let announced = format!("rpc-idempotency: store=00000000-0000-4000-8000-000000000001;ttl=120;{told}");
        let peer = Peer::start_with(http("200 OK", &[&announced], ""), |_| unreachable!("nothing is sent")).await;
        let failure = client(&peer).call::<u8>("pay", ()).ticket().await.unwrap_err();
        assert_eq!(failure.outcome(), Outcome::NotSent, "{told}");
        assert!(failure.to_string().contains("does not tell"), "{failure}");
    }
}

#[tokio::test]
async fn a_head_that_is_never_answered_holds_up_a_client_once() {
    let peer = Peer::start_with(Answer::Stall(Vec::new()), |call| http("200 OK", &[], &result(&call.id(), 7)).into());
    let peer = peer.await;
    let client = client(&peer);
    let begun = Instant::now();
    for _ in 0..3 {
        assert_eq!(client.call::<u8>("pay", ()).await.unwrap(), 7);
    }
    assert!(begun.elapsed() < Duration::from_millis(1500), "{:?}", begun.elapsed());
    assert_eq!(peer.heads(), 1);
}

/// Returns a client with room for one request, and a function that frees it. The room is occupied until then. Its
/// method `pay` returns whether the call has an idempotency key.
async fn client_without_room() -> (Client, impl AsyncFnOnce()) {
    let release = Arc::new(Semaphore::new(0));
    let gate = Arc::clone(&release);
    let server = rpc::Server::builder()
        .method("hold", move || {
            let gate = Arc::clone(&gate);
            async move { gate.acquire().await.unwrap().forget() }
        })
        .method("pay", |cx: rpc::Context| async move { cx.idempotency_key().is_some() })
        .build();
    let url = format!("http://{}", support::serve(&server).await);
    let client = Client::builder().endpoint(url).max_concurrent_requests(1).build().unwrap();
    let held = tokio::spawn(client.call::<()>("hold", ()).readonly().into_future());
    let is_free = || client.call::<bool>("pay", ()).readonly().deadline(Duration::from_millis(50)).into_future();
    while is_free().await.is_ok() {}
    let give_back = async move || {
        release.add_permits(1);
        held.await.unwrap().unwrap();
    };
    (client, give_back)
}

#[tokio::test]
async fn what_a_head_waits_for_its_connection_does_not_count_against_the_server() {
    let (client, give_back) = client_without_room().await;
    let pay = tokio::spawn(client.call::<bool>("pay", ()).into_future());
    // Longer than the client waits for the answer.
    tokio::time::sleep(Duration::from_millis(600)).await;
    give_back().await;
    assert!(pay.await.unwrap().unwrap(), "the store is known");
}

#[tokio::test]
async fn a_first_keyed_call_waits_for_a_connection_as_long_as_any_other() {
    let (client, give_back) = client_without_room().await;
    let pay = tokio::spawn(client.call::<bool>("pay", ()).into_future());
    // Longer than the client waits for a connection for its HEAD.
    tokio::time::sleep(Duration::from_millis(2200)).await;
    give_back().await;
    pay.await.unwrap().unwrap();
}
