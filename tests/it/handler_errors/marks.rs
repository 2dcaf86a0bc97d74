//! Codes of the framework: those that handlers return, and those that the server itself returns and marks.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use http::HeaderMap;
use rpc::middleware::{Next, Refusal, Request, Response, from_fn};
use rpc::{
    Answer, Client, Dispatch, Error, ErrorCode, ErrorKind, ErrorObject, Limits, Outcome, RequestContext, Server,
};
use serde_json::{Value, json};
use support::clients_of;

/// The codes of the framework that handlers return in these tests.
const CODES: [ErrorCode; 9] = [
    ErrorCode::RESPONSE_TOO_LARGE,
    ErrorCode::OVERLOADED,
    ErrorCode::HANDLER_TIMEOUT,
    ErrorCode::REQUEST_TIMEOUT,
    ErrorCode::DEADLINE_EXPIRED,
    ErrorCode::KEY_REFUSED,
    ErrorCode::OUTCOME_UNKNOWN,
    ErrorCode::ACCESS_DENIED,
    ErrorCode::RATE_LIMITED,
];

/// Builds a server with methods that count their calls and return an error of the framework.
fn server(calls: &Arc<AtomicUsize>) -> Server {
    let calls = Arc::clone(calls);
    let fail = move |(code,): (i64,)| {
        calls.fetch_add(1, Ordering::Relaxed);
        async move { Err::<(), _>(ErrorObject::new(code, "relayed").with_data(&json!({ "retryAfterMs": 1 }))) }
    };
    let layer = from_fn(async |request: Request, next: Next| {
        let _ = next.run(request).await;
        Response::from(Refusal::overloaded())
    });
    Server::builder()
        .limits(Limits::default().handler_timeout(Duration::from_millis(50)).max_response_bytes(1000))
        .try_method("fail", fail.clone())
        .try_method("fail_under_layer", fail)
        .method("ok", || async { 1 })
        .method("late", std::future::pending::<()>)
        .method("large", || async { "x".repeat(2000) })
        .method("panic", || async {
            if true {
                panic!("on purpose")
            }
        })
        .method("layer", || async { 1 })
        .method_layer("layer", layer)
        .method_layer("fail_under_layer", from_fn(async |request: Request, next: Next| next.run(request).await))
        .build()
}

#[tokio::test]
async fn a_code_of_the_framework_that_a_handler_answers_is_its_own_and_the_call_is_sent_once() {
    let calls = Arc::new(AtomicUsize::new(0));
    let server = server(&calls);
    let url = format!("http://{}", support::serve(&server).await);
    let http = Client::builder().endpoint(url).build().unwrap();
    for client in [http, Client::in_process(&server)] {
        for (code, method) in CODES.iter().flat_map(|code| [(code, "fail"), (code, "fail_under_layer")]) {
            calls.store(0, Ordering::Relaxed);
            for call in [client.call::<()>(method, (code,)), client.call::<()>(method, (code,)).readonly()] {
                let error = call.await.unwrap_err();
                assert_eq!(error.outcome(), Outcome::Executed, "{code}");
                assert!(matches!(&error, Error::Rpc(error) if error.code() == *code), "{code}: {error:?}");
            }
            let batch = vec![client.call::<()>(method, (code,)), client.call::<()>(method, (code,))];
            for result in client.batch(batch).await.unwrap() {
                assert!(matches!(result, Err(Error::Rpc(error)) if error.code() == *code), "{code}");
            }
            assert_eq!(calls.load(Ordering::Relaxed), 4, "{code}");
        }
    }
}

#[tokio::test]
async fn an_error_that_a_handler_relays_is_not_repeated_under_its_key_either() {
    let calls = Arc::new(AtomicUsize::new(0));
    let client = Client::in_process(&server(&calls));
    let key = uuid::Uuid::new_v4();
    for _ in 0..2 {
        let call = client.call::<()>("fail", (ErrorCode::OVERLOADED,)).idempotency_key(key);
        let error = call.await.unwrap_err();
        assert!(matches!(&error, Error::Rpc(error) if error.code() == ErrorCode::OVERLOADED), "{error:?}");
    }
    assert_eq!(calls.load(Ordering::Relaxed), 1);
}

#[tokio::test]
async fn errors_of_the_server_remain_failures() {
    for (way, client) in clients_of(&server(&Arc::default())).await {
        let outcome = async |method: &str| {
            let error = client.call::<Value>(method.to_owned(), ()).retry(rpc::Retry::never()).await.unwrap_err();
            let failure = error.failure().unwrap_or_else(|| panic!("{way}: {error:?}"));
            (failure.kind(), failure.outcome())
        };
        assert_eq!(outcome("late").await, (ErrorKind::Timeout, Outcome::Unknown), "{way}");
        assert_eq!(outcome("large").await, (ErrorKind::Internal, Outcome::Executed), "{way}");
        assert_eq!(outcome("layer").await, (ErrorKind::Unavailable, Outcome::Unknown), "{way}");
    }
}

async fn answer(server: &Server, body: Value) -> (Answer, HeaderMap) {
    let request = Arc::new(RequestContext::new(HeaderMap::new(), None, http::Extensions::new()));
    let answer = server.dispatch(body.to_string().into(), request).await;
    let headers = answer.headers.as_deref().cloned().unwrap_or_default();
    (answer, headers)
}

fn call(id: u64, method: &str) -> Value {
    json!({ "jsonrpc": "2.0", "id": id, "method": method })
}

fn relayed(id: u64) -> Value {
    json!({ "jsonrpc": "2.0", "id": id, "method": "fail", "params": [ErrorCode::OVERLOADED] })
}

#[tokio::test]
async fn the_server_marks_its_own_errors_and_no_others() {
    let server = server(&Arc::default());
    for (method, fault) in [("ok", None), ("late", Some("all")), ("large", Some("all")), ("panic", Some("all"))]
        .into_iter()
        .chain([("nothing", Some("all")), ("fail", Some("all")), ("layer", Some("all"))])
    {
        let (_, headers) = answer(&server, call(1, method)).await;
        assert_eq!(headers.get("rpc-fault").map(|value| value.to_str().unwrap()), fault, "{method}");
        assert!(!headers.contains_key("rpc-refused"), "{method}");
    }
    let (_, headers) = answer(&server, relayed(1)).await;
    assert!(headers.is_empty(), "{headers:?}");
    let notification = json!({ "jsonrpc": "2.0", "method": "panic" });
    assert!(answer(&server, notification).await.1.is_empty());
}

#[tokio::test]
async fn in_a_batch_the_server_names_the_places_of_its_own_errors() {
    let server = server(&Arc::default());
    let notification = json!({ "jsonrpc": "2.0", "method": "panic" });
    let entries = json!([
        call(0, "late"),
        relayed(1),
        call(2, "ok"),
        call(3, "nothing"),
        call(4, "panic"),
        notification,
        json!(1)
    ]);
    let (answer, headers) = answer(&server, entries).await;
    assert_eq!(headers["rpc-fault"], "0,3-4", "{:?}", answer.body);
    assert_eq!(headers["rpc-refused"], "6");
    let many: Vec<_> = (0..1200).map(|id| if id % 2 == 0 { call(id, "nothing") } else { call(id, "ok") }).collect();
    let server =
        Server::builder().limits(Limits::default().max_batch_entries(1200)).method("ok", || async { 1 }).build();
    let (_, headers) = self::answer(&server, Value::from(many)).await;
    assert_eq!(headers["rpc-fault"], "all");
}
