//! Panics in layers and behind them.

use std::sync::Arc;

use rpc::middleware::{Next, Request, from_fn};
use rpc::{Client, Error, ErrorObject, Server};
use serde_json::Value;
use tokio::sync::Semaphore;
use tower::limit::ConcurrencyLimitLayer;

/// Returns whether this is the internal error, without details.
fn is_internal(answer: Result<Value, Error>) -> bool {
    matches!(answer, Err(Error::Rpc(error)) if error == ErrorObject::internal())
}

#[tokio::test]
async fn a_layer_that_panics_is_answered_like_a_handler_that_does() {
    let server = Server::builder()
        .method("before", || async {})
        .method("between", || async {})
        .method("after", || async {})
        .method("fine", || async {})
        .layer(from_fn(|request: Request, next: Next| {
            let method = request.method().to_owned();
            assert_ne!(method, "before");
            async move {
                tokio::task::yield_now().await;
                assert_ne!(method, "between");
                let response = next.run(request).await;
                assert_ne!(method, "after");
                response
            }
        }))
        .build();
    let client = Client::in_process(&server);
    let calls = ["before", "between", "after", "fine"].map(|method| client.call::<Value>(method, ()));
    let [before, between, after, fine] = client.batch(calls).await.unwrap();
    assert!(is_internal(before) && is_internal(between) && is_internal(after));
    assert_eq!(fine.unwrap(), Value::Null);
}

#[tokio::test]
async fn a_panic_of_the_handler_passes_through_layers_and_gives_back_what_they_hold() {
    let inside = Arc::new(Semaphore::new(1));
    let held = Arc::clone(&inside);
    let server = Server::builder()
        .method("explode", || async {
            tokio::task::yield_now().await;
            if true {
                panic!("as told")
            }
        })
        .method("fine", || async {})
        .layer(ConcurrencyLimitLayer::new(1))
        .layer(from_fn(move |request: Request, next: Next| {
            let permit = Arc::clone(&held).try_acquire_owned().unwrap();
            async move {
                let response = next.run(request).await;
                drop(permit);
                response
            }
        }))
        .build();
    let client = Client::in_process(&server);
    for _ in 0..3 {
        assert!(is_internal(client.call::<Value>("explode", ()).await));
    }
    client.call::<Value>("fine", ()).await.unwrap();
    assert_eq!(inside.available_permits(), 1);
}
