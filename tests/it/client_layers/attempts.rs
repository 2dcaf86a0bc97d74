//! Layers around each attempt.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use bytes::Bytes;
use http::HeaderValue;
use rpc::client_middleware::{Next, from_fn};
use rpc::transport::{Reply, Request};
use rpc::{Client, ErrorKind, Failure, Outcome, Retry, Server};
use serde_json::Value;
use support::{Answer, Peer, http, result, serve};
use tower::limit::ConcurrencyLimitLayer;
use tower::timeout::TimeoutLayer;

use super::{note, take};

#[tokio::test]
async fn an_attempt_layer_sees_each_attempt_and_adds_headers_to_it() {
    let count = AtomicUsize::new(0);
    let peer = Peer::start(move |request| {
        let bad = count.fetch_add(1, Ordering::Relaxed) == 0;
        Answer::Bytes(if bad {
            http("502 Bad Gateway", &[], "")
        } else {
            http("200 OK", &[], &result(&request.id(), 1))
        })
    })
    .await;
    let numbers = Arc::new(AtomicUsize::new(0));
    let number = from_fn(move |mut request: Request, next: Next<Request>| {
        let number = numbers.fetch_add(1, Ordering::Relaxed) + 1;
        request.headers.insert("x-number", HeaderValue::from(number));
        next.run(request)
    });
    let retry = Retry::exponential().base(Duration::from_millis(1));
    let client = peer.builder().retry(retry).attempt_layer(number).build().unwrap();
    client.call::<Value>("look", ()).readonly().await.unwrap();
    let requests = peer.requests();
    let numbers: Vec<_> = requests.iter().map(|request| request.header("x-number")).collect();
    assert_eq!(numbers, [Some("1"), Some("2")]);
}

#[tokio::test]
async fn probes_pass_attempt_layers_and_tell_that_they_are() {
    let noted = super::Noted::default();
    let notes = Arc::clone(&noted);
    let look = from_fn(move |request: Request, next: Next<Request>| {
        note(&notes, if request.is_probe() { "probe" } else { "calls" });
        next.run(request)
    });
    let server = Server::builder().method("pay", || async { 1 }).build();
    let url = format!("http://{}", serve(&server).await);
    for builder in [Client::builder().endpoint(url), Client::builder().in_process(&server)] {
        let client = builder.attempt_layer(look.clone()).build().unwrap();
        assert_eq!(client.call::<u32>("pay", ()).await.unwrap(), 1);
        client.call::<u32>("pay", ()).ticket().await.unwrap();
        assert_eq!(take(&noted), ["probe", "calls", "probe"]);
    }
}

#[tokio::test]
async fn what_an_attempt_layer_does_not_pass_on_was_not_sent() {
    let server = Server::builder().method("pay", || async { 1 }).build();
    let url = format!("http://{}", serve(&server).await);
    let refuse = from_fn(|request: Request, next: Next<Request>| async move {
        if request.is_probe() {
            Ok(next.run(request).await?)
        } else {
            Err(rpc::client_middleware::BoxError::from("no"))
        }
    });
    let client = Client::builder().endpoint(url).attempt_layer(refuse).build().unwrap();
    let error = client.call::<u32>("pay", ()).await.unwrap_err();
    assert_eq!((error.outcome(), error.attempts().len()), (Outcome::NotSent, 1));
    assert_eq!((error.kind(), error.to_string().as_str()), (ErrorKind::Internal, "middleware of the client failed"));
}

#[tokio::test(start_paused = true)]
async fn an_attempt_that_a_layer_times_out_is_retried_where_that_is_safe() {
    let begun = Arc::new(AtomicUsize::new(0));
    let counter = Arc::clone(&begun);
    let server = Server::builder().method("look", move || {
        let number = counter.fetch_add(1, Ordering::Relaxed);
        async move {
            if number == 0 {
                std::future::pending::<()>().await;
            }
            number
        }
    });
    let timeout = TimeoutLayer::new(Duration::from_secs(1));
    let client = Client::builder().in_process(&server.build()).attempt_layer(timeout).build().unwrap();
    assert_eq!(client.call::<u32>("look", ()).readonly().await.unwrap(), 1);
    begun.store(0, Ordering::Relaxed);
    let error = client.call::<u32>("look", ()).retry(Retry::never()).await.unwrap_err();
    assert_eq!((error.is_timeout(), error.outcome()), (true, Outcome::Unknown));
}

