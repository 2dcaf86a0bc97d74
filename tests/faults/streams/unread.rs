//! A thousand streams of one server, some of which are not read: the others get all their items, and the server's
//! memory stays within its limits.

use std::time::Duration;

use futures_util::{StreamExt, stream};
use rpc::{Client, Limits, Server, Streaming};
use support::process::{Process, is_child, serve};
use support::raw_http::{Connection, TEST_TIMEOUT, post_with};
use tokio::task::JoinSet;
use tokio::time::timeout;

const CLIENTS: usize = 10;
const STREAMS: usize = 1000;
const ITEMS: u64 = 10;
/// The length of each item, in bytes.
const ITEM: usize = 4000;
/// The number of peers that read nothing at all.
const STUCK: usize = 20;

/// The server's limit of bytes that wait for peers.
const BUFFERED: usize = 8 << 20;
/// How much memory the server may take for all of this, in KiB. The unread streams would fill any memory.
const MOST: u64 = 96 << 10;

#[tokio::test]
#[ignore = "is the child process of the other test, which starts it"]
async fn serves_streams() {
    if !is_child() {
        return;
    }
    let limits = Limits::default()
        .max_buffered_bytes(BUFFERED)
        .write_progress_timeout(Duration::from_secs(1))
        .max_concurrent_streams(500);
    let items = |(to,): (u64,)| async move { stream::iter(1..=to).map(|number| format!("{number:0>ITEM$}")) };
    serve([Server::builder().stream("items", items).limits(limits).build()]).await;
}

/// Reads all items of a stream.
async fn read(mut items: Streaming<String>) {
    for number in 1..=ITEMS {
        let item = timeout(TEST_TIMEOUT * 2, items.next()).await.expect("the stream does not hang");
        assert_eq!(item.unwrap().unwrap().parse(), Ok(number));
    }
    assert!(items.next().await.is_none());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn unread_streams_slow_no_others_and_fill_no_memory() {
    let process = Process::<1>::start(module_path!(), "serves_streams").await;
    let before = process.memory("RssAnon");
    // These are cut, since they read nothing for a while.
    let mut stuck = Vec::new();
    for _ in 0..STUCK {
        let mut connection = Connection::open(process.addrs[0]).await;
        let call = format!(r#"{{"jsonrpc":"2.0","method":"items","params":[{}],"id":1}}"#, u64::MAX);
        connection.send(&post_with(&[("accept", "text/event-stream")], call)).await;
        stuck.push(connection);
    }
    let mut reading = JoinSet::new();
    let mut unread = Vec::new();
    for _ in 0..CLIENTS {
        let url = format!("http://{}", process.addrs[0]);
        let client = Client::builder().endpoint(url).http2_prior_knowledge().build().unwrap();
        // These wait, since their neighbours on the same connection are read.
        unread.push(client.stream::<String>("items", [u64::MAX]).await.unwrap());
        for _ in 1..STREAMS / CLIENTS {
            reading.spawn(read(client.stream("items", [ITEMS]).await.unwrap()));
        }
    }
    while let Some(read) = reading.join_next().await {
        read.unwrap();
    }
    process.until_connections_are(TEST_TIMEOUT, |open| open == CLIENTS).await;
    let grown = process.memory("VmHWM").saturating_sub(before);
    println!("{STREAMS} streams, {} unread, {STUCK} stuck peers: {grown} KiB at most", unread.len());
    assert!(grown < MOST, "the server has grown by {grown} KiB");
    for items in &mut unread {
        let item = timeout(TEST_TIMEOUT, items.next()).await.expect("it goes on").unwrap().unwrap();
        assert_eq!(item.parse(), Ok(1));
    }
    drop((unread, stuck));
    process.until_connections_are_closed().await;
    process.end().await;
}
