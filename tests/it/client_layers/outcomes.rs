//! The outcome of a call when layers fail or pass it on more than once.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use futures_util::FutureExt;
use rpc::client_middleware::{EntryAnswer, Next, Request, Response, from_fn};
use rpc::{Client, ClientBuilder, Error, ErrorKind, Failure, Outcome, Server};
use serde_json::Value;

fn counting() -> (Server, Arc<AtomicUsize>) {
    let runs = Arc::new(AtomicUsize::new(0));
    let counter = Arc::clone(&runs);
    let server = Server::builder().method("count", move || {
        let number = counter.fetch_add(1, Ordering::Relaxed);
        async move { number }
    });
    (server.build(), runs)
}

fn builder(server: &Server) -> ClientBuilder {
    Client::builder().in_process(server)
}

#[tokio::test]
async fn a_call_that_a_layer_holds_back_was_not_sent() {
    let (server, runs) = counting();
    for sent in ["with an error", "with a failure", "with a failure for each"] {
        let refuse = from_fn(move |request: Request, _: Next| async move {
            match sent {
                "with an error" => Err(rpc::client_middleware::BoxError::from("closed on Sundays")),
                "with a failure" => Err(Failure::transport("closed on Sundays").into()),
                _ => Ok(request.answer_each(|_| Failure::transport("closed on Sundays").into())),
            }
        });
        let client = builder(&server).layer(refuse).build().unwrap();
        let error = client.call::<u32>("count", ()).await.unwrap_err();
        assert_eq!(error.outcome(), Outcome::NotSent, "{sent}");
        assert_eq!(std::error::Error::source(&error).unwrap().to_string(), "closed on Sundays");
        // Nothing of the batch was sent.
        let batch = client.batch((client.call::<u32>("count", ()), client.call::<u32>("count", ()))).await;
        assert_eq!(batch.unwrap_err().outcome(), Outcome::NotSent);
    }
    assert_eq!(runs.load(Ordering::Relaxed), 0);
}

#[tokio::test]
async fn an_error_of_a_layer_says_what_it_is() {
    let (server, _) = counting();
    let refuse = from_fn(|_: Request, _: Next| async { Err::<Response, _>("no") });
    let client = builder(&server).layer(refuse).build().unwrap();
    let error = client.call::<u32>("count", ()).await.unwrap_err();
    assert_eq!(error.to_string(), "middleware of the client failed");
    assert_eq!(error.kind(), ErrorKind::Internal);
}

#[tokio::test]
async fn a_call_that_ran_is_not_said_to_be_unsent_by_a_layer() {
    let (server, runs) = counting();
    let lie = from_fn(|request: Request, next: Next| async move {
        let _ = next.run(request).await?;
        Err::<Response, _>(Failure::not_sent("lost"))
    });
    let client = builder(&server).layer(lie).build().unwrap();
    let error = client.call::<u32>("count", ()).await.unwrap_err();
    assert_eq!((error.outcome(), runs.load(Ordering::Relaxed)), (Outcome::Unknown, 1));
}

#[tokio::test]
async fn a_layer_passes_a_repeatable_call_on_several_times_and_one_with_an_effect_once() {
    let (server, runs) = counting();
    let twice = from_fn(|request: Request, next: Next| async move {
        let _ = next.clone().run(request.clone()).await?;
        next.run(request).await
    });
    let client = builder(&server).layer(twice).build().unwrap();
    let call = || client.call::<u32>("count", ());
    assert_eq!(call().readonly().await.unwrap(), 1);
    let error = call().await.unwrap_err();
    assert_eq!((error.outcome(), runs.load(Ordering::Relaxed)), (Outcome::Unknown, 3));
    let (one, two) = client.batch((call().idempotent(), call())).await.unwrap();
    assert!(one.is_ok() && two.unwrap_err().outcome() == Outcome::Unknown);
    assert_eq!(runs.load(Ordering::Relaxed), 6);
}

#[tokio::test]
async fn a_layer_passes_a_call_with_an_effect_on_again_that_did_not_run() {
    // No server listens at port 1.
    let tries = Arc::new(AtomicUsize::new(0));
    let counter = Arc::clone(&tries);
    let twice = from_fn(move |request: Request, next: Next| {
        let counter = Arc::clone(&counter);
        async move {
            let first = next.clone().run(request.clone()).await?;
            assert_eq!(first.answers()[0].outcome(), Outcome::NotSent);
            counter.fetch_add(1, Ordering::Relaxed);
            next.run(request).await
        }
    });
    let client = Client::builder().endpoint("http://127.0.0.1:1").retry(rpc::Retry::never()).layer(twice);
    let error = client.build().unwrap().call::<u32>("count", ()).await.unwrap_err();
    assert!(error.is_connect());
    assert_eq!((error.outcome(), tries.load(Ordering::Relaxed)), (Outcome::NotSent, 1));
}

