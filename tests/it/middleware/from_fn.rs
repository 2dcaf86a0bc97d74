//! What a function between caller and handler may do.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use rpc::middleware::{Next, Request, Response, from_fn};
use rpc::{Client, Error, ErrorObject, Limits, RpcError, Server};
use serde::Deserialize;
use serde_json::{Value, json};

use super::{Echo, Log, ProbeClient, ProbeServer};

#[derive(Debug, PartialEq, thiserror::Error, RpcError)]
#[error("{0} is too much")]
#[rpc(code = 1400)]
struct TooMuch(u64);

#[derive(Deserialize)]
struct ById {
    id: u64,
}

async fn double(request: Request, next: Next) -> Result<Response, ErrorObject> {
    let ById { id } = request.parse_params()?;
    if id > 100 {
        return Ok(Response::error(TooMuch(id)));
    }
    if id == 13 {
        return Ok(Response::result("unlucky"));
    }
    let request = request.with_params(&json!({ "id": 2 * id })).unwrap();
    Ok(next.run(request).await)
}

#[tokio::test]
async fn params_may_be_read_and_replaced_and_calls_answered_without_their_handler() {
    let log = Log::default();
    let server =
        Server::builder().service(ProbeServer::new(Echo)).layer(from_fn(double)).layer(log.layer("inner")).build();
    let client = Client::in_process(&server);
    assert_eq!(ProbeClient::new(client.clone()).get(21).await.unwrap(), 42);
    assert_eq!(log.take(), [r#"inner> call probe.get {"id":42}"#, "<inner probe.get 42"]);
    assert_eq!(client.call::<String>("probe.get", json!({ "id": 13 })).await.unwrap(), "unlucky");
    let error = client.call::<Value>("probe.get", json!({ "id": 101 })).await.unwrap_err();
    assert!(matches!(error, Error::Rpc(error) if error == TooMuch(101).to_error_object()));
    let error = client.call::<Value>("probe.get", json!({ "idd": 1 })).await.unwrap_err();
    assert!(matches!(error, Error::Rpc(error) if error.code() == rpc::ErrorCode::INVALID_PARAMS));
    assert!(log.take().is_empty());
}

#[tokio::test]
async fn params_may_be_taken_away_but_not_be_anything() {
    let server = Server::builder()
        .method("count", |params: rpc::Params| async move { params.as_json().map(str::len) })
        .layer(from_fn(|request: Request, next: Next| {
            assert!(request.clone().with_params(&5).is_err());
            next.run(request.with_params(&()).unwrap())
        }))
        .build();
    assert_eq!(Client::in_process(&server).call::<Option<usize>>("count", [1]).await.unwrap(), None);
}

#[tokio::test]
async fn a_request_may_be_sent_again() {
    let runs = Arc::new(AtomicUsize::new(0));
    let counted = Arc::clone(&runs);
    let server = Server::builder()
        .try_method("flaky", move || {
            let run = counted.fetch_add(1, Ordering::Relaxed);
            async move { if run < 2 { Err(ErrorObject::new(1, "not yet")) } else { Ok(run) } }
        })
        .layer(from_fn(|request: Request, next: Next| async move {
            let mut response = next.clone().run(request.clone()).await;
            while response.is_error() {
                response = next.clone().run(request.clone()).await;
            }
            response
        }))
        .build();
    assert_eq!(Client::in_process(&server).call::<usize>("flaky", ()).await.unwrap(), 2);
    assert_eq!(runs.load(Ordering::Relaxed), 3);
}

#[tokio::test]
async fn a_response_tells_its_error_or_its_result() {
    let server = Server::builder()
        .method("good", || async { json!({ "a": [1, 2] }) })
        .try_method("bad", || async { Err::<(), _>(TooMuch(5)) })
        .layer(from_fn(|request: Request, next: Next| async move {
            let response = next.run(request).await;
            let seen = json!({
                "is_error": response.is_error(),
                "is_refused": response.is_refused(),
                "code": response.error_code(),
                "error": response.error_object(),
                "result": response.result_json(),
            });
            Response::result(&seen)
        }))
        .build();
    let client = Client::in_process(&server);
    let good =
        json!({ "is_error": false, "is_refused": false, "code": null, "error": null, "result": "{\"a\":[1,2]}" });
    assert_eq!(client.call::<Value>("good", ()).await.unwrap(), good);
    let error = json!({ "code": 1400, "message": "5 is too much", "data": 5 });
    let bad = json!({ "is_error": true, "is_refused": false, "code": 1400, "error": error, "result": null });
    assert_eq!(client.call::<Value>("bad", ()).await.unwrap(), bad);
}

#[tokio::test]
async fn a_declared_error_reaches_its_type_through_layers() {
    #[rpc::service]
    trait Strict {
        async fn take(&self, amount: u64) -> Result<(), TooMuch>;
    }
    struct Nothing;
    impl Strict for Nothing {
        async fn take(&self, amount: u64) -> Result<(), TooMuch> {
            Err(TooMuch(amount))
        }
    }
    let server = Server::builder().service(StrictServer::new(Nothing)).layer(Log::default().layer("a")).build();
    let error = StrictClient::new(Client::in_process(&server)).take(5).await.unwrap_err();
    assert!(matches!(error, Error::Method(TooMuch(5))));
}

#[tokio::test]
async fn handlers_find_the_same_context_as_without_layers() {
    let server = Server::builder()
        .method("context", |cx: rpc::Context| async move {
            let tenant = cx.headers().get("x-tenant").map(|tenant| tenant.to_str().unwrap().to_owned());
            json!([cx.method(), cx.id().is_some(), tenant, cx.remaining().is_some()])
        })
        .layer(Log::default().layer("a"))
        .build();
    let call = Client::in_process(&server).call::<Value>("context", ()).header("x-tenant", "a");
    assert_eq!(call.await.unwrap(), json!(["context", true, "a", true]));
}

#[tokio::test]
async fn results_are_met_by_the_limit_within_layers_and_behind_them() {
    let mut limits = Limits::default();
    limits.max_response_bytes = 200;
    let log = Log::default();
    let server = Server::builder()
        .method("long", || async { "x".repeat(300) })
        .method("short", || async { "x" })
        .layer(from_fn(|request: Request, next: Next| async move {
            match (request.method() == "short", next.run(request).await) {
                (true, _) => Response::result(&"y".repeat(300)),
                (false, response) => response,
            }
        }))
        .layer(log.layer("inner"))
        .limits(limits)
        .build();
    for (method, seen) in [("long", "-32091"), ("short", "\"x\"")] {
        let error = Client::in_process(&server).call::<Value>(method, ()).await.unwrap_err();
        assert!(error.to_string().contains("-32091"), "{error}");
        assert_eq!(log.take().pop().unwrap(), format!("<inner {method} {seen}"));
    }
}

#[tokio::test]
async fn what_may_be_secret_is_not_shown() {
    let log = Log::default();
    let noted = log.clone();
    let server = Server::builder()
        .method("login", |password: Value| async move { password })
        .layer(from_fn(move |request: Request, next: Next| {
            let noted = noted.clone();
            async move {
                noted.push(format!("{request:?} {next:?}"));
                let response = next.run(request).await;
                noted.push(format!("{response:?}"));
                response
            }
        }))
        .build();
    Client::in_process(&server).call::<Value>("login", ["hunter2"]).await.unwrap();
    let lines = log.take().join(" ");
    assert!(lines.contains("login") && !lines.contains("hunter2"), "{lines}");
}
