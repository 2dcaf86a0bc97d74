//! tower layers around a client.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use futures_util::FutureExt;
use rpc::{Client, ErrorKind, Outcome, Server};
use serde_json::Value;
use tokio::sync::Semaphore;
use tower::ServiceBuilder;
use tower::limit::ConcurrencyLimitLayer;
use tower::load_shed::LoadShedLayer;
use tower::timeout::TimeoutLayer;

/// Returns a server with a method that records how many calls run at a time, at most.
fn crowded() -> (Server, Arc<AtomicUsize>) {
    let (now, most) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
    let tops = Arc::clone(&most);
    let server = Server::builder().method("run", move || {
        let (now, tops) = (Arc::clone(&now), Arc::clone(&tops));
        async move {
            tops.fetch_max(now.fetch_add(1, Ordering::Relaxed) + 1, Ordering::Relaxed);
            for _ in 0..5 {
                tokio::task::yield_now().await;
            }
            now.fetch_sub(1, Ordering::Relaxed);
        }
    });
    (server.build(), most)
}

#[tokio::test]
async fn a_concurrency_limit_counts_deliveries() {
    let (server, most) = crowded();
    let client = Client::builder().in_process(&server).layer(ConcurrencyLimitLayer::new(3)).build().unwrap();
    let calls = (0..20).map(|_| client.call::<()>("run", ()).into_future());
    futures_util::future::try_join_all(calls).await.unwrap();
    assert_eq!(most.load(Ordering::Relaxed), 3);
    // A batch counts as one.
    let calls = (0..20).map(|_| client.call::<()>("run", ())).collect::<Vec<_>>();
    client.batch(calls).await.unwrap();
    assert_eq!(most.load(Ordering::Relaxed), 20);
}

#[tokio::test]
async fn load_is_shed_also_where_the_limit_is_a_layer_of_its_own() {
    let gate = Arc::new(Semaphore::new(0));
    let opened = Arc::clone(&gate);
    let server = Server::builder().method("wait", move || {
        let opened = Arc::clone(&opened);
        async move { opened.acquire().await.unwrap().forget() }
    });
    let client = Client::builder()
        .in_process(&server.build())
        .layer(LoadShedLayer::new())
        .layer(ConcurrencyLimitLayer::new(1))
        .build()
        .unwrap();
    let mut first = client.call::<()>("wait", ()).into_future();
    assert!((&mut first).now_or_never().is_none());
    let error = client.call::<()>("wait", ()).await.unwrap_err();
    assert_eq!((error.kind(), error.outcome()), (ErrorKind::Unavailable, Outcome::NotSent));
    assert_eq!(error.to_string(), "middleware of the client let no more calls through");
    gate.add_permits(1);
    first.await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn a_timeout_of_tower_is_a_timeout_whose_outcome_is_known_where_nothing_was_sent() {
    let (begins, mut begun) = tokio::sync::mpsc::unbounded_channel();
    let server = Server::builder()
        .method("hang", move || {
            begins.send(()).unwrap();
            std::future::pending::<()>()
        })
        .build();
    let timeout = TimeoutLayer::new(Duration::from_secs(2));
    let client = Client::builder().in_process(&server).layer(timeout).build().unwrap();
    let error = client.call::<Value>("hang", ()).await.unwrap_err();
    assert_eq!((error.is_timeout(), error.outcome()), (true, Outcome::Unknown));
    assert_eq!(error.to_string(), "middleware of the client gave up waiting");

    begun.recv().await.unwrap();
    // The second call queues behind the first one.
    let limited = ServiceBuilder::new().timeout(Duration::from_secs(2)).buffer(8).concurrency_limit(1);
    let client = Client::builder().in_process(&server).layer(limited).build().unwrap();
    let first = tokio::spawn(client.call::<Value>("hang", ()).into_future());
    begun.recv().await.unwrap();
    let second = client.call::<Value>("hang", ()).await.unwrap_err();
    assert_eq!((second.is_timeout(), second.outcome()), (true, Outcome::NotSent));
    assert_eq!(first.await.unwrap().unwrap_err().outcome(), Outcome::Unknown);
}
