//! Idempotency keys on the wire. The tests send bytes that a client would send, and bytes that no client should send.

mod batches;
mod faults;
mod foreign;
mod layers;
mod shares;
mod store;
mod subjects;
mod tickets;
mod till;

use rpc::{Limits, Server};
use serde_json::json;
use std::sync::Arc;
use std::time::Duration;
use store::TestStore;
use till::{Till, UUIDS, call, ids, sum};
use uuid::Uuid;

const DONE: &str = "{\"jsonrpc\":\"2.0\",\"result\":1,\"id\":";

#[tokio::test]
async fn a_repeat_is_answered_with_the_first_outcome_and_has_no_effect() {
    let till = Till::serve(TestStore::new()).await;
    let body = call("till.pay", json!([5]), UUIDS[0]);
    let first = till.send(&body, &ids([UUIDS[0]])).await;
    assert_eq!((first.status, first.text()), (200, &*format!("{DONE}\"{}\"}}", UUIDS[0])));
    for _ in 0..3 {
        let again = till.send(&body, &ids([UUIDS[0]])).await;
        assert_eq!((again.status, &again.body), (200, &first.body));
        assert_eq!(again.header("rpc-refused"), None);
    }
    assert_eq!(till.payments(), 1);
    // A call with another key is another call.
    till.send(&call("till.pay", json!([5]), UUIDS[1]), &ids([UUIDS[1]])).await;
    assert_eq!(till.payments(), 2);
}

#[tokio::test]
async fn a_declared_error_is_an_outcome_like_any_other() {
    let till = Till::serve(TestStore::new()).await;
    let body = call("till.pay", json!([402]), UUIDS[0]);
    let first = till.send(&body, &ids([UUIDS[0]])).await;
    assert_eq!(first.header("rpc-status"), Some("1402"));
    let again = till.send(&body, &ids([UUIDS[0]])).await;
    assert_eq!((again.header("rpc-status"), &again.body), (Some("1402"), &first.body));
    assert_eq!(till.payments(), 1);
}

#[tokio::test]
async fn answers_name_the_store() {
    let till = Till::serve(TestStore::new()).await;
    let named = &*format!("store={};ttl=60;now=1000000", till.store.identity());
    let body = call("till.pay", json!([5]), UUIDS[0]);
    assert_eq!(till.send(&body, &ids([UUIDS[0]])).await.header("rpc-idempotency"), Some(named));
    assert_eq!(till.send(&body, &[]).await.header("rpc-idempotency"), None);
    assert_eq!(till.head().await.header("rpc-idempotency"), Some(named));
    let without = Till::serve_with(|builder| builder.without_idempotency()).await;
    assert_eq!(without.head().await.header("rpc-idempotency"), None);
}

#[tokio::test]
async fn without_the_header_ids_are_no_keys() {
    let till = Till::serve(TestStore::new()).await;
    let body = call("till.pay", json!([5]), UUIDS[0]);
    till.send(&body, &[]).await;
    till.send(&body, &[]).await;
    assert_eq!((till.payments(), till.store.begun()), (2, 0));
}

#[tokio::test]
async fn only_methods_that_must_run_once_are_deduplicated() {
    let till = Till::serve(TestStore::new()).await;
    for method in ["till.total", "till.reset"] {
        for _ in 0..2 {
            till.send(&call(method, json!([]), UUIDS[0]), &ids([UUIDS[0]])).await;
        }
    }
    let note = json!({ "jsonrpc": "2.0", "method": "till.pay", "params": [1] }).to_string();
    for _ in 0..2 {
        till.send(&note, &ids([])).await;
    }
    assert_eq!((till.reads(), till.resets(), till.payments(), till.store.begun()), (2, 2, 2, 0));
}

#[tokio::test]
async fn the_handler_sees_its_key() {
    let till = Till::serve(TestStore::new()).await;
    let seen = till.send(&call("till.key", json!([]), UUIDS[0]), &ids([UUIDS[0]])).await;
    assert!(seen.text().contains(&format!("\"result\":\"{}\"", UUIDS[0])), "{}", seen.text());
    let seen = till.send(&call("till.key", json!([]), "7"), &ids([])).await;
    assert!(seen.text().contains("\"result\":null"), "{}", seen.text());
}

