//! Much more at once than the server takes on.

use std::net::SocketAddr;
use std::sync::Arc;

use futures_util::{StreamExt, stream};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpSocket, TcpStream};
use tokio::task::JoinSet;

use crate::child::{PING, Process, WAIT, WAITED};
use crate::files::may_open;
use crate::raw_http::{Connection, exchange, post};

/// The defaults of `Limits`: calls in flight, bytes of a body, and bytes of all of them.
const CALLS: usize = 4096;
const BODY: usize = 2 << 20;
const BUDGET: usize = 256 << 20;

/// How many connections are made at a time, so that none waits in the server's queue for long.
const AT_ONCE: usize = 64;

/// Is what the server's process may hold at its worst moment, in KiB, as docs/production.md says it: the budget twice, since
/// an allocator keeps what was given back in pieces, and 32 KiB for each connection, of which buffers are the most.
const BOUND_KIB: u64 = 2 * (BUDGET as u64 >> 10) + 32 * CALLS as u64;

/// Writes a call whose body has as many bytes as it may.
fn largest() -> Vec<u8> {
    let start = r#"{"jsonrpc":"2.0","method":"wait_with","id":1,"params":[""#;
    let body = format!("{start}{}\"]}}", "x".repeat(BODY - start.len() - 3));
    post(body.as_bytes())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn calls_with_large_bodies_are_held_within_the_budget_and_the_others_refused() {
    if !may_open(2 * CALLS as u64) {
        return;
    }
    let mut process = Process::start("handler_timeout=600000").await;
    process.assert_alive().await;
    let request = Arc::new(largest());
    let connections = stream::iter(0..CALLS).map(|_| connect(process.addr)).buffer_unordered(AT_ONCE);
    let mut calls = JoinSet::new();
    for connection in connections.collect::<Vec<_>>().await {
        calls.spawn(call(connection, Arc::clone(&request)));
    }
    let (mut held, mut refused) = (0, 0);
    while held + refused < CALLS {
        tokio::select! {
            call = calls.join_next() => {
                let answer = call.unwrap().unwrap();
                assert!(answer.starts_with("HTTP/1.1 503 ") && answer.contains("\r\nretry-after: 1\r\n"), "{answer}");
                refused += 1;
            }
            _ = process.line("running") => held += 1,
        }
    }
    let peak = process.peak();
    println!("peak: {} MiB, with {held} calls held and {refused} refused", peak >> 10);
    assert!((1..=BUDGET / BODY).contains(&held), "{held} calls are held");
    assert!(peak < BOUND_KIB, "the server held {peak} KiB");
    process.open_gate().await;
    while let Some(call) = calls.join_next().await {
        assert!(call.unwrap().ends_with(WAITED));
    }
    process.assert_alive().await;
}

async fn connect(addr: SocketAddr) -> TcpStream {
    let socket = TcpSocket::new_v4().unwrap();
    // What is not read does not pile up in the kernel.
    socket.set_send_buffer_size(64 << 10).unwrap();
    socket.connect(addr).await.unwrap()
}

/// Sends a call until there is an answer, or to its end, and returns the beginning of the answer.
async fn call(mut stream: TcpStream, request: Arc<Vec<u8>>) -> String {
    let mut rest = &request[..];
    let mut answer = [0; 1024];
    loop {
        let (mut read, mut write) = stream.split();
        tokio::select! {
            biased;
            read = read.read(&mut answer) => return String::from_utf8_lossy(&answer[..read.unwrap()]).into_owned(),
            written = write.write(&rest[..rest.len().min(64 << 10)]), if !rest.is_empty() => {
                rest = &rest[written.unwrap_or(rest.len())..];
            }
        }
    }
}

#[tokio::test]
async fn calls_beyond_those_in_flight_are_shed_and_taken_again_once_there_is_room() {
    let mut process = Process::start("max_calls_in_flight=20").await;
    let mut running = Vec::new();
    for _ in 0..20 {
        let mut connection = Connection::open(process.addr).await;
        connection.send(&post(WAIT.as_bytes())).await;
        process.line("running").await;
        running.push(connection);
    }
    for _ in 0..200 {
        let reply = exchange(process.addr, &post(PING.as_bytes())).await;
        assert_eq!(
            (reply.status, reply.header("retry-after"), reply.header("rpc-refused")),
            (503, Some("1"), Some("all"))
        );
    }
    process.open_gate().await;
    for mut connection in running {
        assert_eq!(connection.reply().await.text(), WAITED);
    }
    process.assert_alive().await;
}
