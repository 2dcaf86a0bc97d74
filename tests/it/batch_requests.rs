//! What a batch sends on the wire, and when it sends nothing.

use std::collections::BTreeMap;
use std::time::Duration;

use rpc::{Call, Client, Outcome};
use serde_json::Value;
use support::{Answer, Peer, Received, array, http, result};

/// Starts a peer that answers each call of a batch with its position in the request.
async fn counting_peer() -> Peer {
    Peer::answering(|request| {
        let ids = request.ids();
        let answers = ids.iter().enumerate().filter(|(_, id)| !id.is_null());
        array(answers.map(|(place, id)| result(id, place)))
    })
    .await
}

fn call(client: &Client, method: &'static str) -> Call<u64> {
    client.call(method, ())
}

/// Builds a call with params that cannot be written as JSON, because their keys are not strings.
fn unwritable(client: &Client) -> Call<u64> {
    client.call("unwritable", BTreeMap::from([((1, 2), 3)]))
}

#[tokio::test]
async fn entries_go_in_one_request_and_in_order() {
    let peer = counting_peer().await;
    let client = peer.client();
    let calls = (call(&client, "a"), vec![call(&client, "b"), call(&client, "c")], call(&client, "d").notify());
    let (a, rest, d) = client.batch(calls).await.unwrap();
    assert_eq!(a.unwrap(), 0);
    assert_eq!(rest.into_iter().map(Result::unwrap).collect::<Vec<_>>(), [1, 2]);
    d.unwrap();

    let requests = peer.requests();
    assert_eq!(requests.len(), 1);
    assert_eq!(requests[0].methods(), ["a", "b", "c", "d"]);
    let ids = requests[0].ids();
    assert_eq!(ids[3], Value::Null);
    assert!(!requests[0].json()[3].as_object().unwrap().contains_key("id"), "a null id is no notification");
    assert!(ids[0] != ids[1] && ids[1] != ids[2] && ids[0] != ids[2]);
}

#[tokio::test]
async fn a_batch_of_one_is_a_batch() {
    let peer = counting_peer().await;
    let client = peer.client();
    let [answer] = client.batch([call(&client, "a")]).await.unwrap();
    assert_eq!(answer.unwrap(), 0);
    assert!(peer.requests()[0].json().is_array());
}

#[tokio::test]
async fn an_empty_batch_sends_nothing() {
    let peer = Peer::answering(|request| result(&request.id(), 0)).await;
    let client = peer.client();
    assert!(client.batch(Vec::<Call<u64>>::new()).await.unwrap().is_empty());
    assert!(client.batch(None::<Call<u64>>).await.unwrap().is_none());
    let ((), (), nested) = client.batch(((), (), Vec::<[Call<u64>; 2]>::new())).await.unwrap();
    assert!(nested.is_empty());
    peer.assert_untouched().await;
}

#[tokio::test]
async fn a_batch_that_is_dropped_or_not_polled_sends_nothing() {
    let peer = Peer::answering(|request| result(&request.id(), 0)).await;
    let client = peer.client();
    drop(client.batch([call(&client, "a")]));
    let unpolled = client.batch([call(&client, "b")]).into_future();
    peer.assert_untouched().await;
    drop(unpolled);
}

#[tokio::test]
async fn entries_with_other_headers_go_in_another_request() {
    let peer = counting_peer().await;
    let client = peer.builder().header("x-app", "tests").build().unwrap();
    let of = |method, tenant: &'static str| call(&client, method).header("x-tenant", tenant);
    let calls = [of("a", "1"), call(&client, "b"), of("c", "2"), of("d", "1"), call(&client, "e")];
    let answers = client.batch(calls).header("x-batch", "all").await.unwrap();
    // Each answer is the position in its own request.
    assert_eq!(answers.map(Result::unwrap), [0, 0, 0, 1, 1]);

    let mut requests = peer.requests();
    requests.sort_by_key(|request| request.methods());
    let seen: Vec<_> =
        requests.iter().map(|request| (request.methods().join(""), request.header("x-tenant"))).collect();
    assert_eq!(seen, [("ad".to_owned(), Some("1")), ("be".to_owned(), None), ("c".to_owned(), Some("2"))]);
    for request in &requests {
        assert_eq!((request.header("x-app"), request.header("x-batch")), (Some("tests"), Some("all")));
    }
}

#[tokio::test]
async fn the_nearest_header_wins() {
    let peer = counting_peer().await;
    let client = peer.builder().header("x-tenant", "client").build().unwrap();
    let batches = [
        client.batch([call(&client, "a")]),
        client.batch([call(&client, "a")]).header("x-tenant", "batch"),
        client.batch([call(&client, "a").header("x-tenant", "call")]).header("x-tenant", "batch"),
    ];
    for batch in batches {
        assert!(batch.await.unwrap()[0].is_ok());
    }
    let seen: Vec<_> = peer.requests().iter().map(|request| request.header("x-tenant").unwrap().to_owned()).collect();
    assert_eq!(seen, ["client", "batch", "call"]);
}

