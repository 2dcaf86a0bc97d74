//! Our server over WebSocket, with the client of jsonrpsee.
#![forbid(unsafe_code)]
#![allow(clippy::unwrap_used, reason = "a test fails by a panic")]

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use futures_util::{StreamExt, stream};
use jsonrpsee::core::client::{BatchResponse, ClientT, Error, Subscription, SubscriptionClientT};
use jsonrpsee::core::params::BatchRequestBuilder;
use jsonrpsee::rpc_params;
use jsonrpsee::ws_client::{WsClient, WsClientBuilder};
use rpc::{RpcError, Server, ServerHandle, Stream, WebSocketSettings};
use tokio::sync::mpsc;
use tokio::time::timeout;

/// How long an event may take. It is far more than any needs, so only a hang exceeds it.
const TEST_TIMEOUT: Duration = Duration::from_secs(60);

#[derive(Debug, thiserror::Error, RpcError)]
#[error("out of numbers after {last}")]
#[rpc(code = 1001)]
struct OutOfNumbers {
    last: u64,
}

#[rpc::service]
trait Numbers {
    #[rpc(readonly)]
    async fn add(&self, a: i64, b: i64) -> i64;

    async fn note(&self, number: u64);

    #[rpc(readonly)]
    async fn noted(&self) -> u64;

    /// The numbers below `to`, and then nothing until the client leaves.
    #[rpc(stream, subscribe = "subscribe_ticks", unsubscribe = "unsubscribe_ticks")]
    fn ticks(&self, to: u64) -> impl Stream<Item = u64> + Send;

    /// The numbers below `to`, and then an error.
    #[rpc(stream, subscribe = "subscribe_failing", unsubscribe = "unsubscribe_failing")]
    fn failing(&self, to: u64) -> Result<impl Stream<Item = Result<u64, OutOfNumbers>> + Send, OutOfNumbers>;

    /// The numbers of blocks, by a topic.
    #[rpc(stream, subscribe = "eth_subscribe", topic = "newHeads", unsubscribe = "eth_unsubscribe")]
    fn heads(&self) -> impl Stream<Item = u64> + Send;
}

/// Reports when it is dropped with its stream.
struct Gone(mpsc::UnboundedSender<()>);

impl Drop for Gone {
    fn drop(&mut self) {
        let _ = self.0.send(());
    }
}

#[derive(Clone)]
struct Counter {
    noted: Arc<AtomicU64>,
    gone: mpsc::UnboundedSender<()>,
}

impl Numbers for Counter {
    async fn add(&self, a: i64, b: i64) -> i64 {
        a + b
    }

    async fn note(&self, number: u64) {
        self.noted.fetch_add(number, Ordering::SeqCst);
    }

    async fn noted(&self) -> u64 {
        self.noted.load(Ordering::SeqCst)
    }

    fn ticks(&self, to: u64) -> impl Stream<Item = u64> + Send {
        let gone = Gone(self.gone.clone());
        stream::iter(0..to).chain(stream::pending()).map(move |number| {
            let _kept = &gone;
            number
        })
    }

    fn failing(&self, to: u64) -> Result<impl Stream<Item = Result<u64, OutOfNumbers>> + Send, OutOfNumbers> {
        let Some(last) = to.checked_sub(1) else { return Err(OutOfNumbers { last: 0 }) };
        Ok(stream::iter(0..to).map(Ok).chain(stream::iter([Err(OutOfNumbers { last })])))
    }

    fn heads(&self) -> impl Stream<Item = u64> + Send {
        stream::iter(100..103).chain(stream::pending())
    }
}

/// Our server, and jsonrpsee's client of it.
struct Pair {
    server: ServerHandle,
    client: WsClient,
    /// Reports each stream that the server has dropped.
    gone: mpsc::UnboundedReceiver<()>,
}

impl Pair {
    async fn start(settings: WebSocketSettings) -> Self {
        let (gone, reported) = mpsc::unbounded_channel();
        let counter = Counter { noted: Arc::default(), gone };
        let server = Server::builder().websocket(settings).service(NumbersServer::new(counter)).build();
        let server = server.bind("127.0.0.1:0").await.unwrap().spawn();
        let client = WsClientBuilder::default().build(format!("ws://{}", server.local_addr())).await.unwrap();
        Self { server, client, gone: reported }
    }

    async fn ticks(&self, to: u64) -> Subscription<u64> {
        self.client.subscribe("subscribe_ticks", rpc_params![to], "unsubscribe_ticks").await.unwrap()
    }
}

/// Returns the next items.
async fn take(subscription: &mut Subscription<u64>, count: usize) -> Vec<u64> {
    let items = subscription.take(count).map(Result::unwrap).collect();
    timeout(TEST_TIMEOUT, items).await.expect("the items arrive")
}

#[tokio::test]
async fn items_arrive_in_order_beside_calls_and_unsubscribing_drops_the_stream() {
    let mut pair = Pair::start(WebSocketSettings::default()).await;
    let mut ticks = pair.ticks(1000).await;
    let mut others = pair.ticks(2).await;
    assert_eq!(take(&mut ticks, 500).await, (0..500).collect::<Vec<_>>());
    assert_eq!(pair.client.request::<i64, _>("add", rpc_params![1, 2]).await.unwrap(), 3);
    assert_eq!(take(&mut ticks, 500).await, (500..1000).collect::<Vec<_>>());
    ticks.unsubscribe().await.unwrap();
    timeout(TEST_TIMEOUT, pair.gone.recv()).await.unwrap().unwrap();
    assert!(pair.gone.try_recv().is_err(), "the other subscription goes on");
    assert_eq!(take(&mut others, 2).await, [0, 1]);
    drop(others);
    timeout(TEST_TIMEOUT, pair.gone.recv()).await.unwrap().unwrap();
}

