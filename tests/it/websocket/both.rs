//! The client and the server of WebSockets together, over real sockets.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use futures_util::future::join_all;
use futures_util::{Stream, StreamExt, stream};
use rpc::{After, At, Client, Context, Retry, Server};
use support::raw_http::TEST_TIMEOUT;
use support::{serve, serve_app};
use tokio::sync::{Notify, mpsc};
use tokio::time::timeout;

use crate::streams::cutting_proxy::CuttingProxy;
use crate::tls::Authority;

const LAST: u64 = 200;

#[rpc::service(namespace = "feed")]
trait Feed {
    /// The numbers up to [`LAST`].
    #[rpc(stream, resume)]
    fn numbers(&self, after: After<u64>) -> impl Stream<Item = At<u64, u64>> + Send;

    /// The next number, and then nothing.
    #[rpc(stream, resume)]
    fn next(&self, after: After<u64>) -> impl Stream<Item = At<u64, u64>> + Send;
}

#[derive(Clone, Default)]
struct Counter(Arc<AtomicU64>);

impl Feed for Counter {
    fn numbers(&self, after: After<u64>) -> impl Stream<Item = At<u64, u64>> + Send {
        self.0.fetch_add(1, Ordering::Relaxed);
        let first = after.into_cursor().map_or(1, |last| last + 1);
        stream::iter(first..=LAST).map(|n| At::new(n, n))
    }

    fn next(&self, after: After<u64>) -> impl Stream<Item = At<u64, u64>> + Send {
        self.0.fetch_add(1, Ordering::Relaxed);
        let next = after.into_cursor().map_or(1, |last| last + 1);
        stream::once(async move { At::new(next, next) }).chain(stream::pending())
    }
}

fn echo() -> Server {
    Server::builder()
        .method("echo", |(number,): (u64,)| async move {
            tokio::task::yield_now().await;
            number
        })
        .build()
}

fn client_of(url: &str) -> Client {
    let retry = Retry::exponential().base(Duration::from_millis(1));
    Client::builder().endpoint(url.replace("http://", "ws://")).retry(retry).build().unwrap()
}

async fn ping(client: &Client) {
    assert_eq!(client.call::<u64>("echo", [7]).await.unwrap(), 7);
}

#[tokio::test]
async fn calls_of_many_tasks_share_a_connection_and_get_their_own_answers() {
    let proxy = CuttingProxy::start(serve(&echo()).await, []).await;
    let client = client_of(&proxy.url());
    ping(&client).await;
    let tasks = (0..64_u64).map(|task| {
        let client = client.clone();
        tokio::spawn(async move {
            for call in 0..20 {
                let number = task * 1000 + call;
                assert_eq!(client.call::<u64>("echo", [number]).await.unwrap(), number);
            }
        })
    });
    for task in join_all(tasks).await {
        task.unwrap();
    }
    assert_eq!(proxy.connections(), 1);
}

#[tokio::test]
async fn stream_through_cuts_is_whole_and_in_order() {
    let counter = Counter::default();
    let server = Server::builder().service(FeedServer::new(counter.clone())).build();
    let proxy = CuttingProxy::start(serve(&server).await, (0..12).map(|n| 500 + 97 * n)).await;
    let mut numbers = FeedClient::new(client_of(&proxy.url())).numbers().await.unwrap();
    let mut items = Vec::new();
    while let Some(item) = numbers.next().await {
        items.push(item.unwrap());
    }
    assert_eq!(items, (1..=LAST).collect::<Vec<_>>());
    assert!(counter.0.load(Ordering::Relaxed) > 5);
}

