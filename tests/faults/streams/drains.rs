//! A drain of many streams: they go on at another server at once, and nothing is lost.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use futures_util::{Stream, stream};
use rpc::{After, At, Balance, Client, Limits, Retry, Server, ServerHandle, Streaming};
use support::raw_http::TEST_TIMEOUT;
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio::time::{Instant, timeout};

const STREAMS: usize = 1000;
const BEFORE: u64 = 5;
const IN_ALL: u64 = 10;

#[rpc::service]
trait Log {
    #[rpc(stream, resume)]
    fn entries(&self, after: After<u64>) -> impl Stream<Item = At<u64, u64>> + Send;
}

/// A log in a store that several servers share.
#[derive(Clone)]
struct Store {
    length: watch::Receiver<u64>,
    opened: Arc<AtomicUsize>,
}

impl Log for Store {
    fn entries(&self, after: After<u64>) -> impl Stream<Item = At<u64, u64>> + Send {
        self.opened.fetch_add(1, Ordering::Relaxed);
        let first = after.cursor().map_or(1, |last| last + 1);
        stream::unfold((self.length.clone(), first), |(mut length, next)| async move {
            length.wait_for(|length| *length >= next).await.ok()?;
            Some((At::new(next, next), (length, next + 1)))
        })
    }
}

async fn start(store: &Store) -> ServerHandle {
    let mut limits = Limits::default().max_concurrent_streams(2000).max_connection_streams(2000);
    // No load balancer needs time before the drain.
    limits.shutdown_delay = Duration::ZERO;
    let server = Server::builder().service(LogServer::new(store.clone())).limits(limits).build();
    server.bind("127.0.0.1:0").await.unwrap().spawn()
}

/// Reads entries up to the last one. Each must come once and in order.
async fn read(
    mut entries: Streaming<u64, std::convert::Infallible, u64>,
    last: u64,
) -> Streaming<u64, std::convert::Infallible, u64> {
    for number in entries.cursor().unwrap_or(0) + 1..=last {
        let next = timeout(TEST_TIMEOUT * 2, entries.next()).await;
        let next = next.unwrap_or_else(|_| panic!("a stream hangs before {number}"));
        assert_eq!(next.unwrap().unwrap(), number);
    }
    entries
}

async fn read_all(
    streams: Vec<Streaming<u64, std::convert::Infallible, u64>>,
    last: u64,
) -> Vec<Streaming<u64, std::convert::Infallible, u64>> {
    let mut reading = JoinSet::new();
    for stream in streams {
        reading.spawn(read(stream, last));
    }
    reading.join_all().await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn thousand_streams_go_on_at_another_server_without_a_delay() {
    let (written, length) = watch::channel(BEFORE);
    let store = Store { length, opened: Arc::default() };
    let (one, other) = (start(&store).await, start(&store).await);
    // Only an attempt that does not wait comes in time.
    let retry = Retry::exponential().base(Duration::from_secs(3600)).cap(Duration::from_secs(3600));
    let client = Client::builder()
        .endpoints([one.local_addr(), other.local_addr()].map(|addr| format!("http://{addr}")))
        .http2_prior_knowledge()
        // The streams are divided alike, whatever the response times are.
        .balance(Balance::round_robin())
        .retry(retry)
        .build()
        .unwrap();
    let client = LogClient::new(client);
    let mut streams = Vec::new();
    for _ in 0..STREAMS {
        streams.push(client.entries().reopen_limit(Duration::from_secs(100_000)).await.unwrap());
    }
    let streams = read_all(streams, BEFORE).await;
    assert_eq!(store.opened.load(Ordering::Relaxed), STREAMS);

    let start = Instant::now();
    let drained = tokio::spawn(one.shutdown());
    // The streams notice the drain when they are polled for what is not there yet.
    let reading = tokio::spawn(read_all(streams, IN_ALL));
    drained.await.unwrap();
    written.send(IN_ALL).unwrap();
    let streams = reading.await.unwrap();
    let moved = store.opened.load(Ordering::Relaxed) - STREAMS;
    println!("{moved} of {STREAMS} streams went on at the other server, {:?} after the drain began", start.elapsed());
    assert_eq!(streams.len(), STREAMS);
    assert!(moved > STREAMS / 4 && moved < STREAMS, "{moved}");
    drop(streams);
    other.shutdown().await;
}
