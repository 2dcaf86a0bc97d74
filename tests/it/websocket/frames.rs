//! Frames of hostile and broken clients, byte by byte.

use std::net::SocketAddr;

use rpc::{Limits, Server};
use serde_json::json;
use support::raw_http::Connection;
use support::serve;
use support::websocket::WebSocket;
use tokio_tungstenite::tungstenite::Message;

const OPENING: &str = "GET / HTTP/1.1\r\nHost: localhost\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\
    Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n";

const PING: &str = r#"{"jsonrpc":"2.0","method":"ping","id":1}"#;

fn pinging() -> Server {
    let limits = Limits::default().max_request_bytes(1000);
    Server::builder().method("ping", || async { "pong" }).limits(limits).build()
}

/// Returns a frame of a client with a short payload, whose mask changes nothing.
fn frame(first: u8, payload: &[u8]) -> Vec<u8> {
    let mut frame = vec![first, 0x80 | u8::try_from(payload.len()).unwrap(), 0, 0, 0, 0];
    frame.extend(payload);
    frame
}

async fn opened(addr: SocketAddr) -> Connection {
    let mut connection = Connection::open(addr).await;
    connection.send(OPENING.as_bytes()).await;
    assert_eq!(connection.head().await.status, 101);
    connection
}

#[tokio::test]
async fn broken_frames_close_the_connection_with_their_code() {
    let addr = serve(&pinging()).await;
    let mut too_large = vec![0x81, 0x80 | 126];
    too_large.extend(1001_u16.to_be_bytes());
    too_large.extend([0; 4 + 1001]);
    for (bytes, code, reason) in [
        (vec![0x81, 1, b'a'], 1002, "a frame is not masked"),
        (frame(0xf1, b"a"), 1002, "a reserved bit is set"),
        (frame(0x85, b"a"), 1002, "a frame has an unknown opcode"),
        (frame(0x80, b"a"), 1002, "a fragment belongs to no message"),
        (frame(0x82, b"a"), 1003, "messages are text"),
        (frame(0x81, b"\xff"), 1007, "the text is not UTF-8"),
        (too_large, 1009, "the message is too large"),
    ] {
        let mut connection = opened(addr).await;
        connection.send(&bytes).await;
        let mut expected = vec![0x88, u8::try_from(2 + reason.len()).unwrap()];
        expected.extend(u16::to_be_bytes(code));
        expected.extend(reason.as_bytes());
        assert_eq!(connection.rest().await, expected, "{reason}");
    }
}

#[tokio::test]
async fn frames_may_come_with_the_request_and_in_single_bytes() {
    let addr = serve(&pinging()).await;
    let mut connection = Connection::open(addr).await;
    connection.send(&[OPENING.as_bytes(), &frame(0x81, PING.as_bytes())].concat()).await;
    assert_eq!(connection.head().await.status, 101);
    let pong = br#"{"jsonrpc":"2.0","result":"pong","id":1}"#;
    let answer = [&[0x81, 40][..], pong].concat();
    assert!(connection.sees(&answer).await);

    let mut connection = opened(addr).await;
    for byte in [frame(0x01, &PING.as_bytes()[..9]), frame(0x89, b"x"), frame(0x80, &PING.as_bytes()[9..])].concat() {
        connection.send(&[byte]).await;
    }
    assert!(connection.sees(&[0x8a, 1, b'x']).await);
    connection.send(&frame(0x88, &[3, 232])).await;
    let rest = connection.rest().await;
    assert!(rest.ends_with(&[0x88, 2, 3, 232]), "{rest:?}");
}

#[tokio::test]
async fn connection_that_breaks_off_within_a_frame_ends() {
    let addr = serve(&pinging()).await;
    for cut in [1, 3, 8] {
        let mut connection = opened(addr).await;
        connection.send(&frame(0x81, PING.as_bytes())[..cut]).await;
        connection.finish_sending().await;
        let rest = connection.rest().await;
        assert!(rest.is_empty() || rest[0] == 0x88, "{rest:?}");
    }
}

#[tokio::test]
async fn flood_of_pings_is_answered_and_leaves_room_for_calls() {
    let mut socket = WebSocket::open(serve(&pinging()).await).await;
    for _ in 0..10_000 {
        futures_util::SinkExt::feed(&mut socket.stream, Message::Ping("a".into())).await.unwrap();
    }
    socket.call("ping", json!([]), 1).await;
    let mut pongs = 0;
    while let Some(Message::Pong(_)) = socket.frame().await {
        pongs += 1;
    }
    assert_eq!(pongs, 10_000);
}

#[tokio::test]
async fn large_answers_come_whole() {
    let server = Server::builder().method("long", |(len,): (usize,)| async move { "x".repeat(len) }).build();
    let mut socket = WebSocket::open(serve(&server).await).await;
    for len in [0, 60, 100, 200, 65_490, 70_000, 5_000_000] {
        socket.call("long", json!([len]), 1).await;
        assert_eq!(socket.receive().await["result"].as_str().unwrap().len(), len);
    }
}
