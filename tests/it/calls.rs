//! Calls are values: they can be configured, kept and passed on. They are sent only when awaited.

use std::time::Duration;

use rpc::{Client, Error, Outcome};
use serde::Serialize;
use serde_json::{Value, json};
use support::{Peer, result};

#[rpc::service(namespace = "math")]
trait Math {
    /// Adds two numbers.
    async fn add(&self, a: i64, b: Option<i64>) -> i64;
}

async fn peer() -> Peer {
    Peer::answering(|request| result(&request.id(), 7)).await
}

/// Sends a call with these params and returns the request's text.
async fn sent(params: impl Serialize) -> String {
    let peer = peer().await;
    assert_eq!(peer.client().call::<u8>("m", params).await.unwrap(), 7);
    peer.requests()[0].text().to_owned()
}

#[tokio::test]
async fn calls_and_batches_move_to_other_tasks() {
    fn assert_static<T: Send + 'static>(value: T) -> T {
        value
    }
    let peer = peer().await;
    let math = MathClient::new(peer.client());
    let call = assert_static(math.add(3, Some(4)).deadline(Duration::from_secs(5)).header("x-tenant", "a"));
    drop(math);
    assert_eq!(tokio::spawn(call.into_future()).await.unwrap().unwrap(), 7);
    assert_eq!(peer.requests()[0].header("x-tenant"), Some("a"));

    let client = peer.client();
    let batch = assert_static(client.batch((client.call::<u8>("m", ()), client.call::<u8>("m", ()).notify())));
    drop(assert_static(batch.into_future()));
    drop(assert_static(client.call::<u8>("m", ()).notify().into_future()));
}

#[tokio::test]
async fn what_is_dropped_or_not_polled_is_not_sent() {
    let peer = peer().await;
    let client = peer.client();
    let math = MathClient::from(client.clone());
    drop(math.add(1, None));
    drop(math.add(1, None).notify());
    drop(client.call::<u8>("m", ()).into_future());
    let kept = math.add(1, None);
    let futures = (math.add(1, None).into_future(), math.add(1, None).notify().into_future());
    peer.assert_untouched().await;
    drop((kept, futures));
}

#[tokio::test]
async fn a_call_can_be_told_by_its_method() {
    let math = MathClient::new(Client::new("http://127.0.0.1:1").unwrap());
    assert_eq!(math.add(1, None).method(), "math.add");
    assert!(format!("{:?}", math.add(1, None)).contains("math.add"));
}

#[tokio::test]
async fn typed_params_are_sent_by_name_without_those_that_are_none() {
    let peer = peer().await;
    let math = MathClient::new(peer.client());
    math.add(1, Some(2)).await.unwrap();
    math.add(1, None).await.unwrap();
    let params: Vec<Value> = peer.requests().iter().map(|request| request.json()["params"].clone()).collect();
    assert_eq!(params, [json!({ "a": 1, "b": 2 }), json!({ "a": 1 })]);
}

