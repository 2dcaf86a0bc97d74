//! Typed streams that continue after cuts, over sockets.

use std::net::SocketAddr;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use futures_util::stream::FuturesUnordered;
use futures_util::{Stream, StreamExt, stream};
use rpc::{After, At, Client, Retry, RpcError, Server, ServerHandle, StreamError, Streaming};
use support::events::Events;
use support::{Answer, Peer, serve};

use super::cutting_proxy::CuttingProxy;

const LAST: u64 = 30;

#[derive(Debug, PartialEq, thiserror::Error, RpcError)]
#[error("the market is closed")]
#[rpc(code = 1001)]
struct Closed;

#[rpc::service(namespace = "market")]
trait Market {
    /// The numbers up to [`LAST`]. A server whose first number is later than the next one tells the gap.
    #[rpc(stream, resume)]
    fn ticks(&self, symbol: String, after: After<u64>) -> impl Stream<Item = At<u64, String>> + Send;

    /// Closes after one tick.
    #[rpc(stream)]
    fn closing(&self) -> impl Stream<Item = Result<u64, Closed>> + Send;

    /// A tick, and then nothing.
    #[rpc(stream, resume)]
    fn silent(&self, after: After<u64>) -> impl Stream<Item = At<u64, u64>> + Send;
}

#[derive(Clone, Default)]
struct Exchange {
    /// The cursors of the calls.
    calls: Arc<Mutex<Vec<Option<u64>>>>,
    /// The first number that the server still has.
    oldest: Arc<AtomicU64>,
}

impl Market for Exchange {
    fn ticks(&self, symbol: String, after: After<u64>) -> impl Stream<Item = At<u64, String>> + Send {
        self.calls.lock().unwrap().push(after.cursor().copied());
        let next = after.into_cursor().map_or(1, |last| last + 1);
        let first = next.max(self.oldest.load(Ordering::Relaxed));
        stream::iter(first..=LAST).map(move |n| {
            let tick = At::new(n, format!("{symbol} {n}"));
            if n == first && first > next { tick.after_gap() } else { tick }
        })
    }

    fn closing(&self) -> impl Stream<Item = Result<u64, Closed>> + Send {
        stream::iter([Ok(1), Err(Closed)])
    }

    fn silent(&self, after: After<u64>) -> impl Stream<Item = At<u64, u64>> + Send {
        self.calls.lock().unwrap().push(after.cursor().copied());
        let next = after.into_cursor().map_or(1, |last| last + 1);
        stream::once(async move { At::new(next, next) }).chain(stream::pending())
    }
}

fn server_of(exchange: &Exchange) -> Server {
    Server::builder().service(MarketServer::new(exchange.clone())).build()
}

fn quick() -> Retry {
    Retry::exponential().base(Duration::from_millis(1))
}

fn client_of(url: &str) -> MarketClient {
    MarketClient::new(Client::builder().endpoint(url).retry(quick()).build().unwrap())
}

/// Reads until the stream ends or yields an error.
async fn read(ticks: &mut Streaming<String, std::convert::Infallible, u64>) -> (Vec<String>, Option<StreamError>) {
    let mut items = Vec::new();
    while let Some(item) = ticks.next().await {
        match item {
            Ok(item) => items.push(item),
            Err(error) => return (items, Some(error)),
        }
    }
    (items, None)
}

fn ticks(range: std::ops::RangeInclusive<u64>) -> Vec<String> {
    range.map(|n| format!("EURUSD {n}")).collect()
}

#[tokio::test]
async fn stream_through_cuts_is_whole_and_in_order() {
    let exchange = Exchange::default();
    let proxy = CuttingProxy::start(serve(&server_of(&exchange)).await, (0..12).map(|n| 250 + 97 * n)).await;
    let mut stream = client_of(&proxy.url()).ticks("EURUSD").await.unwrap();
    let (items, error) = read(&mut stream).await;
    assert!(error.is_none(), "{error:?}");
    assert_eq!(items, ticks(1..=LAST));
    assert_eq!(stream.cursor(), Some(LAST));
    let calls = exchange.calls.lock().unwrap().clone();
    assert!(calls.len() > 5 && calls.is_sorted(), "{calls:?}");
}

#[tokio::test]
async fn cuts_within_the_head_and_the_events_lose_and_repeat_nothing() {
    let addr = serve(&server_of(&Exchange::default())).await;
    // Two cuts within the head are two attempts at one call, which has three.
    for at in (200..1200).step_by(13) {
        let proxy = CuttingProxy::start(addr, [at, at / 2]).await;
        let (items, error) = read(&mut client_of(&proxy.url()).ticks("EURUSD").await.unwrap()).await;
        assert!(error.is_none(), "cut at {at}: {error:?}");
        assert_eq!(items, ticks(1..=LAST), "cut at {at}");
    }
}