#[tokio::test]
async fn a_call_that_is_said_to_be_unsent_is_not_sent_later() {
    let (server, runs) = counting();
    let (hand_over, mut late) = tokio::sync::mpsc::unbounded_channel();
    let leak = from_fn(move |request: Request, next: Next| {
        hand_over.send((request, next)).unwrap();
        async { Err::<Response, _>("gave up") }
    });
    let client = builder(&server).layer(leak).build().unwrap();
    let error = client.call::<u32>("count", ()).idempotent().await.unwrap_err();
    assert_eq!(error.outcome(), Outcome::NotSent);
    let (request, next) = late.recv().await.unwrap();
    let response = next.run(request).await.unwrap();
    assert!(response.answers()[0].failure().is_some());
    assert_eq!(runs.load(Ordering::Relaxed), 0);
}

#[tokio::test]
async fn answers_that_do_not_fit_fail_the_calls() {
    let (server, _) = counting();
    let invent = from_fn(|_: Request, _: Next| async {
        Ok::<_, Failure>(Response::new([EntryAnswer::result(&1), EntryAnswer::result(&2)]))
    });
    let client = builder(&server).layer(invent).build().unwrap();
    let error = client.call::<u32>("count", ()).await.unwrap_err();
    assert_eq!(error.to_string(), "middleware of the client gave another number of answers than there are calls");
}

#[tokio::test(start_paused = true)]
async fn the_deadline_bounds_what_layers_take() {
    let (server, _) = counting();
    let stuck = from_fn(|_: Request, _: Next| std::future::pending::<Result<Response, Failure>>());
    let client = builder(&server).deadline(Duration::from_secs(3)).layer(stuck).build().unwrap();
    let begun = tokio::time::Instant::now();
    let error = client.call::<u32>("count", ()).await.unwrap_err();
    assert_eq!((error.is_timeout(), error.outcome()), (true, Outcome::NotSent));
    assert!(begun.elapsed() < Duration::from_secs(4));
    let forgetful = from_fn(|request: Request, next: Next| async move {
        let _ = next.run(request).await?;
        std::future::pending::<Result<Response, Failure>>().await
    });
    let client = builder(&server).deadline(Duration::from_secs(3)).layer(forgetful).build().unwrap();
    let error = client.call::<u32>("count", ()).await.unwrap_err();
    assert_eq!((error.is_timeout(), error.outcome()), (true, Outcome::Unknown));
}

#[tokio::test]
async fn a_panic_of_a_layer_is_that_of_its_call_alone() {
    let (server, _) = counting();
    let burst = from_fn(|request: Request, next: Next| async move {
        assert!(request.entries().all(|entry| entry.method() != "burst"), "a planted panic");
        next.run(request).await
    });
    let client = builder(&server).layer(burst).build().unwrap();
    let call = client.call::<u32>("burst", ());
    assert!(tokio::spawn(async move { call.await }).await.unwrap_err().is_panic());
    assert_eq!(client.call::<u32>("count", ()).await.unwrap(), 0);
}

#[tokio::test]
async fn dropping_a_call_drops_its_layers() {
    let (server, runs) = counting();
    let (held, mut dropped) = tokio::sync::mpsc::channel::<()>(1);
    let hold = from_fn(move |_: Request, _: Next| {
        let held = held.clone();
        async move {
            let _held = held;
            std::future::pending::<Result<Response, Failure>>().await
        }
    });
    let client = builder(&server).layer(hold).build().unwrap();
    let call = client.call::<Value>("count", ()).into_future();
    drop(client);
    assert!(call.now_or_never().is_none());
    assert_eq!(dropped.recv().await, None);
    assert_eq!(runs.load(Ordering::Relaxed), 0);
}

#[tokio::test]
async fn a_typed_error_passes_layers() {
    let (server, _) = counting();
    let pass = from_fn(|request: Request, next: Next| next.run(request));
    let client = builder(&server).layer(pass).build().unwrap();
    assert!(matches!(client.call::<u32>("unknown", ()).await, Err(Error::Rpc(_))));
}