#[tokio::test]
async fn an_entry_that_cannot_be_written_fails_alone() {
    let peer = counting_peer().await;
    let client = peer.client();
    let (a, b, c, d) = client
        .batch((call(&client, "a"), unwritable(&client), unwritable(&client).notify(), call(&client, "d")))
        .await
        .unwrap();
    assert_eq!((a.unwrap(), d.unwrap()), (0, 1));
    for failure in [b.unwrap_err().failure().unwrap(), &c.unwrap_err()] {
        assert!(failure.is_encode());
        assert_eq!(failure.outcome(), Outcome::NotSent);
        assert!(std::error::Error::source(failure).is_some());
    }
    assert_eq!(peer.requests()[0].methods(), ["a", "d"]);
}

#[tokio::test]
async fn an_entry_with_a_header_that_cannot_be_fails_alone() {
    let peer = counting_peer().await;
    let client = peer.client();
    let (bad, good) = client.batch((call(&client, "a").header("no name", "x"), call(&client, "b"))).await.unwrap();
    assert!(bad.unwrap_err().failure().unwrap().is_builder());
    assert_eq!(good.unwrap(), 0);
}

#[tokio::test]
async fn a_batch_with_a_header_that_cannot_be_fails_when_it_is_awaited() {
    let peer = Peer::answering(|request| result(&request.id(), 0)).await;
    let client = peer.client();
    for (name, value) in [("no name", "x"), ("", "x"), ("x-tenant", "line\nbreak")] {
        let failure = client.batch([call(&client, "a")]).header(name, value).await.unwrap_err();
        assert!(failure.is_builder());
        assert_eq!(failure.outcome(), Outcome::NotSent);
    }
    peer.assert_untouched().await;
}

#[tokio::test]
async fn the_outer_error_means_that_nothing_was_sent() {
    let client = Client::new("http://127.0.0.1:1").unwrap();
    let of = |tenant: &'static str| call(&client, "a").header("x-tenant", tenant);
    // One request or several, with an entry that cannot be sent in any case.
    for calls in [vec![call(&client, "a")], vec![of("1"), of("2"), unwritable(&client)]] {
        let failure = client.batch(calls).await.unwrap_err();
        assert!(failure.is_connect(), "{failure:?}");
        assert_eq!(failure.outcome(), Outcome::NotSent);
        assert!(std::error::Error::source(&failure).is_some());
    }
    let failure = client.batch([call(&client, "a").notify()]).await.unwrap_err();
    assert!(failure.is_connect());
}

#[tokio::test]
async fn a_batch_that_may_have_arrived_has_no_outer_error() {
    let peer = Peer::start(|_| Answer::Bytes(Vec::new())).await;
    let client = peer.client();
    let answers = client.batch([call(&client, "a"), call(&client, "b")]).await.unwrap();
    for answer in answers {
        let error = answer.unwrap_err();
        assert!(error.failure().unwrap().is_transport());
        assert_eq!(error.outcome(), Outcome::Unknown);
    }
}

#[tokio::test]
async fn one_request_of_a_batch_fails_without_the_others() {
    let peer = Peer::start(|request: &Received| match request.header("x-tenant") {
        Some("bad") => Answer::Bytes(http("500 Internal Server Error", &[], "")),
        _ => Answer::Bytes(http("200 OK", &[], &array(request.ids().iter().map(|id| result(id, 7))))),
    })
    .await;
    let client = peer.client();
    let bad = || call(&client, "a").header("x-tenant", "bad");
    let (good, bad, also_bad) = client.batch((call(&client, "a"), bad(), bad().notify())).await.unwrap();
    assert_eq!(good.unwrap(), 7);
    assert_eq!(bad.unwrap_err().failure().unwrap().status().unwrap(), 500);
    assert_eq!(also_bad.unwrap_err().status().unwrap(), 500);
}

#[tokio::test]
async fn a_batch_is_given_up_at_its_deadline() {
    let peer = Peer::silent().await;
    let client = peer.client();
    let deadline = Duration::from_millis(100);
    // The batch's own deadline takes precedence over those of its calls. Without one, the longest of these applies.
    let own = client.batch([call(&client, "a").deadline(Duration::from_secs(600))]).deadline(deadline);
    let longest = client.batch([call(&client, "a").deadline(deadline), call(&client, "b").deadline(deadline / 2)]);
    let (own, longest) = tokio::join!(own.into_future(), longest.into_future());
    let longest = longest.unwrap();
    assert!(longest[0].as_ref().unwrap_err().to_string().contains("100ms"), "{longest:?}");
    for answer in own.unwrap().into_iter().chain(longest) {
        let error = answer.unwrap_err();
        assert!(error.is_timeout());
        assert_eq!(error.outcome(), Outcome::Unknown);
    }
}

#[tokio::test]
async fn a_batch_without_time_sends_nothing() {
    let peer = Peer::answering(|request| result(&request.id(), 0)).await;
    let client = peer.client();
    let failure = client.batch([call(&client, "a")]).deadline(Duration::ZERO).await.unwrap_err();
    assert!(failure.is_timeout());
    assert_eq!(failure.outcome(), Outcome::NotSent);
    peer.assert_untouched().await;
}

#[tokio::test]
async fn ids_of_one_client_never_repeat() {
    let peer = counting_peer().await;
    let client = peer.client();
    for _ in 0..3 {
        let answers = client.clone().batch([call(&client, "a"), call(&client, "b")]).await.unwrap();
        assert!(answers.iter().all(Result::is_ok));
    }
    let mut ids: Vec<u64> = peer.requests().iter().flat_map(Received::ids).map(|id| id.as_u64().unwrap()).collect();
    ids.sort_unstable();
    ids.dedup();
    assert_eq!(ids.len(), 6);
}
