//! The client over WebSocket, with a server of jsonrpsee.
#![forbid(unsafe_code)]
#![allow(clippy::unwrap_used, reason = "a test fails by a panic")]

use std::sync::Arc;

use jsonrpsee::core::SubscriptionResult;
use jsonrpsee::server::{PendingSubscriptionSink, Server, ServerHandle, SubscriptionMessage};
use jsonrpsee::types::{ErrorObjectOwned, Params};
use jsonrpsee::{Extensions, RpcModule};
use rpc::{Client, Error, ErrorCode, Outcome};
use serde_json::value::to_raw_value;
use tokio::sync::mpsc;

/// Reports each subscription that has ended.
type Gone = mpsc::UnboundedSender<()>;

/// A server of jsonrpsee.
struct Peer {
    url: String,
    handle: ServerHandle,
    gone: mpsc::UnboundedReceiver<()>,
}

/// Sends the numbers below its parameter, and then waits until the client leaves.
async fn count(
    params: Params<'static>,
    sink: PendingSubscriptionSink,
    gone: Arc<Gone>,
    _: Extensions,
) -> SubscriptionResult {
    let Ok(count) = params.one::<u64>() else {
        sink.reject(ErrorObjectOwned::owned(-32602, "a number is missing", None::<()>)).await;
        return Ok(());
    };
    let sink = sink.accept().await?;
    for number in 0..count {
        sink.send(SubscriptionMessage::from(to_raw_value(&number)?)).await?;
    }
    sink.closed().await;
    gone.send(())?;
    Ok(())
}

/// Sends a number, and then an error that ends the subscription.
async fn fail(_: Params<'static>, sink: PendingSubscriptionSink, _: Arc<Gone>, _: Extensions) -> SubscriptionResult {
    let sink = sink.accept().await?;
    sink.send(SubscriptionMessage::from(to_raw_value(&7)?)).await?;
    Err("out of numbers".into())
}

impl Peer {
    async fn start() -> Self {
        let (gone, reported) = mpsc::unbounded_channel();
        let mut module = RpcModule::new(gone);
        let add = |params: Params<'_>, _: &Gone, _: &Extensions| {
            let (a, b): (i64, i64) = params.parse()?;
            Ok::<_, ErrorObjectOwned>(a + b)
        };
        module.register_method("add", add).unwrap();
        module.register_subscription("count.subscribe", "count.item", "count.unsubscribe", count).unwrap();
        module.register_subscription("fail.subscribe", "fail.item", "fail.unsubscribe", fail).unwrap();
        let server = Server::builder().build("127.0.0.1:0").await.unwrap();
        let url = format!("ws://{}", server.local_addr().unwrap());
        Self { url, handle: server.start(module), gone: reported }
    }
}

#[tokio::test]
async fn calls_and_batches_share_a_connection() {
    let peer = Peer::start().await;
    let client = Client::connect(&peer.url).await.unwrap();
    assert_eq!(client.call::<i64>("add", (1, 2)).await.unwrap(), 3);
    let calls: Vec<_> = (0..100).map(|number| client.call::<i64>("add", (number, 1))).collect();
    let sums = client.batch(calls).await.unwrap().into_iter().collect::<Result<Vec<_>, _>>().unwrap();
    assert_eq!(sums, (1..=100).collect::<Vec<_>>());
    let concurrent = (0..100).map(|number| tokio::spawn(client.call::<i64>("add", (number, 1)).into_future()));
    for (number, sum) in concurrent.collect::<Vec<_>>().into_iter().enumerate() {
        assert_eq!(sum.await.unwrap().unwrap(), i64::try_from(number).unwrap() + 1);
    }
    let error = client.call::<i64>("add", ("x", "y")).await.unwrap_err();
    assert!(matches!(error, Error::Rpc(error) if error.code() == ErrorCode::INVALID_PARAMS));
    client.notify("add", (1, 2)).await.unwrap();
}

#[tokio::test]
async fn subscription_gives_its_items_and_ends_on_the_server_when_it_is_dropped() {
    let mut peer = Peer::start().await;
    let client = Client::connect(&peer.url).await.unwrap();
    let mut numbers = client.subscribe::<u64>("count.subscribe", [1000], "count.unsubscribe").await.unwrap();
    let mut more = client.subscribe::<u64>("count.subscribe", [2], "count.unsubscribe").await.unwrap();
    for expected in 0..1000 {
        assert_eq!(numbers.next().await.unwrap().unwrap(), expected);
    }
    assert_eq!(client.call::<i64>("add", (1, 2)).await.unwrap(), 3);
    drop(numbers);
    peer.gone.recv().await.unwrap();
    assert!(peer.gone.try_recv().is_err(), "the other subscription goes on");
    assert_eq!((more.next().await.unwrap().unwrap(), more.next().await.unwrap().unwrap()), (0, 1));
}

#[tokio::test]
async fn refused_subscription_is_an_error_of_the_call() {
    let peer = Peer::start().await;
    let client = Client::connect(&peer.url).await.unwrap();
    let error = client.subscribe::<u64>("count.subscribe", (), "count.unsubscribe").await.unwrap_err();
    assert!(matches!(error, Error::Rpc(error) if error.message() == "a number is missing"));
    let error = client.subscribe::<u64>("none.subscribe", (), "none.unsubscribe").await.unwrap_err();
    assert!(matches!(error, Error::Rpc(error) if error.code() == ErrorCode::METHOD_NOT_FOUND));
}

#[tokio::test]
async fn subscription_that_fails_ends_with_an_error() {
    let peer = Peer::start().await;
    let client = Client::connect(&peer.url).await.unwrap();
    let mut numbers = client.subscribe::<u64>("fail.subscribe", (), "fail.unsubscribe").await.unwrap();
    assert_eq!(numbers.next().await.unwrap().unwrap(), 7);
    let error = numbers.next().await.unwrap().unwrap_err();
    assert!(error.is_end() && !error.is_cut(), "{error:?}");
    assert!(numbers.next().await.is_none());
}

#[tokio::test]
async fn end_of_the_server_cuts_streams_and_keeps_later_calls_from_being_sent() {
    let peer = Peer::start().await;
    let client = Client::connect(&peer.url).await.unwrap();
    let mut numbers = client.subscribe::<u64>("count.subscribe", [1], "count.unsubscribe").await.unwrap();
    assert_eq!(numbers.next().await.unwrap().unwrap(), 0);
    peer.handle.stop().unwrap();
    assert!(numbers.next().await.unwrap().unwrap_err().is_cut());
    assert!(numbers.next().await.is_none());
    peer.handle.stopped().await;
    let failure = client.call::<i64>("add", (1, 2)).await.unwrap_err();
    assert_eq!(failure.outcome(), Outcome::NotSent);
}
