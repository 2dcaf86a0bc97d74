//! The header of the IETF draft, for clients other than ours.

use serde_json::{Value, json};
use uuid::Uuid;

use super::store::TestStore;
use super::till::{Header, Till, UUIDS, call, ids, reason};

fn key(value: &str) -> Vec<Header> {
    vec![("idempotency-key", value.to_owned())]
}

fn numbered(method: &str, params: impl Into<Value>, id: u64) -> String {
    let params: Value = params.into();
    json!({ "jsonrpc": "2.0", "method": method, "params": params, "id": id }).to_string()
}

#[tokio::test]
async fn a_single_call_has_the_key_of_the_header_whatever_its_id() {
    let till = Till::serve(TestStore::new()).await;
    for id in [1, 2] {
        let reply = till.send(&numbered("till.pay", json!([5]), id), &key("\"order 7\"")).await;
        assert_eq!((reply.status, reply.text()), (200, &*format!(r#"{{"jsonrpc":"2.0","result":1,"id":{id}}}"#)));
        assert_eq!(reply.header("rpc-idempotency"), None);
    }
    let seen = till.send(&numbered("till.key", json!([]), 3), &key("\"order 8\"")).await;
    assert!(seen.text().contains(r#""result":"order 8""#), "{}", seen.text());
    assert_eq!(till.payments(), 1);
}

#[tokio::test]
async fn a_text_stands_for_a_uuid_of_its_subject() {
    let store = TestStore::new();
    let till = Till::serve_with(|builder| {
        builder
            .idempotency_store(store.clone())
            .idempotency_scope(|request| Some(request.headers.get("x-subject")?.to_str().ok()?.to_owned()))
    })
    .await;
    let derived = async |key_text: &str, subject: &str| {
        let headers = [key(key_text), vec![("x-subject", subject.to_owned())]].concat();
        let reply = till.send(&numbered("till.derived", json!([]), 1), &headers).await;
        let answer: Value = reply.json();
        [0, 1].map(|place| Uuid::parse_str(answer["result"][place].as_str().unwrap()).unwrap())
    };
    let [one, charge] = derived("\"order 7\"", "ada").await;
    assert_eq!((one.get_version_num(), charge.get_version_num()), (5, 5));
    assert_eq!(derived("\"order 7\"", "ada").await, [one, charge]);
    let [of_bob, charge_of_bob] = derived("\"order 7\"", "bob").await;
    let [other, _] = derived("\"order 8\"", "ada").await;
    assert!(one != of_bob && one != other && charge != charge_of_bob && one != charge);
    // The UUID of an id is unchanged, and two subjects derive different keys from it.
    let of_id = async |subject: &str| {
        let headers = [ids([UUIDS[0]]), vec![("x-subject", subject.to_owned())]].concat();
        let reply = till.send(&call("till.derived", json!([]), UUIDS[0]), &headers).await;
        let answer: Value = reply.json();
        [0, 1].map(|place| answer["result"][place].as_str().unwrap().to_owned())
    };
    let [[ada, charge_of_ada], [bob, charge_of_bob]] = [of_id("ada").await, of_id("bob").await];
    assert_eq!((&*ada, &*bob), (UUIDS[0], UUIDS[0]));
    assert_ne!(charge_of_ada, charge_of_bob);
    // A new store derives the same key.
    store.forget();
    assert_eq!(derived("\"order 7\"", "ada").await, [one, charge]);
}

#[tokio::test]
async fn a_key_of_the_header_is_not_one_of_an_id() {
    let till = Till::serve(TestStore::new()).await;
    let body = call("till.pay", json!([5]), UUIDS[0]);
    till.send(&body, &key(&format!("\"{}\"", UUIDS[0]))).await;
    till.send(&body, &ids([UUIDS[0]])).await;
    assert_eq!(till.payments(), 2);
}

#[tokio::test]
async fn a_key_that_cannot_be_read_or_stands_where_it_cannot_is_a_bad_request() {
    let till = Till::serve(TestStore::new()).await;
    let body = numbered("till.pay", json!([5]), 7);
    for malformed in ["order", "", "\"\"", "\"open", &format!("\"{}\"", "k".repeat(256))] {
        let reply = till.send(&body, &key(malformed)).await;
        assert_eq!((reply.status, reply.header("rpc-status")), (400, Some("-32600")), "{malformed}");
        assert_eq!((reply.header("rpc-refused"), reply.header("rpc-retry")), (Some("all"), Some("no")));
        assert!(reply.text().ends_with(r#""id":7}"#), "{}", reply.text());
    }
    let note = r#"{"jsonrpc":"2.0","method":"till.pay","params":[5]}"#;
    for other in [format!("[{body}]"), note.to_owned()] {
        assert_eq!(till.send(&other, &key("\"order\"")).await.status, 400, "{other}");
    }
    assert_eq!(till.payments(), 0);
}

#[tokio::test]
async fn a_key_of_another_call_cannot_be_processed() {
    let till = Till::serve(TestStore::new()).await;
    till.send(&numbered("till.pay", json!([5]), 1), &key("\"order\"")).await;
    let reply = till.send(&numbered("till.pay", json!([6]), 2), &key("\"order\"")).await;
    assert_eq!((reply.status, &*reason(&reply)), (422, "mismatch"));
    assert_eq!((reply.header("rpc-refused"), reply.header("rpc-retry")), (Some("all"), Some("no")));
    assert!(reply.text().ends_with(r#""id":2}"#), "{}", reply.text());
}

#[tokio::test]
async fn a_repeat_that_meets_the_first_call_is_a_conflict() {
    let mut till = Till::serve(TestStore::new()).await;
    let mut first = till.begin(&numbered("till.wait", json!([]), 1), &key("\"order\"")).await;
    till.began().await;
    let mut headers = key("\"order\"");
    headers.push(("rpc-timeout-ms", "20".to_owned()));
    let reply = till.send(&numbered("till.wait", json!([]), 2), &headers).await;
    assert_eq!((reply.status, &*reason(&reply)), (409, "in_progress"));
    till.open();
    assert_eq!(first.reply().await.status, 200);
}

#[tokio::test]
async fn beside_our_own_header_the_other_one_is_ignored() {
    let till = Till::serve(TestStore::new()).await;
    let headers = [ids([UUIDS[0]]), key("malformed")].concat();
    let reply = till.send(&call("till.pay", json!([5]), UUIDS[0]), &headers).await;
    assert_eq!(reply.status, 200);
}

#[tokio::test]
async fn a_server_that_keeps_no_keys_does_not_know_the_header() {
    let till = Till::serve_with(|builder| builder.without_idempotency()).await;
    for _ in 0..2 {
        assert_eq!(till.send(&numbered("till.pay", json!([5]), 1), &key("\"order\"")).await.status, 200);
    }
    assert_eq!(till.payments(), 2);
}