#[tokio::test]
async fn a_repeat_waits_for_the_first_call_and_gets_its_outcome() {
    let mut till = Till::serve(TestStore::new()).await;
    let body = call("till.wait", json!([]), UUIDS[0]);
    let mut first = till.begin(&body, &ids([UUIDS[0]])).await;
    till.began().await;
    let mut second = till.begin(&body, &ids([UUIDS[0]])).await;
    till.store.someone_waits().await;
    // Only one caller may wait for a call.
    let third = till.send(&body, &ids([UUIDS[0]])).await;
    assert_eq!(till::reason(&third), "in_progress");
    assert_eq!((third.status, third.header("rpc-refused"), third.header("rpc-retry")), (200, None, None));
    till.open();
    let (first, second) = (first.reply().await, second.reply().await);
    assert_eq!(first.body, second.body);
    assert_eq!(till.payments(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_repeat_waits_no_longer_than_the_limit_or_a_part_of_its_callers_time() {
    let till = Till::new(TestStore::new());
    let body = call("till.wait", json!([]), UUIDS[0]);
    let first = tokio::spawn(till.dispatch(&body, &ids([UUIDS[0]])));
    till.store.is_begun().await;
    for (timeout, waits) in [(None, 5000), (Some("800"), 100), (Some("60000"), 5000)] {
        let start = tokio::time::Instant::now();
        let mut headers = ids([UUIDS[0]]);
        headers.extend(timeout.map(|timeout| ("rpc-timeout-ms", timeout.to_owned())));
        let answer = till.dispatch(&body, &headers).await;
        assert!(std::str::from_utf8(&answer.body).unwrap().contains("in_progress"), "{answer:?}");
        let waited = start.elapsed().as_millis();
        assert!((waits..waits + 10).contains(&waited), "{waited}");
    }
    till.open();
    assert_eq!(first.await.unwrap().body, format!("{DONE}\"{}\"}}", UUIDS[0]));
}

#[tokio::test]
async fn a_key_belongs_to_one_method_and_its_params() {
    let till = Till::serve(TestStore::new()).await;
    till.send(&call("till.pay", json!([5]), UUIDS[0]), &ids([UUIDS[0]])).await;
    for other in [call("till.pay", json!([6]), UUIDS[0]), call("till.key", json!([]), UUIDS[0])] {
        let reply = till.send(&other, &ids([UUIDS[0]])).await;
        assert_eq!(till::reason(&reply), "mismatch");
        assert_eq!((reply.status, reply.header("rpc-refused")), (200, Some("all")));
        assert_eq!(reply.header("rpc-retry"), Some("no"));
    }
    assert_eq!(till.payments(), 1);
}

#[tokio::test]
async fn calls_that_rely_on_another_store_are_refused() {
    let till = Till::serve(TestStore::new()).await;
    let body = call("till.pay", json!([5]), UUIDS[0]);
    let relying = |store: Uuid| vec![("rpc-idempotency", format!("keys={};store={store}", UUIDS[0]))];
    let reply = till.send(&body, &relying(Uuid::from_u128(99))).await;
    assert_eq!(till::reason(&reply), "other_store");
    assert_eq!((reply.status, reply.header("rpc-refused"), reply.header("rpc-retry")), (200, Some("all"), None));
    assert_eq!((till.payments(), till.store.begun()), (0, 0));
    till.send(&body, &relying(till.store.identity())).await;
    assert_eq!(till.payments(), 1);
}

#[tokio::test]
async fn a_server_that_keeps_no_keys_refuses_only_calls_that_rely_on_a_store() {
    let till = Till::serve_with(|builder| builder.without_idempotency()).await;
    let body = call("till.pay", json!([5]), UUIDS[0]);
    let relying = vec![("rpc-idempotency", format!("keys={};store={}", UUIDS[0], UUIDS[1]))];
    assert_eq!(till::reason(&till.send(&body, &relying).await), "other_store");
    assert_eq!(till.payments(), 0);
    till.send(&body, &ids([UUIDS[0]])).await;
    assert_eq!(till.payments(), 1);
}

#[tokio::test]
async fn keys_that_were_changed_on_the_way_stop_the_whole_request() {
    let till = Till::serve(TestStore::new()).await;
    let body = call("till.pay", json!([5]), UUIDS[0]);
    let malformed = |value: &str| vec![("rpc-idempotency", value.to_owned())];
    let twice = [ids([UUIDS[0]]), ids([UUIDS[0]])].concat();
    for headers in [ids([UUIDS[1]]), ids([UUIDS[0], UUIDS[1]]), ids([]), malformed("keys=1"), malformed(""), twice] {
        let reply = till.send(&body, &headers).await;
        assert_eq!(till::reason(&reply), "keys_lost", "{headers:?}");
        assert_eq!((reply.status, reply.header("rpc-refused")), (200, Some("all")));
    }
    // A gateway that renumbers calls has removed the key.
    let renumbered = json!({ "jsonrpc": "2.0", "method": "till.pay", "params": [5], "id": 1 }).to_string();
    assert_eq!(till::reason(&till.send(&renumbered, &ids([UUIDS[0]])).await), "keys_lost");
    assert_eq!(till.payments(), 0);
    assert_eq!(sum(&[UUIDS[0], UUIDS[0]]), Uuid::nil());
}

#[tokio::test]
async fn a_call_that_panicked_is_never_run_again() {
    let till = Till::serve(TestStore::new()).await;
    for method in ["till.panic", "till.panic_at_once"] {
        let key = if method == "till.panic" { UUIDS[0] } else { UUIDS[1] };
        let body = call(method, json!([]), key);
        assert_eq!(till.send(&body, &ids([key])).await.header("rpc-status"), Some("-32603"));
        let reply = till.send(&body, &ids([key])).await;
        assert_eq!((reply.header("rpc-status"), reply.header("rpc-refused")), (Some("-32097"), None));
    }
    assert_eq!(till.payments(), 2);
}

#[tokio::test(start_paused = true)]
async fn a_call_that_took_too_long_is_never_run_again() {
    let till = Till::new(TestStore::new());
    let body = call("till.wait", json!([]), UUIDS[0]);
    for code in [-32093, -32097] {
        let answer = till.dispatch(&body, &ids([UUIDS[0]])).await;
        assert_eq!(answer.status, rpc::AnswerStatus::Error(code.into()));
    }
    assert_eq!(till.payments(), 1);
}

#[tokio::test]
async fn errors_without_effect_release_the_key() {
    let till = Till::serve(TestStore::new()).await;
    let busy = call("till.pay", json!([503]), UUIDS[0]);
    for payments in 1..=3 {
        assert_eq!(till.send(&busy, &ids([UUIDS[0]])).await.header("rpc-status"), Some("1503"));
        assert_eq!(till.payments(), payments);
    }
    let undecodable = call("till.pay", json!(["five"]), UUIDS[1]);
    assert_eq!(till.send(&undecodable, &ids([UUIDS[1]])).await.header("rpc-status"), Some("-32602"));
    let decodable = call("till.pay", json!([5]), UUIDS[1]);
    assert_eq!(till.send(&decodable, &ids([UUIDS[1]])).await.header("rpc-status"), Some("0"));
}

#[tokio::test]
async fn a_store_that_fails_refuses_calls_with_keys_alone() {
    let till = Till::serve(TestStore::failing()).await;
    let reply = till.send(&call("till.pay", json!([5]), UUIDS[0]), &ids([UUIDS[0]])).await;
    assert_eq!(till::reason(&reply), "store_unavailable");
    assert_eq!((reply.status, reply.header("rpc-refused")), (200, Some("all")));
    assert_eq!(reply.header("retry-after"), Some("1"));
    till.send(&call("till.pay", json!([5]), "7"), &ids([])).await;
    assert_eq!(till.payments(), 1);
}

#[tokio::test]
async fn an_answer_that_cannot_be_noted_is_given_all_the_same() {
    for store in [TestStore::forgetful(), TestStore::slow()] {
        let till = Till::serve(store).await;
        let reply = till.send(&call("till.pay", json!([5]), UUIDS[0]), &ids([UUIDS[0]])).await;
        assert_eq!(reply.text(), format!("{DONE}\"{}\"}}", UUIDS[0]));
    }
}

#[tokio::test]
async fn an_answer_waits_until_it_is_noted() {
    let till = Till::serve(TestStore::slow()).await;
    let body = call("till.pay", json!([5]), UUIDS[0]);
    let first = till.send(&body, &ids([UUIDS[0]])).await;
    // Sent on another connection, so this repeat does not queue behind the work of the first request.
    assert_eq!(till.send(&body, &ids([UUIDS[0]])).await.body, first.body);
    assert_eq!(till.payments(), 1);
}

#[tokio::test]
async fn keys_of_different_owners_are_different_keys() {
    let store = TestStore::new();
    let till = Till::serve_with(|builder| {
        builder
            .idempotency_store(store)
            .idempotency_scope(|request| Some(request.headers.get("x-subject")?.to_str().ok()?.to_owned()))
    })
    .await;
    let body = call("till.pay", json!([5]), UUIDS[0]);
    for payments in [2, 2] {
        for subject in ["alice", "bob"] {
            let headers = [ids([UUIDS[0]]), vec![("x-subject", subject.to_owned())]].concat();
            till.send(&body, &headers).await;
        }
        assert_eq!(till.payments(), payments);
    }
}

#[tokio::test]
async fn an_owner_without_a_name_is_not_an_anonymous_caller() {
    let till = Till::serve_with(|builder| {
        builder.idempotency_scope(|request| Some(request.headers.get("x-subject")?.to_str().ok()?.to_owned()))
    })
    .await;
    let body = call("till.pay", json!([5]), UUIDS[0]);
    let nameless = [ids([UUIDS[0]]), vec![("x-subject", String::new())]].concat();
    for _ in 0..2 {
        till.send(&body, &ids([UUIDS[0]])).await;
        till.send(&body, &nameless).await;
    }
    assert_eq!(till.payments(), 2);
}

#[tokio::test]
async fn what_a_hook_names_is_not_a_principals_subject() {
    let store = Arc::new(rpc::idempotency::MemoryStore::new());
    let (shared, bearer) = (Arc::clone(&store), rpc::auth::Bearer::new().token("t", rpc::Principal::new("ada")));
    let hooked =
        Till::serve_with(|builder| builder.idempotency_store(shared).idempotency_scope(|_| Some("ada".to_owned())));
    let known = Till::serve_with(|builder| builder.idempotency_store(store).authenticate(bearer));
    let (hooked, known) = (hooked.await, known.await);
    let body = call("till.pay", json!([5]), UUIDS[0]);
    for _ in 0..2 {
        hooked.send(&body, &ids([UUIDS[0]])).await;
        let headers = [ids([UUIDS[0]]), vec![("authorization", "Bearer t".to_owned())]].concat();
        known.send(&body, &headers).await;
    }
    assert_eq!((hooked.payments(), known.payments()), (1, 1));
}

#[tokio::test]
async fn a_scope_that_panics_runs_nothing() {
    let till = Till::serve_with(|builder| {
        builder.idempotency_store(TestStore::new()).idempotency_scope(|_| panic!("in the hook"))
    })
    .await;
    let reply = till.send(&call("till.pay", json!([5]), UUIDS[0]), &ids([UUIDS[0]])).await;
    assert_eq!((reply.header("rpc-status"), reply.header("rpc-refused")), (Some("-32603"), Some("all")));
    assert_eq!(till.payments(), 0);
}

#[tokio::test]
async fn a_call_whose_client_left_is_kept_for_the_repeat() {
    let mut till = Till::serve(TestStore::new()).await;
    let body = call("till.wait", json!([]), UUIDS[0]);
    drop(till.begin(&body, &ids([UUIDS[0]])).await);
    till.began().await;
    let mut again = till.begin(&body, &ids([UUIDS[0]])).await;
    till.store.someone_waits().await;
    till.open();
    assert_eq!(again.reply().await.text(), format!("{DONE}\"{}\"}}", UUIDS[0]));
    assert_eq!(till.payments(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_call_that_is_over_before_the_store_answers_does_not_run() {
    let till = Till::new(TestStore::late(Duration::from_secs(1)));
    let body = call("till.pay", json!([5]), UUIDS[0]);
    let mut headers = ids([UUIDS[0]]);
    headers.push(("rpc-timeout-ms", "500".to_owned()));
    let answer = till.dispatch(&body, &headers).await;
    assert_eq!(answer.status, rpc::AnswerStatus::Error((-32095).into()));
    assert_eq!(answer.headers.unwrap()["rpc-refused"], "all");
    assert_eq!(till.payments(), 0);
    // The server has released the key.
    assert_eq!(till.dispatch(&body, &ids([UUIDS[0]])).await.status, rpc::AnswerStatus::Success);
}

#[tokio::test]
async fn what_is_done_is_answered_though_the_server_takes_no_more_calls() {
    let mut limits = Limits::default();
    limits.max_calls_in_flight = 1;
    let mut till = Till::serve_with(|builder| builder.idempotency_store(TestStore::new()).limits(limits)).await;
    let body = call("till.pay", json!([5]), UUIDS[0]);
    let first = till.send(&body, &ids([UUIDS[0]])).await;
    let mut waiting = till.begin(&call("till.wait", json!([]), "w"), &[]).await;
    till.began().await;
    assert_eq!(till.send(&body, &ids([UUIDS[0]])).await.body, first.body);
    let fresh = call("till.pay", json!([5]), UUIDS[1]);
    let refused = till.send(&fresh, &ids([UUIDS[1]])).await;
    assert_eq!((refused.status, refused.header("rpc-refused")), (503, Some("all")));
    till.open();
    waiting.reply().await;
    while till.send(&fresh, &ids([UUIDS[1]])).await.status == 503 {}
    assert_eq!(till.payments(), 3);
}

#[test]
fn a_server_says_in_its_debug_output_nothing_of_its_keys() {
    let builder = Server::builder().idempotency_store(TestStore::new()).idempotency_scope(|_| None);
    assert!(format!("{builder:?}").contains("TestStore"));
}
