//! Logs about calls that fail or are slow.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use rpc::{Client, ClientBuilder, Dispatch, ErrorObject, Principal, RequestContext, Server, Telemetry};
use serde_json::json;
use support::{Peer, http};
use tracing::Level;

use super::capture::{Log, Told};

/// Builds a server with methods that take a secret.
fn server(telemetry: Telemetry) -> Server {
    Server::builder()
        .method("keep", |_: (String,)| async {})
        .try_method("refuse", |(secret,): (String,)| async move { Err::<(), _>(ErrorObject::new(1001, secret)) })
        .method("explode", |(secret,): (String,)| async move {
            if !secret.is_empty() {
                panic!("{secret}")
            }
        })
        .method("sleep", |(seconds,): (u64,)| tokio::time::sleep(Duration::from_secs(seconds)))
        .telemetry(telemetry)
        .build()
}

fn client(server: &Server) -> ClientBuilder {
    Client::builder().in_process(server).header("authorization", "Bearer hunter2")
}

fn logs_of(told: &Told, message: &str) -> Vec<Log> {
    told.logs().into_iter().filter(|log| log.fields.get("message") == Some(message)).collect()
}

#[tokio::test(start_paused = true)]
async fn a_slow_call_is_logged_with_its_time_by_server_and_client() {
    let (told, _guard) = Told::begin();
    let client = client(&server(Telemetry::default())).telemetry(Telemetry::default()).build().unwrap();
    client.call::<()>("sleep", (0,)).readonly().await.unwrap();
    assert!(told.logs().is_empty(), "{:?}", told.logs());
    client.call::<()>("sleep", (2,)).readonly().await.unwrap();
    let logs = logs_of(&told, "call was slow");
    assert_eq!(logs.iter().map(|log| log.target).collect::<Vec<_>>(), ["rpc::server", "rpc::client"]);
    for log in logs {
        assert_eq!(log.level, Level::WARN);
        assert_eq!(log.fields.get("method"), Some("sleep"));
        assert!(log.fields.get("duration").unwrap().starts_with("2"), "{log:?}");
        assert!(log.fields.get("id").is_some());
        assert!(log.span.is_some());
    }
    assert_eq!(told.logs().len(), 2);
}

#[tokio::test(start_paused = true)]
async fn how_slow_is_slow_can_be_said() {
    let (told, _guard) = Told::begin();
    let mut telemetry = Telemetry::default();
    telemetry.slow_call = Some(Duration::from_secs(3));
    Client::in_process(&server(telemetry.clone())).call::<()>("sleep", (2,)).readonly().await.unwrap();
    telemetry.slow_call = None;
    Client::in_process(&server(telemetry)).call::<()>("sleep", (9,)).readonly().await.unwrap();
    assert!(told.logs().is_empty(), "{:?}", told.logs());
}

