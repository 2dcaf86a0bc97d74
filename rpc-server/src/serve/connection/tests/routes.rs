//! Streamed answers of routes, over HTTP/2.

use std::convert::Infallible;
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::routing::get;
use bytes::Bytes;
use futures_util::stream;
use h2::RecvStream;
use http::Request;
use tokio::time::{Instant, sleep};

use super::http2::{Peer, assert_write_timeout};
use super::{ConnectionOrder, Served, assert_elapsed, builder, serve_in_memory};

/// Serves a route that sends bytes after 300 s, and one that sends 1 MiB.
fn served() -> Served {
    let late = || async {
        Body::from_stream(stream::once(async {
            sleep(Duration::from_secs(300)).await;
            Ok::<_, Infallible>(Bytes::from_static(b"late"))
        }))
    };
    let routes = Router::new().route("/late", get(late)).route("/large", get(|| async { "x".repeat(1 << 20) }));
    serve_in_memory(builder().routes(routes).build())
}

async fn read(peer: &Peer, path: &str) -> RecvStream {
    let request = Request::get(format!("http://a{path}")).body(()).unwrap();
    peer.send(request).await.unwrap().into_body()
}

#[tokio::test(start_paused = true)]
async fn over_http2_a_stream_that_is_silent_is_neither_unread_nor_idle() {
    let (peer, task, state) = Peer::connect(served(), 20_000).await;
    let start = Instant::now();
    let mut body = read(&peer, "/late").await;
    assert_eq!(body.data().await.unwrap().unwrap(), "late");
    assert_elapsed(start, 300);
    while body.data().await.is_some() {}
    // The connection is at rest from then on, and sees an order to close.
    state.tell(ConnectionOrder::Close);
    let start = Instant::now();
    task.await.unwrap();
    assert!(start.elapsed() <= Duration::from_secs(1), "{:?}", start.elapsed());
}

#[tokio::test(start_paused = true)]
async fn over_http2_a_connection_is_idle_from_the_end_of_a_stream_on() {
    let (peer, task, _) = Peer::connect(served(), 20_000).await;
    let mut body = read(&peer, "/late").await;
    while body.data().await.is_some() {}
    let start = Instant::now();
    task.await.unwrap();
    assert_elapsed(start, 75);
}

#[tokio::test(start_paused = true)]
async fn over_http2_the_answer_of_a_route_that_nobody_reads_is_cut() {
    let (peer, task, _) = Peer::connect(served(), 20_000).await;
    let unread = read(&peer, "/large").await;
    let start = Instant::now();
    task.await.unwrap();
    assert_write_timeout(start.elapsed());
    drop(unread);
}

#[tokio::test(start_paused = true)]
async fn over_http2_the_answer_of_a_route_that_is_read_slowly_arrives_whole() {
    let (peer, _, _) = Peer::connect(served(), 16 << 10).await;
    let mut body = read(&peer, "/large").await;
    let (mut read, mut held) = (0, 0);
    while let Some(data) = body.data().await {
        let bytes = data.unwrap().len();
        (read, held) = (read + bytes, held + bytes);
        if held >= 16 << 10 {
            sleep(Duration::from_secs(20)).await;
            body.flow_control().release_capacity(held).unwrap();
            held = 0;
        }
    }
    assert_eq!(read, 1 << 20);
}