#[tokio::test]
async fn an_attempt_layer_answers_in_the_place_of_the_server() {
    let fake = from_fn(|request: Request, _: Next<Request>| async move {
        let call: Value = serde_json::from_slice(&request.body).unwrap();
        Ok::<_, Failure>(Reply::new(Bytes::from(result(&call["id"], 7))))
    });
    let client = Client::builder().endpoint("http://127.0.0.1:1").attempt_layer(fake).build().unwrap();
    assert_eq!(client.call::<u32>("look", ()).readonly().await.unwrap(), 7);
}

#[tokio::test]
async fn the_first_attempt_layer_is_the_outermost_and_its_limit_counts_attempts() {
    let order = Arc::new(Mutex::new(Vec::new()));
    let layer = |name: &'static str| {
        let order = Arc::clone(&order);
        from_fn(move |request: Request, next: Next<Request>| {
            order.lock().unwrap().push(name);
            next.run(request)
        })
    };
    let server = Server::builder().method("look", || async { 1 }).build();
    let client = Client::builder()
        .in_process(&server)
        .attempt_layer(layer("first"))
        .attempt_layer(ConcurrencyLimitLayer::new(1))
        .attempt_layer(layer("second"))
        .build()
        .unwrap();
    client.call::<u32>("look", ()).readonly().await.unwrap();
    assert_eq!(*order.lock().unwrap(), ["first", "second"]);
}

#[tokio::test]
async fn a_layer_may_answer_a_probe_with_any_status() {
    let server = Server::builder().method("pay", || async { 1 }).build();
    let hide = from_fn(|request: Request, next: Next<Request>| async move {
        if !request.is_probe() {
            return next.run(request).await;
        }
        let mut reply = Reply::new(Bytes::new());
        reply.status = Some(http::StatusCode::NOT_FOUND);
        Ok(reply)
    });
    let client = Client::builder().in_process(&server).attempt_layer(hide).build().unwrap();
    assert_eq!(client.call::<u32>("pay", ()).await.unwrap(), 1);
}

#[tokio::test(start_paused = true)]
async fn any_failure_of_a_layer_that_passes_nothing_on_says_that_nothing_was_sent() {
    let server = Server::builder().method("pay", || async { 1 }).build();
    type Fail = fn() -> Failure;
    let fails: [Fail; 5] = [
        Failure::overloaded,
        || Failure::of_status(http::StatusCode::SERVICE_UNAVAILABLE),
        Failure::timed_out,
        || Failure::transport("broken"),
        || Failure::protocol("broken"),
    ];
    for fail in fails {
        let count = Arc::new(AtomicUsize::new(0));
        let counter = Arc::clone(&count);
        let shed = move |from: usize| {
            let counter = Arc::clone(&counter);
            from_fn(move |request: Request, next: Next<Request>| {
                let sheds = !request.is_probe() && counter.fetch_add(1, Ordering::Relaxed) < from;
                async move { if sheds { Err(fail()) } else { next.run(request).await } }
            })
        };
        let client = Client::builder().in_process(&server).attempt_layer(shed(9)).build().unwrap();
        let error = client.call::<u32>("pay", ()).await.unwrap_err();
        assert_eq!((error.outcome(), error.attempts().len()), (Outcome::NotSent, 3), "{error:?}");
        count.store(0, Ordering::Relaxed);
        let client = Client::builder().in_process(&server).attempt_layer(shed(1)).build().unwrap();
        assert_eq!(client.call::<u32>("pay", ()).await.unwrap(), 1);
    }
}

#[tokio::test]
async fn requests_and_replies_show_neither_headers_nor_bodies() {
    let noted = super::Noted::default();
    let notes = Arc::clone(&noted);
    let look = from_fn(move |request: Request, next: Next<Request>| {
        note(&notes, format!("{request:?}"));
        let notes = Arc::clone(&notes);
        async move {
            let reply = next.run(request).await?;
            note(&notes, format!("{reply:?}"));
            Ok::<_, Failure>(reply)
        }
    });
    let server = Server::builder()
        .method("echo", |(text,): (String,), cx: rpc::Context| async move {
            cx.response_header("x-secret", "secret").unwrap();
            text
        })
        .build();
    let client = Client::builder().in_process(&server).attempt_layer(look).build().unwrap();
    client.call::<String>("echo", ["secret"]).header("authorization", "secret").readonly().await.unwrap();
    let shown = take(&noted);
    assert!(shown.len() == 2 && shown.iter().all(|text| !text.contains("secret")), "{shown:?}");
}
