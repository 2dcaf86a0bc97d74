//! Many connections at a time, which make calls and are then idle.

use std::net::SocketAddr;

use futures_util::{StreamExt, stream};
use support::process::may_open;
use support::raw_http::{Connection, post};

use crate::soak::child::{Process, call, result};
use crate::soak::is_full;
use crate::soak::memory::held;

const CONNECTIONS: u64 = 2000;

/// How many connections are opened at a time, so that none waits long in the accept queue.
const AT_ONCE: usize = 64;

/// How many times all connections are opened and closed, in a full run and in a short one.
const WAVES: [usize; 2] = [24, 6];

/// How much memory an idle connection may take in the server. It takes 12 KiB, also without optimizations. One more
/// buffer of 8 KiB would be detected.
const IDLE_KIB: u64 = 18;

/// How much more memory the server may hold in the last wave than in the middle one. A short run would detect a leak of
/// 0.8 KiB per connection, and a full one a leak of 0.1 KiB. The allocator's free memory is fragmented after each wave.
/// So memory grows by less and less from wave to wave, and by about 1.5 MiB where this test measures.
const SLACK_KIB: u64 = 3072;

/// Opens connections, and makes a few calls on each. All connections stay open.
async fn open(addr: SocketAddr) -> Vec<Connection> {
    let open = |number| async move {
        let mut connection = Connection::open(addr).await;
        for call in 0..5 {
            read(&mut connection, number * 5 + call).await;
        }
        connection
    };
    stream::iter(0..CONNECTIONS).map(open).buffer_unordered(AT_ONCE).collect().await
}

async fn read(connection: &mut Connection, number: u64) {
    connection.send(&post(call("soak.read", number))).await;
    assert_eq!(connection.reply().await.text(), result(number));
}

#[tokio::test]
async fn thousands_of_connections_call_and_are_idle_and_leave_nothing() {
    if !may_open(2 * CONNECTIONS) {
        return;
    }
    let server = Process::start().await;
    read(&mut Connection::open(server.addr).await, 0).await;
    let before = held(server.pid);
    let mut idle = Vec::new();
    for _ in 0..if is_full() { WAVES[0] } else { WAVES[1] } {
        let mut connections = open(server.addr).await;
        idle.push(held(server.pid));
        // All connections call at once, and a new connection is served too.
        let calls = connections.iter_mut().zip(0..).map(|(connection, number)| read(connection, number));
        let newcomer = async { read(&mut Connection::open(server.addr).await, 1).await };
        tokio::join!(futures_util::future::join_all(calls), newcomer);
        drop(connections);
        server.until_connections_are_closed().await;
    }
    let each = (idle[0] - before) / CONNECTIONS;
    assert!(each <= IDLE_KIB, "an idle connection costs {each} KiB");
    let (middle, last) = (idle[idle.len() / 2], idle[idle.len() - 1]);
    assert!(last <= middle + SLACK_KIB, "connections leave something behind: {before} KiB without any, then {idle:?}");
}
