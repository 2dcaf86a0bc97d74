//! The life of connections: the client keeps them, notices stale ones, and closes them when their call is dropped.

use std::sync::Arc;
use std::time::Duration;

use rpc::{Client, Outcome, Server};
use support::{over_http, serve};
use tokio::sync::Notify;

use crate::relay::Relay;

/// Answers `ping`. Never answers `hang`, but notifies when `hang` begins.
fn server() -> (Server, Arc<Notify>) {
    let begun = Arc::new(Notify::new());
    let tell = Arc::clone(&begun);
    let hang = move || {
        tell.notify_one();
        std::future::pending::<()>()
    };
    (Server::builder().method("ping", || async { "pong" }).method("hang", hang).build(), begun)
}

async fn relay() -> (Relay, Arc<Notify>) {
    let (server, begun) = server();
    (Relay::to(serve(&server).await).await, begun)
}

async fn ping(client: &Client) {
    assert_eq!(client.call::<String>("ping", ()).await.unwrap(), "pong");
}

#[tokio::test]
async fn calls_one_after_the_other_share_a_connection() {
    for way in [0, 1] {
        let (relay, _) = relay().await;
        let (way, client) = over_http(&relay.url()).into_iter().nth(way).unwrap();
        for _ in 0..20 {
            ping(&client).await;
        }
        assert_eq!(relay.opened(), 1, "{way}");
    }
}

#[tokio::test]
async fn a_connection_that_the_server_closed_while_it_was_idle_costs_no_call() {
    for way in [0, 1] {
        let (relay, _) = relay().await;
        let (_, client) = over_http(&relay.url()).into_iter().nth(way).unwrap();
        for cuts in 1..5 {
            ping(&client).await;
            relay.cut();
            relay.closed(cuts).await;
        }
    }
}

#[tokio::test]
async fn a_call_that_is_dropped_takes_its_connection_along_and_nothing_else() {
    let (relay, begun) = relay().await;
    // There is room for one request at a time. A dropped call must free it.
    let client = Client::builder().endpoint(relay.url()).max_concurrent_requests(1).build().unwrap();
    for dropped in 1..4 {
        let call = client.call::<()>("hang", ()).into_future();
        tokio::select! {
            answer = call => panic!("{answer:?}"),
            () = begun.notified() => {}
        }
        relay.closed(dropped).await;
    }
    ping(&client).await;
    assert_eq!(relay.opened(), 4);
}

#[tokio::test]
async fn a_call_that_is_dropped_over_http2_leaves_the_connection_to_the_others() {
    let (relay, begun) = relay().await;
    let client = Client::builder().endpoint(relay.url()).http2_prior_knowledge().build().unwrap();
    for _ in 0..3 {
        let call = client.call::<()>("hang", ()).into_future();
        tokio::select! {
            answer = call => panic!("{answer:?}"),
            () = begun.notified() => {}
        }
        ping(&client).await;
    }
    assert_eq!(relay.opened(), 1);
}

#[tokio::test]
async fn a_call_that_waits_for_room_is_sent_once_there_is_some_or_not_at_all() {
    let (relay, begun) = relay().await;
    let client = Client::builder().endpoint(relay.url()).max_concurrent_requests(1).build().unwrap();
    let hanging = tokio::spawn(client.call::<()>("hang", ()).into_future());
    begun.notified().await;
    let error = client.call::<String>("ping", ()).deadline(Duration::from_millis(50)).await.unwrap_err();
    assert!(error.is_timeout());
    assert_eq!(error.outcome(), Outcome::NotSent);

    let waiting = tokio::spawn(client.call::<String>("ping", ()).into_future());
    tokio::task::yield_now().await;
    hanging.abort();
    assert_eq!(waiting.await.unwrap().unwrap(), "pong");
}