#[tokio::test]
async fn untyped_params_are_what_serializes_to_an_array_or_an_object() {
    #[derive(Serialize)]
    struct Point {
        x: u8,
    }
    let with = |params| format!(r#"{{"jsonrpc":"2.0","method":"m","params":{params},"id":1}}"#);
    assert_eq!(sent((1, "two")).await, with(r#"[1,"two"]"#));
    assert_eq!(sent([1, 2]).await, with("[1,2]"));
    assert_eq!(sent(vec![Some(1), None]).await, with("[1,null]"));
    assert_eq!(sent(Point { x: 1 }).await, with(r#"{"x":1}"#));
    assert_eq!(sent(&json!({ "a": [null] })).await, with(r#"{"a":[null]}"#));
    assert_eq!(sent(Vec::<u8>::new()).await, with("[]"));
    let raw = serde_json::value::RawValue::from_string("[1e-7, 123456789012345678901234567890]".to_owned()).unwrap();
    assert_eq!(sent(&raw).await, with("[1e-7, 123456789012345678901234567890]"));
}

#[tokio::test]
async fn what_serializes_to_null_is_no_params() {
    let without = r#"{"jsonrpc":"2.0","method":"m","id":1}"#;
    assert_eq!(sent(()).await, without);
    assert_eq!(sent(Value::Null).await, without);
    assert_eq!(sent(None::<u8>).await, without);
}

#[tokio::test]
async fn scalar_params_fail_as_not_sent() {
    let peer = peer().await;
    let client = peer.client();
    for params in [json!(1), json!("text"), json!(true), json!(1.5)] {
        let error = client.call::<u8>("m", &params).await.unwrap_err();
        assert!(error.failure().unwrap().is_encode(), "{params}");
        assert_eq!(error.outcome(), Outcome::NotSent);
        let failure = client.call::<u8>("m", &params).notify().await.unwrap_err();
        assert!(failure.is_encode());
    }
    peer.assert_untouched().await;
}

#[tokio::test]
async fn a_method_name_of_any_text_is_sent_as_it_is() {
    for name in ["", "a.b", "\"quoted\"", "ü\0\u{2028}👍"] {
        let peer = peer().await;
        peer.client().call::<u8>(name, ()).await.unwrap();
        assert_eq!(peer.requests()[0].json()["method"], name);
    }
}

#[tokio::test]
async fn a_calls_header_comes_before_the_clients() {
    let peer = peer().await;
    let client = Client::builder()
        .endpoint(peer.url())
        .header("x-tenant", "default")
        .header("x-app", "tests")
        .header("content-type", "application/json-rpc")
        .build()
        .unwrap();
    client.call::<u8>("m", ()).await.unwrap();
    client.call::<u8>("m", ()).header("x-tenant", "one").header("X-Tenant", "two").await.unwrap();
    client.call::<u8>("m", ()).header("x-tenant", "three").notify().await.unwrap();
    let requests = peer.requests();
    let tenants: Vec<_> = requests.iter().map(|request| request.header("x-tenant").unwrap()).collect();
    assert_eq!(tenants, ["default", "two", "three"]);
    for request in &requests {
        assert_eq!(request.header("x-app"), Some("tests"));
        assert_eq!(request.header("content-type"), Some("application/json-rpc"));
    }
}

#[tokio::test]
async fn requests_say_that_they_are_json_and_want_json() {
    let peer = peer().await;
    peer.client().call::<u8>("m", ()).await.unwrap();
    let requests = peer.requests();
    assert_eq!(requests[0].header("content-type"), Some("application/json"));
    assert_eq!(requests[0].header("accept"), Some("application/json"));
    assert_eq!(requests[0].header("origin"), None);
}

#[tokio::test]
async fn a_name_and_a_password_in_the_address_are_sent_as_a_header() {
    let peer = peer().await;
    let url = format!("http://ada:secret@{}/rpc", peer.addr());
    Client::new(&url).unwrap().call::<u8>("m", ()).await.unwrap();
    let bearer = Client::builder().endpoint(&url).header("authorization", "Bearer token").build().unwrap();
    bearer.call::<u8>("m", ()).await.unwrap();
    let requests = peer.requests();
    let sent: Vec<_> = requests.iter().map(|request| request.header("authorization").unwrap()).collect();
    assert_eq!(sent, ["Basic YWRhOnNlY3JldA==", "Bearer token"]);
}

#[tokio::test]
async fn a_header_that_cannot_be_fails_where_the_call_is_awaited() {
    let peer = peer().await;
    let client = peer.client();
    for (name, value) in [("no name", "x"), ("x-tenant", "line\r\nbreak: 1"), ("", "")] {
        let error = client.call::<u8>("m", ()).header(name, value).header("x-good", "1").await.unwrap_err();
        assert!(error.failure().unwrap().is_builder());
        assert_eq!(error.outcome(), Outcome::NotSent);
        assert!(peer.builder().header(name, value).build().unwrap_err().is_builder());
    }
    peer.assert_untouched().await;
}

#[tokio::test]
async fn an_address_that_cannot_be_is_refused_at_once() {
    for url in ["", "127.0.0.1:80", "ftp://127.0.0.1", "file:///etc/hosts", "/path", "http://"] {
        let failure = Client::new(url).unwrap_err();
        assert!(failure.is_builder(), "{url}");
        assert_eq!(failure.outcome(), Outcome::NotSent);
    }
    assert!(Client::builder().build().unwrap_err().is_builder());
    assert!(Client::builder().endpoints(["http://127.0.0.1:1", "/path"]).build().unwrap_err().is_builder());
}

#[tokio::test]
async fn a_deadline_of_any_length_is_taken() {
    let peer = peer().await;
    let answer = peer.client().call::<u8>("m", ()).deadline(Duration::MAX).await;
    assert_eq!(answer.unwrap(), 7);
}

#[tokio::test]
async fn a_notification_has_no_id_and_returns_when_it_was_taken() {
    let peer = Peer::answering(|_| "").await;
    let () = MathClient::new(peer.client()).add(1, None).notify().await.unwrap();
    assert_eq!(peer.requests()[0].text(), r#"{"jsonrpc":"2.0","method":"math.add","params":{"a":1}}"#);
}

#[tokio::test]
async fn a_failed_call_may_be_made_again() {
    let math = MathClient::new(Client::new("http://127.0.0.1:1").unwrap());
    for _ in 0..2 {
        assert!(matches!(math.add(1, None).await, Err(Error::Failure(failure)) if failure.is_connect()));
    }
}
