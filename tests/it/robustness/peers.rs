//! Connections: too many of them, and silent ones.

use std::time::Duration;

use rpc::Limits;
use support::frames::{POST, SETTINGS, WINDOW_UPDATE};
use support::raw_http::{Connection, TEST_TIMEOUT, post};
use support::{PING, PONG, serve};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::sync::{mpsc, watch};
use tokio::time::{sleep, timeout};

use crate::robustness::http2;
use crate::robustness::server::{assert_alive, builder, serve_with};

#[tokio::test]
async fn a_connection_beyond_the_limit_is_answered_once_another_ends() {
    assert_one_connection_at_a_time(1).await;
}

#[tokio::test]
async fn a_limit_of_no_connections_is_one_of_one() {
    assert_one_connection_at_a_time(0).await;
}

async fn assert_one_connection_at_a_time(limit: usize) {
    let addr = serve_with(|limits| limits.max_connections = limit).await;
    let mut first = Connection::open(addr).await;
    first.send(&post(PING)).await;
    assert_eq!(first.reply().await.text(), PONG);

    let mut second = Connection::open(addr).await;
    second.send(&post(PING)).await;
    // The first connection is still served. The second one is not.
    for _ in 0..3 {
        first.send(&post(PING)).await;
        assert_eq!(first.reply().await.text(), PONG);
    }
    assert!(!second.has_bytes_within(Duration::ZERO).await);
    drop(first);
    assert_eq!(second.reply().await.text(), PONG);
}

