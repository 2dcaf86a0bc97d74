//! No descriptors left, and no room for more connections.

use std::time::Duration;

use futures_util::future::join_all;
use tokio::net::TcpStream;
use tokio::time::{Instant, sleep, timeout};

use crate::child::{PING, PONG, Process};
use crate::raw_http::{Connection, PATIENCE, post};
use crate::states;

/// How many files the server may open, and how many connections it is offered.
const FILES: usize = 48;
const CONNECTIONS: usize = 100;

/// Waits until the server has opened all the files that it may.
async fn exhausted(process: &Process) {
    let start = Instant::now();
    while process.open_files() < FILES {
        assert!(start.elapsed() < PATIENCE, "{} files are open", process.open_files());
        // Nothing in another process can be waited for.
        sleep(Duration::from_millis(10)).await;
    }
}

async fn many<F: Future<Output = TcpStream>>(open: impl Fn() -> F) -> Vec<TcpStream> {
    join_all((0..CONNECTIONS).map(|_| open())).await
}

#[tokio::test]
async fn without_descriptors_a_server_neither_spins_nor_ends_and_goes_on_once_there_are_some() {
    // Half a head keeps a connection from being closed as idle.
    let mut process = Process::start_with(&format!("ulimit -n {FILES};"), "header_timeout=600000").await;
    let busy = many(|| states::half_a_head(process.addr)).await;
    exhausted(&process).await;
    let before = process.processor_time();
    sleep(Duration::from_secs(1)).await;
    let spent = process.processor_time() - before;
    // One that spins would take all that it can get.
    assert!(spent < 25, "{spent} hundredths of a second were spent on nothing");
    assert!(process.is_running());

    let mut newcomer = Connection::open(process.addr).await;
    newcomer.send(&post(PING.as_bytes())).await;
    assert!(!newcomer.has_bytes_within(Duration::from_millis(300)).await, "it waits for a descriptor");
    drop(busy);
    assert_eq!(newcomer.reply().await.text(), PONG);
}

#[tokio::test]
async fn without_descriptors_idle_connections_make_room() {
    let process = Process::start_with(&format!("ulimit -n {FILES};"), "").await;
    let idle = many(|| states::connect(process.addr)).await;
    exhausted(&process).await;
    process.assert_alive().await;
    drop(idle);
}

#[tokio::test]
async fn idle_connections_make_room_and_one_with_a_call_does_not() {
    let mut process = Process::start("max_connections=3").await;
    let mut waiting = Connection::open(process.addr).await;
    waiting.send(&post(crate::child::WAIT.as_bytes())).await;
    process.line("running").await;
    let mut idlest = Connection::open(process.addr).await;
    let mut other = Connection::open(process.addr).await;
    for connection in [&mut idlest, &mut other] {
        connection.send(&post(PING.as_bytes())).await;
        assert_eq!(connection.reply().await.text(), PONG);
        // Their times are told apart by milliseconds.
        sleep(Duration::from_millis(20)).await;
    }
    process.assert_alive().await;
    assert_eq!(idlest.rest().await, b"", "it was closed in good order");
    other.send(&post(PING.as_bytes())).await;
    assert_eq!(other.reply().await.text(), PONG);
    process.open_gate().await;
    assert_eq!(waiting.reply().await.text(), crate::child::WAITED);
}

#[tokio::test]
async fn many_more_connections_than_there_is_room_for_are_all_served() {
    let process = Process::start("max_connections=8").await;
    // All stay open, so each has to make room for others.
    let served = join_all((0..24).map(|_| async {
        let mut connection = Connection::open(process.addr).await;
        connection.send(&post(PING.as_bytes())).await;
        let wait = timeout(PATIENCE * 3, connection.reply());
        assert_eq!(wait.await.expect("its turn comes").text(), PONG);
        connection
    }));
    drop(served.await);
}
