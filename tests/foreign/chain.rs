//! A chain of blocks whose clients subscribe: the service that the clients of subscriptions call. Clients mine the
//! blocks, so each test says when a block comes.

use std::net::SocketAddr;
use std::sync::Arc;

use futures_util::{StreamExt, stream};
use rpc::{After, At, Server, ServerHandle, Stream};
use serde_json::{Value, json};
use tokio::sync::{Notify, watch};

/// Returns a block. Its members are those that clients of Ethereum read.
fn block(number: u64) -> Value {
    let zeros = |bytes: usize| format!("0x{}", "00".repeat(bytes));
    let parent = number.checked_sub(1).map_or_else(|| zeros(32), hash);
    json!({
        "number": format!("{number:#x}"),
        "hash": hash(number),
        "parentHash": parent,
        "timestamp": format!("{:#x}", 1_700_000_000 + number),
        "nonce": zeros(8),
        "difficulty": "0x0",
        "totalDifficulty": "0x0",
        "gasLimit": "0x1c9c380",
        "gasUsed": "0x0",
        "baseFeePerGas": "0x7",
        "miner": zeros(20),
        "extraData": "0x",
        "logsBloom": zeros(256),
        "mixHash": zeros(32),
        "receiptsRoot": zeros(32),
        "sha3Uncles": zeros(32),
        "stateRoot": zeros(32),
        "transactionsRoot": zeros(32),
        "size": "0x200",
        "transactions": [],
        "uncles": [],
    })
}

fn hash(number: u64) -> String {
    format!("0x{:064x}", number + 0xb10c)
}

#[rpc::service]
pub(crate) trait Chain {
    #[rpc(readonly, name = "eth_chainId")]
    async fn chain_id(&self) -> String;

    #[rpc(readonly, name = "net_version")]
    async fn net_version(&self) -> String;

    #[rpc(readonly, name = "eth_blockNumber")]
    async fn block_number(&self) -> String;

    #[rpc(readonly, name = "eth_getBlockByNumber")]
    async fn block_by_number(&self, number: String, full: bool) -> Option<Value>;

    /// Adds blocks, and returns the number of the last one.
    #[rpc(name = "evm_mine")]
    async fn mine(&self, #[rpc(default = 1)] count: u64) -> u64;

    /// Returns once this many streams of blocks are open.
    #[rpc(readonly, name = "chain_watched")]
    async fn watched(&self, count: usize) -> usize;

    /// Begins the shutdown of the server.
    #[rpc(name = "chain_stop")]
    async fn stop(&self) -> bool;

    /// The blocks that come after the subscription.
    #[rpc(stream, name = "heads", subscribe = "eth_subscribe", topic = "newHeads", unsubscribe = "eth_unsubscribe")]
    fn heads(&self) -> impl Stream<Item = Value> + Send;

    /// The blocks up to a number. The stream ends then.
    #[rpc(stream, name = "past", subscribe = "eth_subscribe", topic = "past", unsubscribe = "eth_unsubscribe")]
    fn past(&self, to: u64) -> impl Stream<Item = Value> + Send;

    /// The numbers of all blocks, from the first one.
    #[rpc(stream, name = "ticks", subscribe = "subscribe_ticks", unsubscribe = "unsubscribe_ticks")]
    fn ticks(&self) -> impl Stream<Item = u64> + Send;

    /// The numbers below `to`. The stream ends then.
    #[rpc(stream, name = "count", subscribe = "subscribe_count", unsubscribe = "unsubscribe_count")]
    fn count(&self, to: u64) -> impl Stream<Item = u64> + Send;

    /// The numbers of blocks, which clients may resume.
    #[rpc(stream, resume, name = "numbers")]
    fn numbers(&self, after: After<u64>) -> impl Stream<Item = At<u64, String>> + Send;
}

struct Node {
    /// The number of the last block.
    last: watch::Sender<u64>,
    /// How many streams of blocks are open.
    open: watch::Sender<usize>,
    stop: Arc<Notify>,
}

/// Counts a stream while it is open.
struct OpenStream(watch::Sender<usize>);

impl Drop for OpenStream {
    fn drop(&mut self) {
        self.0.send_modify(|open| *open -= 1);
    }
}

impl Node {
    /// Returns the numbers of blocks from this one, as they come.
    fn from(&self, first: u64) -> impl Stream<Item = u64> + Send + use<> {
        self.open.send_modify(|open| *open += 1);
        let state = (first, self.last.subscribe(), OpenStream(self.open.clone()));
        stream::unfold(state, |(next, mut last, open)| async move {
            last.wait_for(|last| *last >= next).await.ok()?;
            Some((next, (next + 1, last, open)))
        })
    }
}

impl Chain for Node {
    async fn chain_id(&self) -> String {
        "0x539".to_owned()
    }

    async fn net_version(&self) -> String {
        "1337".to_owned()
    }

    async fn block_number(&self) -> String {
        format!("{:#x}", *self.last.borrow())
    }

    async fn block_by_number(&self, number: String, _: bool) -> Option<Value> {
        let last = *self.last.borrow();
        let number =
            if number == "latest" { last } else { u64::from_str_radix(number.strip_prefix("0x")?, 16).ok()? };
        (number <= last).then(|| block(number))
    }

    async fn mine(&self, count: u64) -> u64 {
        self.last.send_modify(|last| *last += count);
        *self.last.borrow()
    }

    async fn watched(&self, count: usize) -> usize {
        *self.open.subscribe().wait_for(|open| *open == count).await.unwrap()
    }

    async fn stop(&self) -> bool {
        self.stop.notify_one();
        true
    }

    fn heads(&self) -> impl Stream<Item = Value> + Send {
        self.from(*self.last.borrow() + 1).map(block)
    }

    fn past(&self, to: u64) -> impl Stream<Item = Value> + Send {
        stream::iter(0..=to).map(block)
    }

    fn ticks(&self) -> impl Stream<Item = u64> + Send {
        self.from(0)
    }

    fn count(&self, to: u64) -> impl Stream<Item = u64> + Send {
        stream::iter(0..to)
    }

    fn numbers(&self, after: After<u64>) -> impl Stream<Item = At<u64, String>> + Send {
        let first = after.into_cursor().map_or(0, |last| last + 1);
        self.from(first).map(|number| At::new(number, format!("block {number}")))
    }
}

/// Serves a new chain with one block. The server shuts down when a client asks for it.
pub(crate) async fn serve_chain() -> SocketAddr {
    let stop = Arc::new(Notify::new());
    let node = Node { last: watch::Sender::new(0), open: watch::Sender::new(0), stop: Arc::clone(&stop) };
    let server = Server::builder().service(ChainServer::new(node)).build();
    let handle: ServerHandle = server.bind("127.0.0.1:0").await.unwrap().spawn();
    let addr = handle.local_addr();
    tokio::spawn(async move {
        stop.notified().await;
        handle.shutdown().await;
    });
    addr
}

/// Returns what a client sees of a call with this result.
pub(crate) fn result(value: impl Into<Value>) -> Value {
    json!({ "result": value.into() })
}