#[tokio::test]
async fn the_connection_that_is_idle_for_longest_makes_room_and_one_with_a_call_does_not() {
    let mut limits = Limits::default();
    limits.max_connections = 3;
    let (begin, mut begun) = mpsc::unbounded_channel();
    let (finish, finished) = watch::channel(false);
    let wait = move || {
        let mut finished = finished.clone();
        begin.send(()).unwrap();
        async move { finished.wait_for(|finished| *finished).await.is_ok() }
    };
    let addr = serve(&builder().limits(limits).method("wait", wait).build()).await;
    let mut waiting = Connection::open(addr).await;
    waiting.send(&post(r#"{"jsonrpc":"2.0","method":"wait","id":1}"#)).await;
    begun.recv().await.unwrap();
    let (mut idlest, mut other) = (Connection::open(addr).await, Connection::open(addr).await);
    for connection in [&mut idlest, &mut other] {
        connection.send(&post(PING)).await;
        assert_eq!(connection.reply().await.text(), PONG);
        // The server compares idle times in milliseconds.
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    // This takes a second or two, because the server spares a connection that was just used.
    assert_alive(addr).await;
    assert_eq!(idlest.rest().await, b"", "it was closed in good order");
    other.send(&post(PING)).await;
    assert_eq!(other.reply().await.text(), PONG);
    finish.send_replace(true);
    assert_eq!(waiting.reply().await.text(), r#"{"jsonrpc":"2.0","result":true,"id":1}"#);
}

#[tokio::test]
async fn a_silent_connection_is_closed() {
    let addr = serve_with(|limits| {
        limits.idle_timeout = Duration::from_millis(100);
        limits.header_timeout = Duration::from_millis(100);
    })
    .await;
    let heads: [&[u8]; 4] = [b"", b"P", b"PRI * HTTP/2.0\r\n", b"POST / HTTP/1.1\r\nhost: a\r\n"];
    for head in heads {
        let mut connection = Connection::open(addr).await;
        connection.send(head).await;
        connection.rest().await;
        assert_alive(addr).await;
    }
}

#[tokio::test]
async fn a_connection_that_was_answered_and_then_is_silent_is_closed() {
    let addr = serve_with(|limits| limits.idle_timeout = Duration::from_millis(100)).await;
    let mut connection = Connection::open(addr).await;
    connection.send(&post(PING)).await;
    assert_eq!(connection.reply().await.text(), PONG);
    assert_eq!(connection.rest().await, b"");
}

#[tokio::test]
async fn a_head_that_never_ends_is_given_up_though_it_makes_progress() {
    let addr = serve_with(|limits| limits.header_timeout = Duration::from_millis(300)).await;
    let mut connection = Connection::open(addr).await;
    connection.send(b"POST / HTTP/1.1\r\n").await;
    let closed = tokio::time::timeout(TEST_TIMEOUT, async {
        // Send one header after the other until the server closes.
        while !connection.has_bytes_within(Duration::from_millis(10)).await {
            connection.send_until_refused(b"x: y\r\n").await;
        }
    });
    closed.await.expect("a head has a time limit in all");
    assert_alive(addr).await;
}

#[tokio::test]
async fn empty_lines_before_a_head_are_given_up_as_a_head_is() {
    let addr = serve_with(|limits| limits.header_timeout = Duration::from_millis(300)).await;
    for asks in [false, true] {
        let mut connection = Connection::open(addr).await;
        if asks {
            connection.send(&post(PING)).await;
            assert_eq!(connection.reply().await.text(), PONG);
        }
        let closed = tokio::time::timeout(TEST_TIMEOUT, async {
            while !connection.has_bytes_within(Duration::from_millis(10)).await {
                connection.send_until_refused(b"\r\n").await;
            }
        });
        closed.await.expect("empty lines are no request");
        assert_alive(addr).await;
    }
}

#[tokio::test]
async fn a_client_that_does_not_read_its_answer_is_cut() {
    let mut limits = Limits::default();
    limits.max_connections = 1;
    limits.max_response_bytes = usize::MAX;
    limits.write_progress_timeout = Duration::from_millis(200);
    let large = || async { "x".repeat(64 << 20) };
    let addr = serve(&builder().limits(limits).method("large", large).build()).await;
    let mut deaf = Connection::open(addr).await;
    deaf.send(&post(r#"{"jsonrpc":"2.0","method":"large","id":1}"#)).await;
    // There is room for one connection, so this waits until the other one is closed.
    assert_alive(addr).await;
    drop(deaf);
}

/// Reads at a pace with constant progress, until the connection ends. Returns how many bytes arrived.
async fn read_slowly(mut stream: TcpStream) -> usize {
    let mut bytes = vec![0; 64 << 10];
    let mut read = 0;
    while let Ok(more @ 1..) = timeout(TEST_TIMEOUT, stream.read(&mut bytes)).await.expect("a slow reader is cut") {
        read += more;
        sleep(Duration::from_millis(20)).await;
    }
    read
}

#[tokio::test]
async fn clients_that_read_their_answers_below_the_least_rate_are_cut_though_they_read_on() {
    const ANSWER: usize = 32 << 20;
    let mut limits = Limits::default();
    // The answer may take a second and a half. At this pace, it would take ten.
    (limits.max_response_bytes, limits.min_response_rate) = (ANSWER + 100, ANSWER);
    limits.write_progress_timeout = Duration::from_millis(500);
    let addr = serve(&builder().limits(limits).method("large", || async { "x".repeat(ANSWER) }).build()).await;
    let large = r#"{"jsonrpc":"2.0","method":"large","id":1}"#;
    let mut plain = TcpStream::connect(addr).await.unwrap();
    plain.write_all(&post(large)).await.unwrap();
    let mut http2 = http2::connect(addr).await;
    // Windows for the whole answer, so that only the reading of the connection matters.
    http2.write(SETTINGS, 0, 0, &[0, 4, 0x7f, 0xff, 0xff, 0xff]).await;
    http2.write(WINDOW_UPDATE, 0, 0, &(1_u32 << 30).to_be_bytes()).await;
    http2.post(1, POST, large).await;
    let read = tokio::join!(read_slowly(plain), read_slowly(http2.stream));
    assert!((1..ANSWER).contains(&read.0) && (1..ANSWER).contains(&read.1), "{read:?}");
    assert_alive(addr).await;
}

#[tokio::test]
async fn what_is_no_http_is_refused() {
    let addr = serve_with(|_| {}).await;
    let noise: [&[u8]; 4] = [
        b"{\"jsonrpc\":\"2.0\",\"method\":\"ping\",\"id\":1}\r\n\r\n",
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n",
        b"GET\r\n\r\n",
        b"POST / HTTP/1.1\r\nno colon\r\n\r\n",
    ];
    for bytes in noise {
        let mut connection = Connection::open(addr).await;
        connection.send(bytes).await;
        let reply = connection.reply().await;
        assert_eq!((reply.status, reply.header("rpc-status")), (400, Some("-32600")));
        assert_eq!(connection.rest().await, b"");
        assert_alive(addr).await;
    }
}
