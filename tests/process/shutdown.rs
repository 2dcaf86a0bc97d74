//! How a process ends.

use std::net::SocketAddr;

use rpc::Client;
use tokio::net::TcpStream;

use crate::child::{PING, PONG, Process, WAIT, WAITED};
use crate::raw_http::{Connection, exchange, post, request};
use crate::states;

/// Is longer than any test waits.
const FOREVER: &str = "600000";

fn ready() -> Vec<u8> {
    request("GET /health/ready HTTP/1.1", &[("host", "localhost")], b"")
}

/// Waits until nothing listens at the address any more.
async fn refused(addr: SocketAddr) {
    while TcpStream::connect(addr).await.is_ok() {
        tokio::task::yield_now().await;
    }
}

/// Waits until the server says that it is not ready, which it does by answering a new connection.
async fn until_unready(addr: SocketAddr) {
    loop {
        let reply = exchange(addr, &ready()).await;
        if reply.status == 503 {
            assert!(reply.text().contains("draining"), "{}", reply.text());
            return;
        }
        tokio::task::yield_now().await;
    }
}

#[tokio::test]
async fn after_sigterm_a_server_is_unready_and_serves_on_until_the_second_one() {
    let mut process = Process::start(&format!("shutdown_delay={FOREVER}")).await;
    assert_eq!(exchange(process.addr, &ready()).await.status, 200);
    let mut old = Connection::open(process.addr).await;
    old.send(&post(PING.as_bytes())).await;
    assert_eq!(old.reply().await.header("connection"), None);
    let mut waiting = Connection::open(process.addr).await;
    waiting.send(&post(WAIT.as_bytes())).await;
    process.line("running").await;

    process.signal("TERM").await;
    until_unready(process.addr).await;
    process.assert_alive().await;
    // Who is connected already is told to go elsewhere.
    old.send(&post(PING.as_bytes())).await;
    let last = old.reply().await;
    assert_eq!((last.text(), last.header("connection")), (PONG, Some("close")));
    assert_eq!(old.rest().await, b"");

    process.signal("TERM").await;
    process.line("ended").await;
    assert!(process.ended().await.success());
    assert!(!waiting.sees(b"HTTP").await, "the call was cut");
}

#[tokio::test]
async fn calls_in_flight_get_their_answers_after_sigterm() {
    let mut process = Process::start(&format!("shutdown_delay=200 drain_timeout={FOREVER}")).await;
    let url = format!("http://{}", process.addr);
    let http2 = Client::builder().endpoint(&url).http2_prior_knowledge().build().unwrap();
    let over_http2 = tokio::spawn(http2.call::<String>("wait", ()).into_future());
    process.line("running").await;
    let mut over_http1 = Vec::new();
    for _ in 0..10 {
        let mut connection = Connection::open(process.addr).await;
        connection.send(&post(WAIT.as_bytes())).await;
        process.line("running").await;
        over_http1.push(connection);
    }
    process.signal("TERM").await;
    refused(process.addr).await;
    assert!(process.is_running() && !over_http2.is_finished());
    process.open_gate().await;
    for mut connection in over_http1 {
        assert_eq!(connection.reply().await.text(), WAITED);
        assert_eq!(connection.rest().await, b"");
    }
    assert_eq!(over_http2.await.unwrap().unwrap(), "done");
    assert!(process.ended().await.success());
}

#[tokio::test]
async fn ctrl_c_drains_without_a_delay() {
    let mut process = Process::start(&format!("shutdown_delay={FOREVER} drain_timeout={FOREVER}")).await;
    let mut waiting = Connection::open(process.addr).await;
    waiting.send(&post(WAIT.as_bytes())).await;
    process.line("running").await;
    process.signal("INT").await;
    refused(process.addr).await;
    process.open_gate().await;
    assert_eq!(waiting.reply().await.text(), WAITED);
    assert!(process.ended().await.success());
}

#[tokio::test]
async fn two_signals_one_right_after_the_other_end_a_process_at_once() {
    for (one, other) in [("TERM", "INT"), ("INT", "TERM")] {
        let limits = format!("shutdown_delay={FOREVER} drain_timeout={FOREVER}");
        let mut process = Process::start(&limits).await;
        let mut waiting = Connection::open(process.addr).await;
        waiting.send(&post(WAIT.as_bytes())).await;
        process.line("running").await;
        process.signal(one).await;
        process.signal(other).await;
        process.line("ended").await;
        assert!(process.ended().await.success());
    }
}

#[tokio::test]
async fn connections_at_rest_hold_no_process() {
    let times = format!("header_timeout={FOREVER} drain_timeout={FOREVER}");
    let mut process = Process::start(&format!("shutdown_delay=0 {times}")).await;
    let at_rest = states::at_rest(process.addr).await;
    // A connection that is made later is answered, so those before are being served.
    process.assert_alive().await;
    process.signal("TERM").await;
    assert!(process.ended().await.success());
    drop(at_rest);
}

#[tokio::test]
async fn stalled_and_unread_connections_hold_a_process_no_longer_than_the_drain() {
    let times = format!("body_timeout={FOREVER} write_progress_timeout={FOREVER} drain_timeout=500");
    let mut process = Process::start(&format!("shutdown_delay=0 {times}")).await;
    let mut waiting = Connection::open(process.addr).await;
    waiting.send(&post(WAIT.as_bytes())).await;
    process.line("running").await;
    let stalled = [
        states::half_a_body(process.addr).await,
        states::unread(process.addr, 9 << 20).await,
        states::unread_over_http2(process.addr).await,
    ];
    process.assert_alive().await;
    process.signal("TERM").await;
    assert!(process.ended().await.success());
    drop(stalled);
}
