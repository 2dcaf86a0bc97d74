//! Calls that middleware refuses, on the wire and at the client.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use rpc::middleware::{Next, Refusal, Request, Response, from_fn};
use rpc::{Client, ErrorObject, Outcome, Retry, Server};
use serde_json::Value;
use support::raw_http::{Reply, exchange, post};
use support::serve;

/// Refuses calls according to the name of their method.
async fn refuse(request: Request, next: Next) -> Result<Response, Refusal> {
    Err(match request.method() {
        "overloaded" => Refusal::overloaded().retry_after(Duration::from_millis(2500)),
        "limited" => Refusal::rate_limited(Duration::from_millis(1)),
        "closed" => Refusal::new(ErrorObject::new(1503, "closed")).retry_after(Duration::from_secs(7)),
        "never" => Refusal::new(ErrorObject::new(1403, "never")),
        "seen" => {
            next.run(request).await;
            Refusal::overloaded()
        }
        _ => return Ok(next.run(request).await),
    })
}

fn server() -> (Server, Arc<AtomicUsize>) {
    let runs = Arc::new(AtomicUsize::new(0));
    let mut builder = Server::builder().layer(from_fn(refuse));
    for method in ["overloaded", "limited", "closed", "never", "seen", "fine"] {
        let runs = Arc::clone(&runs);
        builder = builder.method(method, move || std::future::ready(runs.fetch_add(1, Ordering::Relaxed)));
    }
    (builder.build(), runs)
}

fn call(method: &str) -> String {
    format!(r#"{{"jsonrpc":"2.0","method":"{method}","id":1}}"#)
}

fn head(reply: &Reply) -> (u16, &str, Option<&str>, Option<&str>) {
    (reply.status, reply.header("rpc-status").unwrap(), reply.header("rpc-refused"), reply.header("retry-after"))
}

#[tokio::test]
async fn a_refused_call_has_the_status_of_http_where_there_is_one() {
    let (server, runs) = server();
    let addr = serve(&server).await;
    for (method, expected) in [
        ("overloaded", (503, "-32092", Some("all"), Some("3"))),
        ("limited", (429, "-32099", Some("all"), Some("1"))),
        ("closed", (200, "1503", Some("all"), Some("7"))),
        ("never", (200, "1403", Some("all"), None)),
    ] {
        let reply = exchange(addr, &post(call(method))).await;
        assert_eq!(head(&reply), expected, "{method}");
    }
    assert_eq!(runs.load(Ordering::Relaxed), 0);
    let limited = exchange(addr, &post(call("limited"))).await;
    let error = r#"{"code":-32099,"message":"Too many calls","data":{"retryAfterMs":1}}"#;
    assert_eq!(limited.text(), format!(r#"{{"jsonrpc":"2.0","error":{error},"id":1}}"#));
}

#[tokio::test]
async fn a_batch_names_its_refused_entries_and_waits_for_the_longest() {
    let (server, _) = server();
    let addr = serve(&server).await;
    let methods = ["fine", "closed", "never", "fine", "overloaded"];
    let batch = format!("[{}]", methods.map(call).join(","));
    let reply = exchange(addr, &post(batch)).await;
    assert_eq!(head(&reply), (200, "3", Some("1-2,4"), Some("7")));
}

#[tokio::test]
async fn a_refused_notification_is_told_by_the_head_alone() {
    let (server, _) = server();
    let addr = serve(&server).await;
    let reply = exchange(addr, &post(r#"{"jsonrpc":"2.0","method":"limited"}"#)).await;
    assert_eq!((head(&reply), reply.text()), ((429, "-32099", Some("all"), Some("1")), ""));
}

#[tokio::test]
async fn a_refusal_behind_a_handler_that_ran_is_an_error_like_any_other() {
    let (server, runs) = server();
    let addr = serve(&server).await;
    let reply = exchange(addr, &post(call("seen"))).await;
    assert_eq!(head(&reply), (200, "-32092", None, None));
    assert_eq!(runs.load(Ordering::Relaxed), 1);
}

#[tokio::test]
async fn a_handler_that_is_reached_after_the_refusal_does_not_run() {
    let runs = Arc::new(AtomicUsize::new(0));
    let counted = Arc::clone(&runs);
    let (late, mut handles) = tokio::sync::mpsc::unbounded_channel();
    let server = Server::builder()
        .method("set", move || std::future::ready(counted.fetch_add(1, Ordering::Relaxed)))
        .layer(from_fn(move |request: Request, next: Next| {
            late.send((request, next)).unwrap();
            async { Err::<Response, _>(Refusal::overloaded()) }
        }))
        .build();
    let client = Client::builder().in_process(&server).retry(Retry::never()).build().unwrap();
    let error = client.call::<Value>("set", ()).await.unwrap_err();
    assert_eq!(error.outcome(), Outcome::Refused);
    let (request, next) = handles.recv().await.unwrap();
    assert!(next.run(request).await.is_refused());
    assert_eq!(runs.load(Ordering::Relaxed), 0);
}

#[tokio::test(start_paused = true)]
async fn a_layers_timeout_before_the_handler_is_a_refusal() {
    let server = Server::builder()
        .method("set", || async {})
        .layer(tower::timeout::TimeoutLayer::new(Duration::from_secs(1)))
        .layer(tower::limit::ConcurrencyLimitLayer::new(0))
        .build();
    let client = Client::builder().in_process(&server).retry(Retry::never()).build().unwrap();
    let error = client.call::<Value>("set", ()).await.unwrap_err();
    assert!(error.to_string().contains("-32093"), "{error}");
    assert_eq!(error.outcome(), Outcome::Refused);
}

#[tokio::test]
async fn what_a_handler_relays_is_no_refusal() {
    let server = Server::builder()
        .try_method("relay", || async { Err::<(), _>(Refusal::rate_limited(Duration::ZERO).error_object().clone()) })
        .layer(from_fn(refuse))
        .build();
    let reply = exchange(serve(&server).await, &post(call("relay"))).await;
    assert_eq!(head(&reply), (200, "-32099", None, None));
}