#[tokio::test]
async fn unsubscribing_is_answered_with_whether_there_was_such_a_subscription() {
    let mut pair = Pair::start(WebSocketSettings::default()).await;
    let id: String = pair.client.request("subscribe_ticks", rpc_params![0]).await.unwrap();
    for (method, expected) in [("unsubscribe_ticks", true), ("unsubscribe_ticks", false), ("rpc.unsubscribe", false)] {
        assert_eq!(pair.client.request::<bool, _>(method, rpc_params![&id]).await.unwrap(), expected, "{method}");
    }
    timeout(TEST_TIMEOUT, pair.gone.recv()).await.unwrap().unwrap();
}

#[tokio::test]
async fn topics_open_subscriptions() {
    let pair = Pair::start(WebSocketSettings::default()).await;
    let topic = |topic: &'static str| pair.client.subscribe("eth_subscribe", rpc_params![topic], "eth_unsubscribe");
    let mut heads = topic("newHeads").await.unwrap();
    assert_eq!(take(&mut heads, 3).await, [100, 101, 102]);
    heads.unsubscribe().await.unwrap();
    let error = topic("logs").await.unwrap_err();
    assert!(matches!(&error, Error::Call(error) if error.code() == -32601), "{error:?}");
}

#[tokio::test]
async fn many_subscriptions_share_a_connection() {
    let mut pair = Pair::start(WebSocketSettings::default()).await;
    let mut all = Vec::new();
    for number in 0..200 {
        all.push(pair.ticks(number % 7 + 1).await);
    }
    for (number, subscription) in (0..).zip(&mut all) {
        assert_eq!(take(subscription, number % 7 + 1).await.len(), number % 7 + 1);
    }
    drop(all);
    for _ in 0..200 {
        timeout(TEST_TIMEOUT, pair.gone.recv()).await.unwrap().unwrap();
    }
    assert_eq!(pair.client.request::<i64, _>("add", rpc_params![1, 2]).await.unwrap(), 3);
}

#[tokio::test]
async fn batches_and_notifications_travel_beside_a_subscription() {
    let pair = Pair::start(WebSocketSettings::default()).await;
    let mut ticks = pair.ticks(3).await;
    let mut batch = BatchRequestBuilder::new();
    for number in 0..50 {
        batch.insert("add", rpc_params![number, 1]).unwrap();
    }
    batch.insert("none", rpc_params![]).unwrap();
    let answers: BatchResponse<'_, i64> = pair.client.batch_request(batch).await.unwrap();
    assert_eq!((answers.num_successful_calls(), answers.num_failed_calls()), (50, 1));
    let sums = answers.into_iter().filter_map(Result::ok).collect::<Vec<_>>();
    assert_eq!(sums, (1..=50).collect::<Vec<_>>());
    pair.client.notification("note", rpc_params![7]).await.unwrap();
    let noted = async { while pair.client.request::<u64, _>("noted", rpc_params![]).await.unwrap() != 7 {} };
    timeout(TEST_TIMEOUT, noted).await.expect("the notification runs");
    assert_eq!(take(&mut ticks, 3).await, [0, 1, 2]);
}

#[tokio::test]
async fn refused_subscription_is_an_error_of_the_call() {
    let pair = Pair::start(WebSocketSettings::default()).await;
    let failing = pair.client.subscribe::<u64, _>("subscribe_failing", rpc_params![0], "unsubscribe_failing").await;
    let Err(Error::Call(error)) = failing else { panic!("{failing:?}") };
    assert_eq!((error.code(), error.message()), (1001, "out of numbers after 0"));
    let invalid = pair.client.subscribe::<u64, _>("subscribe_ticks", rpc_params!["x"], "unsubscribe_ticks").await;
    assert!(matches!(&invalid, Err(Error::Call(error)) if error.code() == -32602), "{invalid:?}");
}

#[tokio::test]
async fn end_with_an_error_ends_the_subscription_of_the_client_if_it_is_told() {
    let pair = Pair::start(WebSocketSettings::default().subscription_errors(true)).await;
    let mut failing: Subscription<u64> =
        pair.client.subscribe("subscribe_failing", rpc_params![2], "unsubscribe_failing").await.unwrap();
    assert_eq!(take(&mut failing, 2).await, [0, 1]);
    assert!(timeout(TEST_TIMEOUT, failing.next()).await.expect("the subscription ends").is_none());
    assert_eq!(pair.client.request::<i64, _>("add", rpc_params![1, 2]).await.unwrap(), 3);
}

#[tokio::test]
async fn shutdown_of_the_server_ends_subscriptions() {
    let pair = Pair::start(WebSocketSettings::default()).await;
    let mut ticks = pair.ticks(1).await;
    assert_eq!(take(&mut ticks, 1).await, [0]);
    pair.server.shutdown().await;
    assert!(timeout(TEST_TIMEOUT, ticks.next()).await.expect("the subscription ends").is_none());
    timeout(TEST_TIMEOUT, pair.client.on_disconnect()).await.expect("the client notices the end");
}
