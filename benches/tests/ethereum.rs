//! Our server over WebSocket, with the client of alloy.
#![forbid(unsafe_code)]
#![allow(clippy::unwrap_used, reason = "a test fails by a panic")]

use std::net::TcpListener;
use std::time::Duration;

use alloy_primitives::B256;
use alloy_rpc_client::{ClientBuilder, RpcClient};
use alloy_transport_ws::WsConnect;
use futures_util::{StreamExt, stream};
use rpc::{Server, ServerHandle, Stream};
use tokio::sync::watch;
use tokio::time::timeout;

/// How long an event may take. It is far more than any needs, so only a hang exceeds it.
const TEST_TIMEOUT: Duration = Duration::from_secs(60);

#[rpc::service]
trait Chain {
    #[rpc(readonly, name = "eth_chainId")]
    async fn chain_id(&self) -> String;

    /// Returns once this many streams are open.
    #[rpc(readonly, name = "chain_watched")]
    async fn watched(&self, count: usize) -> usize;

    /// The numbers of blocks, and then nothing until the client leaves.
    #[rpc(stream, name = "heads", subscribe = "eth_subscribe", topic = "newHeads", unsubscribe = "eth_unsubscribe")]
    fn heads(&self) -> impl Stream<Item = u64> + Send;

    /// The numbers below `to`. The stream ends then.
    #[rpc(stream, name = "past", subscribe = "eth_subscribe", topic = "past", unsubscribe = "eth_unsubscribe")]
    fn past(&self, to: u64) -> impl Stream<Item = u64> + Send;
}

/// A chain of three blocks.
struct Blocks {
    /// How many streams are open.
    open: watch::Sender<usize>,
}

/// Counts a stream while it is open.
struct OpenStream(watch::Sender<usize>);

impl Drop for OpenStream {
    fn drop(&mut self) {
        self.0.send_modify(|open| *open -= 1);
    }
}

impl Chain for Blocks {
    async fn chain_id(&self) -> String {
        "0x539".to_owned()
    }

    async fn watched(&self, count: usize) -> usize {
        *self.open.subscribe().wait_for(|open| *open == count).await.unwrap()
    }

    fn heads(&self) -> impl Stream<Item = u64> + Send {
        self.open.send_modify(|open| *open += 1);
        let open = OpenStream(self.open.clone());
        stream::iter(100..103).chain(stream::pending()).map(move |number| {
            let _kept = &open;
            number
        })
    }

    fn past(&self, to: u64) -> impl Stream<Item = u64> + Send {
        stream::iter(0..to)
    }
}

fn serve(socket: &TcpListener) -> ServerHandle {
    let server = Server::builder().service(ChainServer::new(Blocks { open: watch::Sender::new(0) })).build();
    server.listen_on(socket.try_clone().unwrap()).unwrap().spawn()
}

async fn connect(socket: &TcpListener) -> RpcClient {
    let url = format!("ws://{}", socket.local_addr().unwrap());
    let connect = WsConnect::new(url).with_retry_interval(Duration::from_millis(10)).with_max_retries(1000);
    ClientBuilder::default().ws(connect).await.unwrap()
}

/// Subscribes, and returns the client's own id of the subscription.
async fn subscribe(client: &RpcClient, topic: &'static str, params: &[u64]) -> B256 {
    let params: Vec<serde_json::Value> =
        std::iter::once(topic.into()).chain(params.iter().map(|number| (*number).into())).collect();
    client.request("eth_subscribe", params).await.unwrap()
}

async fn call(client: &RpcClient) -> String {
    client.request_noparams("eth_chainId").await.unwrap()
}

async fn watched(client: &RpcClient, count: usize) {
    let watched = client.request::<_, usize>("chain_watched", [count]);
    assert_eq!(timeout(TEST_TIMEOUT, watched).await.expect("the streams are counted").unwrap(), count);
}

#[tokio::test]
async fn items_arrive_beside_calls_until_the_client_unsubscribes() {
    let socket = TcpListener::bind("127.0.0.1:0").unwrap();
    let _server = serve(&socket);
    let client = connect(&socket).await;
    let id = subscribe(&client, "newHeads", &[]).await;
    let mut heads = client.get_ref().get_subscription::<u64>(id).await.into_stream();
    for number in 100..103 {
        assert_eq!(timeout(TEST_TIMEOUT, heads.next()).await.expect("the items arrive"), Some(number));
        assert_eq!(call(&client).await, "0x539");
    }
    watched(&client, 1).await;
    client.get_ref().expect_pubsub_frontend().unsubscribe(id).unwrap();
    watched(&client, 0).await;
}

#[tokio::test]
async fn end_of_a_stream_leaves_the_connection_open() {
    let socket = TcpListener::bind("127.0.0.1:0").unwrap();
    let _server = serve(&socket);
    let client = connect(&socket).await;
    subscribe(&client, "newHeads", &[]).await;
    let id = subscribe(&client, "past", &[5]).await;
    let past = client.get_ref().get_subscription::<u64>(id).await.into_stream();
    let items = timeout(TEST_TIMEOUT, past.take(5).collect::<Vec<_>>()).await.expect("the items arrive");
    assert_eq!(items, [0, 1, 2, 3, 4]);
    assert_eq!(call(&client).await, "0x539");
    // The connection is the same one: the other stream is still open.
    watched(&client, 1).await;
}

#[tokio::test]
async fn subscription_goes_on_at_the_next_server() {
    let socket = TcpListener::bind("127.0.0.1:0").unwrap();
    let first = serve(&socket);
    let client = connect(&socket).await;
    let id = subscribe(&client, "newHeads", &[]).await;
    let mut heads = client.get_ref().get_subscription::<u64>(id).await.into_stream();
    for number in 100..103 {
        assert_eq!(timeout(TEST_TIMEOUT, heads.next()).await.expect("the items arrive"), Some(number));
    }
    let second = serve(&socket);
    first.shutdown().await;
    for number in 100..103 {
        assert_eq!(timeout(TEST_TIMEOUT, heads.next()).await.expect("the items arrive"), Some(number));
    }
    watched(&client, 1).await;
    second.shutdown().await;
}
