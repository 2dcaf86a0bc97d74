//! Streams that no one reads: they slow down neither their neighbours nor calls, and hold little of the server.

use std::time::Duration;

use futures_util::{FutureExt, StreamExt, stream};
use rpc::{Client, Limits, Server, ServerBuilder};
use serde_json::json;
use support::events::Events;
use support::raw_http::TEST_TIMEOUT;
use support::serve;
use tokio::sync::{mpsc, watch};
use tokio::time::timeout;

/// The length of each item, in bytes.
const ITEM: usize = 8000;

/// Returns a server with a stream without end, and how many bytes its handlers have produced.
fn flooding() -> (ServerBuilder, watch::Receiver<usize>) {
    let (sender, produced) = watch::channel(0);
    let server = Server::builder()
        .stream("flood", move || {
            let produced = sender.clone();
            async move {
                stream::repeat_with(move || {
                    produced.send_modify(|produced| *produced += ITEM);
                    "x".repeat(ITEM)
                })
            }
        })
        .stream("count", |(to,): (u64,)| async move { stream::iter(1..=to) })
        .stream("slow", |(to,): (u64,)| async move {
            stream::iter(1..=to).then(|number| tokio::time::sleep(Duration::from_millis(20)).map(move |()| number))
        })
        .method("ping", || async { "pong" });
    (server, produced)
}

async fn until(produced: &mut watch::Receiver<usize>, bytes: usize) {
    let reached = timeout(TEST_TIMEOUT, produced.wait_for(|produced| *produced > bytes)).await.map(drop);
    assert!(reached.is_ok(), "the streams have produced only {} bytes", *produced.borrow());
}

#[tokio::test]
async fn unread_streams_delay_no_calls_on_their_connection() {
    let (server, mut produced) = flooding();
    let url = format!("http://{}", serve(&server.build()).await);
    let client = Client::builder().endpoint(url).http2_prior_knowledge().build().unwrap();
    let mut unread = Vec::new();
    for _ in 0..8 {
        unread.push(client.stream::<String>("flood", ()).await.unwrap());
    }
    // Each of them fills its own window.
    until(&mut produced, 12 << 20).await;
    let ping = client.call::<String>("ping", ()).deadline(TEST_TIMEOUT);
    assert_eq!(ping.await.unwrap(), "pong");
    let mut numbers = client.stream::<u64>("count", [100]).await.unwrap();
    for number in 1..=100 {
        assert_eq!(timeout(TEST_TIMEOUT, numbers.next()).await.unwrap().unwrap().unwrap(), number);
    }
    // They go on when they are read.
    for stream in &mut unread {
        assert_eq!(timeout(TEST_TIMEOUT, stream.next()).await.unwrap().unwrap().unwrap().len(), ITEM);
    }
}

#[tokio::test]
async fn unread_stream_waits_and_does_not_end_its_connection() {
    let (server, mut produced) = flooding();
    let limits = Limits::default().write_progress_timeout(Duration::from_millis(200));
    let url = format!("http://{}", serve(&server.limits(limits).build()).await);
    let client = Client::builder().endpoint(url).http2_prior_knowledge().build().unwrap();
    let mut unread = client.stream::<String>("flood", ()).await.unwrap();
    until(&mut produced, 1 << 20).await;
    // This takes far longer than answers may stay unread.
    let mut numbers = client.stream::<u64>("slow", [60]).await.unwrap();
    for number in 1..=60 {
        assert_eq!(timeout(TEST_TIMEOUT, numbers.next()).await.unwrap().unwrap().unwrap(), number);
    }
    assert!(numbers.next().await.is_none());
    for _ in 0..1000 {
        assert_eq!(timeout(TEST_TIMEOUT, unread.next()).await.unwrap().unwrap().unwrap().len(), ITEM);
    }
}

/// Tells when it is dropped.
struct WhenDropped(mpsc::UnboundedSender<()>);

impl Drop for WhenDropped {
    fn drop(&mut self) {
        let _ = self.0.send(());
    }
}

#[tokio::test]
async fn peer_that_reads_nothing_is_cut_after_the_write_progress_timeout() {
    let (dropped, mut drops) = mpsc::unbounded_channel();
    let server = Server::builder()
        .stream("flood", move || {
            let guard = WhenDropped(dropped.clone());
            async move {
                stream::repeat_with(move || {
                    let _guard = &guard;
                    "x".repeat(ITEM)
                })
            }
        })
        .limits(Limits::default().write_progress_timeout(Duration::from_millis(300)));
    let addr = serve(&server.build()).await;
    let call = json!({ "jsonrpc": "2.0", "method": "flood", "id": 7 }).to_string();
    let mut events = Events::open(addr, &call).await;
    events.next().await.unwrap();
    // The peer stays connected, and reads no more.
    timeout(TEST_TIMEOUT, drops.recv()).await.expect("the server cuts its peer").unwrap();
}
