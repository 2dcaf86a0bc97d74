//! Keys in batches: each entry has its own outcome.

use serde_json::{Value, json};

use super::store::TestStore;
use super::till::{Till, UUIDS, call, ids};

fn batch(entries: &[String]) -> String {
    format!("[{}]", entries.join(","))
}

#[tokio::test]
async fn a_batch_that_is_repeated_runs_only_what_has_no_key() {
    let till = Till::serve(TestStore::new()).await;
    let entries = batch(&[
        call("till.pay", json!([1]), UUIDS[0]),
        call("till.total", json!([]), UUIDS[1]),
        call("till.pay", json!([402]), UUIDS[2]),
        call("till.pay", json!([1]), "no UUID"),
        r#"{"jsonrpc":"2.0","method":"till.pay","params":[1]}"#.to_owned(),
    ]);
    let first = till.send(&entries, &ids(UUIDS)).await;
    assert_eq!((till.payments(), till.reads()), (4, 1), "{}", first.text());
    let again = till.send(&entries, &ids(UUIDS)).await;
    assert_eq!((till.payments(), till.reads()), (6, 2));
    let [first, again]: [Value; 2] = [first, again].map(|reply| reply.json());
    assert_eq!((&first[0], &first[2]), (&again[0], &again[2]));
    assert_eq!(first[2]["error"]["code"], 1402);
}

#[tokio::test]
async fn places_that_were_refused_are_named() {
    let till = Till::serve(TestStore::new()).await;
    let entries = batch(&[
        call("till.pay", json!([1]), "no UUID"),
        call("till.pay", json!([1]), UUIDS[0]),
        call("till.pay", json!([1]), UUIDS[1]),
        call("till.total", json!([]), UUIDS[2]),
    ]);
    let mut headers = ids(UUIDS);
    headers[0].1.push_str(&format!(";store={}", UUIDS[0]));
    let reply = till.send(&entries, &headers).await;
    assert_eq!((reply.header("rpc-refused"), reply.header("rpc-status")), (Some("1-2"), Some("2")));
    assert_eq!((till.payments(), till.reads()), (1, 1));
}

/// Their exclusive or is zero, so it would not show whether they arrived.
#[tokio::test]
async fn calls_of_one_batch_with_the_same_key_do_not_run() {
    let till = Till::serve(TestStore::new()).await;
    let doubled = call("till.pay", json!([1]), UUIDS[0]);
    let upper = call("till.pay", json!([1]), &UUIDS[0].to_uppercase());
    let entries = batch(&[doubled.clone(), call("till.pay", json!([1]), UUIDS[1]), upper]);
    let reply = till.send(&entries, &ids([UUIDS[1]])).await;
    assert_eq!((reply.header("rpc-refused"), reply.header("rpc-status")), (Some("0,2"), Some("2")));
    let answers: Value = reply.json();
    for place in [0, 2] {
        assert_eq!(answers[place]["error"]["data"]["reason"], "duplicate", "{answers}");
    }
    assert_eq!((till.payments(), till.store.begun()), (1, 1));
    // Each key is still fresh.
    till.send(&doubled, &ids([UUIDS[0]])).await;
    assert_eq!(till.payments(), 2);
}

#[tokio::test]
async fn a_batch_of_one_key_a_thousand_times_runs_nothing() {
    let till = Till::serve(TestStore::new()).await;
    let entries = vec![call("till.pay", json!([1]), UUIDS[0]); 1000];
    let reply = till.send(&batch(&entries), &ids([])).await;
    assert_eq!((reply.header("rpc-refused"), reply.header("rpc-status")), (Some("0-999"), Some("1000")));
    assert_eq!(till.payments(), 0);
}

#[tokio::test]
async fn a_batch_that_was_split_on_the_way_runs_nothing() {
    let till = Till::serve(TestStore::new()).await;
    let half = batch(&[call("till.pay", json!([1]), UUIDS[0])]);
    let reply = till.send(&half, &ids([UUIDS[0], UUIDS[1]])).await;
    assert_eq!((reply.header("rpc-refused"), reply.header("rpc-status")), (Some("all"), Some("-32096")));
    assert_eq!(till.payments(), 0);
}
