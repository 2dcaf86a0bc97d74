//! Ten thousand streams of one server at a time, one of which is not read: each of the others gets every item, and the
//! server's memory stays within its limit.

use futures_util::stream;
use rpc::{Client, Limits, Server, Streaming, WebSocketSettings};
use support::process::{Process, is_child, serve};
use support::raw_http::TEST_TIMEOUT;
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio::time::timeout;

/// Each client has a WebSocket of its own.
const CLIENTS: usize = 10;
const STREAMS: usize = 10_000;
const ITEMS: u64 = 5;
/// The length of each item, in bytes.
const ITEM: usize = 200;

/// How much memory the server may take for all of this, in KiB. The unread stream would fill any memory.
const MOST: u64 = 64 << 10;

#[tokio::test]
#[ignore = "is the child process of the other test, which starts it"]
async fn serves_many_streams() {
    if !is_child() {
        return;
    }
    let begins = watch::Sender::new(false);
    let begun = begins.subscribe();
    let server = Server::builder()
        .stream("items", move |(to,): (u64,)| {
            let begun = begun.clone();
            let items = stream::unfold((begun, 1), move |(mut begun, number)| async move {
                begun.wait_for(|begun| *begun).await.ok()?;
                (number <= to).then(|| (format!("{number:0>ITEM$}"), (begun, number + 1)))
            });
            async { items }
        })
        .stream("flood", || async { stream::repeat("0".repeat(ITEM)) })
        .method("begin", move || {
            begins.send_replace(true);
            async {}
        })
        .websocket(WebSocketSettings::default())
        .limits(Limits::default().max_buffered_bytes(8 << 20));
    serve([server.build()]).await;
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
async fn one_unread_stream_of_ten_thousand_costs_the_others_no_item() {
    let process = Process::<1>::start(module_path!(), "serves_many_streams").await;
    let before = process.memory("RssAnon");
    let url = format!("ws://{}", process.addrs[0]);
    let clients: Vec<_> = (0..CLIENTS).map(|_| Client::new(&*url).unwrap()).collect();
    let mut unread = clients[0].stream::<String>("flood", ()).await.unwrap();
    let mut opening = JoinSet::new();
    for (number, client) in clients.iter().cloned().enumerate() {
        let count = STREAMS / CLIENTS - usize::from(number == 0);
        opening.spawn(async move {
            let mut streams = Vec::new();
            for _ in 0..count {
                streams.push(client.stream("items", [ITEMS]).await.unwrap());
            }
            streams
        });
    }
    let mut reading = JoinSet::new();
    for items in opening.join_all().await.into_iter().flatten() {
        reading.spawn(read(items));
    }
    assert_eq!(reading.len(), STREAMS - 1);
    clients[0].call::<()>("begin", ()).await.unwrap();
    reading.join_all().await;
    let grown = process.memory("VmHWM").saturating_sub(before);
    println!("{STREAMS} streams, one unread: {grown} KiB at most");
    assert!(grown < MOST, "the server has grown by {grown} KiB");
    let item = timeout(TEST_TIMEOUT, unread.next()).await.expect("it goes on").unwrap().unwrap();
    assert_eq!(item.len(), ITEM);
    drop((unread, clients));
    process.until_connections_are_closed().await;
    process.end().await;
}