#[tokio::test]
async fn errors_are_logged_as_loud_as_they_concern_those_who_run_the_server() {
    let (told, _guard) = Told::begin();
    let client = client(&server(Telemetry::default())).build().unwrap();
    for (method, level, code) in
        [("explode", Level::ERROR, "-32603"), ("refuse", Level::INFO, "1001"), ("unknown", Level::INFO, "-32601")]
    {
        client.call::<()>(method, ("hunter2",)).await.unwrap_err();
        let log = logs_of(&told, "call failed").pop().unwrap();
        assert_eq!((log.level, log.fields.get("code")), (level, Some(code)), "{method}");
    }
    let mut expired = RequestContext::default();
    expired.headers.insert("rpc-timeout-ms", http::HeaderValue::from_static("0"));
    let expired = expired.counting_from_now(std::time::Instant::now);
    let body = Bytes::from_static(br#"{"jsonrpc":"2.0","method":"keep","id":1}"#);
    server(Telemetry::default()).dispatch(body, Arc::new(expired)).await;
    assert_eq!(logs_of(&told, "call failed").pop().unwrap().level, Level::WARN);
}

#[tokio::test]
async fn logs_name_the_principal() {
    let (told, _guard) = Told::begin();
    let request = RequestContext::default().with_principal(Principal::new("ada"));
    let body = Bytes::from_static(br#"{"jsonrpc":"2.0","method":"refuse","params":["x"],"id":"a\"b"}"#);
    server(Telemetry::default()).dispatch(body, Arc::new(request)).await;
    let [log] = &logs_of(&told, "call failed")[..] else { panic!("{:?}", told.logs()) };
    assert_eq!(log.fields.get("principal"), Some("ada"));
    assert_eq!(log.fields.get("id"), Some("a\"b"));
}

#[tokio::test]
async fn neither_params_nor_headers_nor_messages_are_told() {
    let (told, _guard) = Told::begin();
    let mut telemetry = Telemetry::default();
    telemetry.slow_call = Some(Duration::ZERO);
    let client = client(&server(telemetry.clone())).telemetry(telemetry).build().unwrap();
    client.call::<()>("keep", ("hunter2",)).await.unwrap();
    client.call::<()>("refuse", ("hunter2",)).await.unwrap_err();
    client.call::<()>("explode", ("hunter2",)).await.unwrap_err();
    client.call::<()>("keep", json!({ "hunter2": 1 })).await.unwrap_err();
    assert_eq!(logs_of(&told, "call was slow").len(), 8);
    assert!(!told.text().contains("hunter2"), "{}", told.text());
}

#[tokio::test]
async fn params_are_logged_up_to_a_kilobyte_where_that_is_wanted() {
    let (told, _guard) = Told::begin();
    let mut telemetry = Telemetry::default();
    telemetry.log_params = true;
    let client = client(&server(telemetry.clone())).telemetry(telemetry).build().unwrap();
    client.call::<()>("refuse", ("hunter2",)).await.unwrap_err();
    let logs = told.logs();
    assert_eq!(logs.len(), 2);
    assert!(logs.iter().all(|log| log.fields.get("params") == Some(r#"["hunter2"]"#)), "{logs:?}");
    client.call::<()>("refuse", ("ü".repeat(2000),)).await.unwrap_err();
    assert!(told.logs()[2..].iter().all(|log| log.fields.get("params").unwrap().len() == 1024));
}

#[tokio::test]
async fn errors_are_not_logged_where_that_is_not_wanted() {
    let (told, _guard) = Told::begin();
    let mut telemetry = Telemetry::default();
    telemetry.log_errors = false;
    let client = client(&server(telemetry.clone())).telemetry(telemetry).build().unwrap();
    client.call::<()>("refuse", ("x",)).await.unwrap_err();
    assert!(told.logs().is_empty(), "{:?}", told.logs());
    assert_eq!(told.spans().len(), 3);
}

#[tokio::test]
async fn a_client_logs_a_failure_with_what_may_have_happened() {
    let (told, _guard) = Told::begin();
    let peer = Peer::start(|_| support::Answer::Bytes(http("502 Bad Gateway", &[], "hunter2"))).await;
    let client = peer.builder().telemetry(Telemetry::default()).build().unwrap();
    client.call::<()>("keep", ("hunter2",)).await.unwrap_err();
    let [log] = &logs_of(&told, "call failed")[..] else { panic!("{:?}", told.logs()) };
    assert_eq!((log.level, log.fields.get("error")), (Level::WARN, Some("unavailable")));
    assert_eq!((log.fields.get("outcome"), log.fields.get("attempts")), (Some("Unknown"), Some("1")));
    assert!(!told.text().contains("hunter2"), "{}", told.text());
}

#[tokio::test]
async fn a_panic_in_the_hook_for_attempts_is_logged_once() {
    let (told, _guard) = Told::begin();
    let peer = Peer::answering(|call| support::result(&call.id(), 7)).await;
    let client = peer.builder().on_attempt(|_| panic!("hunter2")).build().unwrap();
    for _ in 0..3 {
        assert_eq!(client.clone().call::<u64>("any", ()).await.unwrap(), 7);
    }
    let logged = logs_of(&told, "on_attempt panicked: calls go on, and further panics are not logged");
    assert_eq!(logged.len(), 1, "{:?}", told.logs());
    assert_eq!(logged[0].level, Level::ERROR);
}
