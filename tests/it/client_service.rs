//! A client as a tower service.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use rpc::{Client, Context, Error, Outcome, RawCall, Server};
use serde_json::value::{RawValue, to_raw_value};
use tower::{Service, ServiceBuilder, ServiceExt};
use uuid::Uuid;

fn raw(json: &str) -> Box<RawValue> {
    RawValue::from_string(json.to_owned()).unwrap()
}

fn server() -> (Server, Arc<AtomicUsize>) {
    let runs = Arc::new(AtomicUsize::new(0));
    let counter = Arc::clone(&runs);
    let server = Server::builder()
        .method("echo", |params: Box<RawValue>| async move { params })
        .method("tenant", |cx: Context| async move { cx.headers()["x-tenant"].to_str().unwrap().to_owned() })
        .method("count", move || {
            let number = counter.fetch_add(1, Ordering::Relaxed);
            async move { number }
        })
        .method("hang", std::future::pending::<()>);
    (server.build(), runs)
}

#[tokio::test]
async fn a_stack_of_tower_stands_around_a_client() {
    let (server, _) = server();
    let url = format!("http://{}", support::serve(&server).await);
    for client in [Client::in_process(&server), Client::new(url).unwrap()] {
        let mut stack = ServiceBuilder::new()
            .map_result(|answer: Result<Box<RawValue>, _>| answer.map(|json| json.get().to_owned()))
            .load_shed()
            .concurrency_limit(2)
            .map_request(|call: RawCall| call.header("x-tenant", "a"))
            .service(client);
        let mut call = async |call| stack.ready().await.unwrap().call(call).await.unwrap();
        let text = r#"{"n":123456789012345678901234567890}"#;
        assert_eq!(call(RawCall::new("echo").params(raw(text))).await, text);
        assert_eq!(call(RawCall::new("tenant").readonly()).await, r#""a""#);
    }
}

#[tokio::test]
async fn errors_are_those_of_a_call() {
    let (server, _) = server();
    let client = Client::in_process(&server);
    let fail = |call| client.clone().oneshot(call);
    assert!(matches!(fail(RawCall::new("unknown")).await, Err(Error::Rpc(_))));
    let Err(Error::Failure(failure)) = fail(RawCall::new("echo").params(raw("7"))).await else { unreachable!() };
    assert!(failure.is_encode());
    let Err(Error::Failure(failure)) = fail(RawCall::new("tenant").header("a b", "c")).await else { unreachable!() };
    assert!(failure.is_builder());
    let Err(failure) = fail(RawCall::new("tenant").header("content-length", "5")).await else { unreachable!() };
    assert_eq!(failure.to_string(), "the header `content-length` is the client's to set");
    let error = fail(RawCall::new("hang").deadline(Duration::from_millis(10))).await.unwrap_err();
    assert!(error.is_timeout());
}

#[tokio::test]
async fn clones_under_one_key_run_once() {
    let (server, runs) = server();
    let client = Client::in_process(&server);
    let call = RawCall::new("count").idempotency_key(Uuid::new_v4());
    for _ in 0..2 {
        assert_eq!(client.clone().oneshot(call.clone()).await.unwrap().get(), "0");
    }
    assert_eq!(runs.load(Ordering::Relaxed), 1);
    let fresh = RawCall::new("count");
    assert_eq!(client.clone().oneshot(fresh.clone()).await.unwrap().get(), "1");
    assert_eq!(client.clone().oneshot(fresh).await.unwrap().get(), "2");
}

#[tokio::test]
async fn a_call_tells_what_it_is_and_hides_its_params() {
    let call = RawCall::new("echo").params(to_raw_value(&["secret"]).unwrap()).header("x-key", "secret");
    assert_eq!((call.method(), call.params_json()), ("echo", Some(r#"["secret"]"#)));
    assert!(!format!("{call:?}").contains("secret"));
    let nobody = Client::new("http://127.0.0.1:1").unwrap();
    let error = nobody.oneshot(call.readonly()).await.unwrap_err();
    assert_eq!(error.outcome(), Outcome::NotSent);
}