#[tokio::test]
async fn call_begins_after_the_cursor_that_was_kept() {
    let exchange = Exchange::default();
    let addr = serve(&server_of(&exchange)).await;
    let client = client_of(&format!("http://{addr}"));
    let mut stream = client.ticks("EURUSD").after(27).await.unwrap();
    assert_eq!(stream.cursor(), Some(27));
    assert_eq!(read(&mut stream).await.0, ticks(28..=30));
    assert_eq!(*exchange.calls.lock().unwrap(), [Some(27)]);
}

#[tokio::test]
async fn items_that_the_server_no_longer_has_are_a_gap() {
    let exchange = Exchange::default();
    exchange.oldest.store(20, Ordering::Relaxed);
    let addr = serve(&server_of(&exchange)).await;
    let mut stream = client_of(&format!("http://{addr}")).ticks("EURUSD").after(5).await.unwrap();
    let (items, error) = read(&mut stream).await;
    assert!(items.is_empty() && error.unwrap().is_gap());
    assert_eq!(read(&mut stream).await.0, ticks(20..=30));
}

#[tokio::test]
async fn stream_without_cursors_ends_with_its_error_or_its_cut() {
    let addr = serve(&server_of(&Exchange::default())).await;
    let mut closing = client_of(&format!("http://{addr}")).closing().await.unwrap();
    assert_eq!(closing.next().await.unwrap().unwrap(), 1);
    let error = closing.next().await.unwrap().unwrap_err();
    assert_eq!(error.method(), Some(&Closed));
    assert!(error.is_end() && closing.next().await.is_none());

    let whole = head_of(addr).await;
    let proxy = CuttingProxy::start(addr, [whole + 60]).await;
    let mut closing = client_of(&proxy.url()).closing().await.unwrap();
    let error = closing.next().await.unwrap().unwrap_err();
    assert!(error.is_cut() && error.failure().unwrap().is_transport(), "{error:?}");
    assert!(closing.next().await.is_none());
    assert_eq!(proxy.connections(), 1);
}

/// Returns the length of the head of a stream's answer.
async fn head_of(addr: SocketAddr) -> u64 {
    let call = r#"{"jsonrpc":"2.0","method":"market.closing","id":1}"#;
    let head = Events::open(addr, call).await.head;
    let lines = head.headers.iter().map(|(name, value)| name.len() + value.len() + 4);
    ("HTTP/1.1 200 OK\r\n\r\n".len() + lines.sum::<usize>()) as u64
}

#[tokio::test]
async fn connection_that_falls_silent_is_given_up() {
    let count = AtomicU64::new(0);
    let peer = Peer::start(move |request| {
        let id = request.id();
        let n = count.fetch_add(1, Ordering::Relaxed) + 7;
        let params = format!(r#"{{"subscription":{id},"cursor":{n},"result":{n}}}"#);
        let item = format!(r#"{{"jsonrpc":"2.0","method":"market.silent","params":{params}}}"#);
        let head = "HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\nrpc-heartbeat-ms: 20\r\n\r\n";
        Answer::Stall(format!("{head}data: {item}\n\n").into_bytes())
    })
    .await;
    let mut stream = client_of(&peer.url()).silent().await.unwrap();
    for n in 7..10 {
        assert_eq!(stream.next().await.unwrap().unwrap(), n);
    }
    let after: Vec<_> = peer.requests().iter().map(|request| request.json()["params"]["after"].as_u64()).collect();
    assert_eq!(after, [None, Some(7), Some(8)]);
}

#[tokio::test]
async fn draining_server_hands_its_streams_over() {
    let exchanges = [Exchange::default(), Exchange::default()];
    let handles = [serving(&exchanges[0]).await, serving(&exchanges[1]).await];
    let urls = handles.each_ref().map(|handle| format!("http://{}", handle.local_addr()));
    let client = MarketClient::new(Client::builder().endpoints(urls).build().unwrap());
    let mut streams = Vec::new();
    for _ in 0..20 {
        let mut stream = client.silent().await.unwrap();
        assert_eq!(stream.next().await.unwrap().unwrap(), 1);
        streams.push(stream);
    }
    let count = exchanges[0].calls.lock().unwrap().len();
    assert!(count > 0, "the balancer uses both servers");
    let [one, _other] = handles;
    let shutdown = tokio::spawn(one.shutdown());
    // The streams of the other server stay as they are.
    let moved: Vec<_> =
        streams.iter_mut().map(Streaming::next).collect::<FuturesUnordered<_>>().take(count).collect().await;
    assert!(moved.iter().all(|item| matches!(item, Some(Ok(2)))), "{moved:?}");
    shutdown.await.unwrap();
    let calls = exchanges[1].calls.lock().unwrap();
    assert_eq!((calls.len(), calls.iter().flatten().count()), (20, count));
}

async fn serving(exchange: &Exchange) -> ServerHandle {
    server_of(exchange).bind("127.0.0.1:0").await.unwrap().spawn()
}