#[tokio::test]
async fn draining_server_answers_its_calls_and_its_streams_go_on_elsewhere() {
    let (gate, begun) = (Arc::new(Notify::new()), Arc::new(Notify::new()));
    let counters = [Counter::default(), Counter::default()];
    let mut handles = Vec::new();
    for counter in &counters {
        let (gate, begun) = (Arc::clone(&gate), Arc::clone(&begun));
        let server = Server::builder()
            .service(FeedServer::new(counter.clone()))
            .method("slow", move || {
                let (gate, begun) = (Arc::clone(&gate), Arc::clone(&begun));
                async move {
                    begun.notify_one();
                    gate.notified().await;
                    "done"
                }
            })
            .build();
        handles.push(server.bind("127.0.0.1:0").await.unwrap().spawn());
    }
    let urls: Vec<_> = handles.iter().map(|handle| format!("ws://{}", handle.local_addr())).collect();
    let slow = client_of(&urls[0]);
    let slow = tokio::spawn(async move { slow.call::<String>("slow", ()).await });
    begun.notified().await;
    let feed = FeedClient::new(Client::builder().endpoints(urls).build().unwrap());
    let mut streams = Vec::new();
    for _ in 0..20 {
        let mut next = feed.next().await.unwrap();
        assert_eq!(next.next().await.unwrap().unwrap(), 1);
        streams.push(next);
    }
    let moving = counters[0].0.load(Ordering::Relaxed);
    assert!(moving > 0, "the balancer uses both servers");
    let stopped = tokio::spawn(handles.remove(0).shutdown());
    let nexts = streams.iter_mut().map(StreamExt::next).collect::<stream::FuturesUnordered<_>>();
    let moved: Vec<_> = nexts.take(usize::try_from(moving).unwrap()).collect().await;
    assert!(moved.iter().all(|item| matches!(item, Some(Ok(2)))), "{moved:?}");
    assert_eq!(counters[1].0.load(Ordering::Relaxed), 20);
    gate.notify_one();
    assert_eq!(slow.await.unwrap().unwrap(), "done");
    timeout(TEST_TIMEOUT, stopped).await.unwrap().unwrap();
}

#[tokio::test]
async fn stream_that_is_not_read_delays_neither_calls_nor_other_streams() {
    let server = Server::builder()
        .stream("flood", || async { stream::iter(0_u64..).map(|n| format!("{n:01000}")) })
        .method("echo", |(number,): (u64,)| async move { number })
        .build();
    let proxy = CuttingProxy::start(serve(&server).await, []).await;
    let client = client_of(&proxy.url());
    let mut unread = client.stream::<String>("flood", ()).await.unwrap();
    let mut read = client.stream::<String>("flood", ()).await.unwrap();
    for n in 0..1000 {
        assert_eq!(read.next().await.unwrap().unwrap(), format!("{n:01000}"));
    }
    ping(&client).await;
    // The stream goes on where it was.
    for n in 0..200 {
        assert_eq!(unread.next().await.unwrap().unwrap(), format!("{n:01000}"));
    }
    assert_eq!(proxy.connections(), 1);
}

#[tokio::test]
async fn router_of_axum_serves_websockets() {
    let addr = serve_app(axum::Router::new().merge(echo().into_router())).await;
    ping(&client_of(&format!("http://{addr}"))).await;
}

#[tokio::test]
async fn encrypted_websocket_carries_calls() {
    let authority = Authority::new();
    let issued = authority.issue(&["localhost"], &[]);
    let tls = rpc::tls::Tls::from_pem(issued.certificate.pem(), issued.key.serialize_pem()).unwrap();
    let server = Server::builder().tls(tls).method("echo", |(number,): (u64,)| async move { number }).build();
    let url = format!("wss://localhost:{}", serve(&server).await.port());
    ping(&Client::builder().endpoint(url).tls_config(authority.client()).build().unwrap()).await;
}

#[tokio::test]
async fn call_that_is_dropped_is_cancelled_on_the_server() {
    let (told, mut tells) = mpsc::unbounded_channel();
    let server = Server::builder()
        .method("wait", move |cx: Context| {
            let told = told.clone();
            async move {
                told.send("begun").unwrap();
                cx.cancelled().await;
                told.send("cancelled").unwrap();
            }
        })
        .method("echo", |(number,): (u64,)| async move { number })
        .build();
    let client = client_of(&format!("http://{}", serve(&server).await));
    let call = {
        let client = client.clone();
        tokio::spawn(async move { client.call::<()>("wait", ()).await })
    };
    assert_eq!(tells.recv().await, Some("begun"));
    call.abort();
    assert_eq!(timeout(TEST_TIMEOUT, tells.recv()).await.unwrap(), Some("cancelled"));
    ping(&client).await;
}
