//! Limits of HTTP/2, frame by frame.

use std::future::pending;
use std::net::SocketAddr;
use std::time::Duration;

use futures_util::future::join_all;
use rpc::{Limits, Server};
use support::frames::{
    DATA, END_HEADERS, END_STREAM, Frames, GOAWAY, HEADERS, PING as PING_FRAME, POST, REFUSED_STREAM, RST_STREAM,
};
use support::raw_http::TEST_TIMEOUT;
use support::{PING, PONG, serve};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::timeout;

use crate::robustness::server::{assert_alive, builder, serve_with};

/// `:status: 200` by its index, and `:status: 431` by the index of its name and in Huffman code.
const STATUS_200: u8 = 0x88;
const STATUS_431: &[u8] = b"\x48\x83\x69\x90\xff";

pub(crate) async fn connect(addr: SocketAddr) -> Frames {
    Frames::open(TcpStream::connect(addr).await.unwrap()).await
}

/// Adds headers without an index in HPACK's table, this many times.
fn with_headers(count: usize, name: &str, value: &str) -> Vec<u8> {
    let mut block = POST.to_vec();
    for _ in 0..count {
        block.extend_from_slice(&[0, u8::try_from(name.len()).unwrap()]);
        block.extend_from_slice(name.as_bytes());
        block.push(u8::try_from(value.len()).unwrap());
        block.extend_from_slice(value.as_bytes());
    }
    block
}

#[tokio::test]
async fn as_many_requests_as_the_limit_are_under_way_and_one_more_is_refused() {
    for (set, limit) in [(false, 200), (true, 3)] {
        let mut limits = Limits::default();
        if set {
            limits.max_concurrent_streams = limit;
        }
        let addr = serve(&builder().limits(limits).method("hang", pending::<()>).build()).await;
        let mut frames = connect(addr).await;
        let hang = r#"{"jsonrpc":"2.0","method":"hang","id":1}"#;
        for stream in 0..limit - 1 {
            frames.post(2 * stream + 1, POST, hang).await;
        }
        let last = 2 * limit - 1;
        frames.post(last, POST, PING).await;
        assert_eq!(frames.until(HEADERS).await.stream, last);
        // The room of the last stream is free again. Another stream takes it.
        frames.post(last + 2, POST, hang).await;
        frames.post(last + 4, POST, PING).await;
        let refused = frames.until(RST_STREAM).await;
        assert_eq!((refused.stream, &*refused.payload), (last + 4, &REFUSED_STREAM.to_be_bytes()[..]));
        assert_alive(addr).await;
    }
}

#[tokio::test]
async fn as_many_headers_as_the_limit_are_taken_and_one_more_is_refused() {
    let addr = serve_with(|limits| limits.max_headers = 20).await;
    let mut frames = connect(addr).await;
    // The content type counts as a header.
    frames.post(1, &with_headers(19, "x", "y"), PING).await;
    assert_eq!(frames.until(HEADERS).await.payload[0], STATUS_200);
    frames.post(3, &with_headers(20, "x", "y"), PING).await;
    assert_ne!(frames.until(HEADERS).await.payload[0], STATUS_200);
    let body = frames.until(DATA).await;
    assert_eq!(body.stream, 3);
    assert!(String::from_utf8(body.payload).unwrap().contains("-32090"));
}

#[tokio::test]
async fn a_head_is_taken_up_to_its_bytes_and_refused_without_a_body_beyond() {
    // Name, value and 32 bytes for each header. The four headers of the request take 43, 43, 38 and 60.
    let limit = 43 + 43 + 38 + 60 + 10 * (32 + 1 + 9);
    let addr = serve_with(|limits| limits.max_header_bytes = limit).await;
    let mut frames = connect(addr).await;
    frames.post(1, &with_headers(10, "x", "123456789"), PING).await;
    assert_eq!(frames.until(HEADERS).await.payload[0], STATUS_200);
    let mut one_more = with_headers(9, "x", "123456789");
    one_more.extend_from_slice(b"\0\x01x\x0a1234567890");
    frames.post(3, &one_more, PING).await;
    let refused = frames.until(HEADERS).await;
    assert_eq!((refused.stream, refused.flags & END_STREAM), (3, END_STREAM));
    assert_eq!(refused.payload, STATUS_431);
    frames.post(5, POST, PING).await;
    assert_eq!(frames.until(HEADERS).await.stream, 5);
}

#[tokio::test]
async fn a_peer_that_resets_what_it_asks_for_again_and_again_is_sent_away() {
    let addr = serve(&Server::builder().method("hang", pending::<()>).build()).await;
    let mut frames = connect(addr).await;
    for stream in 0..10_000 {
        frames.write(HEADERS, END_HEADERS, 2 * stream + 1, POST).await;
        frames.write(RST_STREAM, 0, 2 * stream + 1, &8_u32.to_be_bytes()).await;
    }
    frames.until(GOAWAY).await;
}

#[tokio::test]
async fn the_heads_of_all_streams_count_in_the_share_of_their_connection() {
    let mut limits = Limits::default();
    // A connection may hold half of the server's budget.
    (limits.max_request_bytes, limits.max_response_bytes, limits.max_buffered_bytes) = (1000, 1000, 50_000);
    let addr = serve(&builder().limits(limits).method("hang", pending::<()>).build()).await;
    let mut frames = connect(addr).await;
    let large = with_headers(99, "x", &"y".repeat(100));
    for stream in [1, 3, 5] {
        frames.post(stream, &large, r#"{"jsonrpc":"2.0","method":"hang","id":1}"#).await;
    }
    let refused = frames.until(DATA).await;
    assert_eq!(refused.stream, 5);
    let answer = String::from_utf8(refused.payload).unwrap();
    assert!(answer.contains("-32092") && answer.contains("the connection holds too many bytes"), "{answer}");
    assert_alive(addr).await;
    // A stream that ends makes room.
    frames.write(RST_STREAM, 0, 1, &8_u32.to_be_bytes()).await;
    for stream in (7..2000).step_by(2) {
        frames.post(stream, &large, PING).await;
        let answer = String::from_utf8(frames.until(DATA).await.payload).unwrap();
        if answer.contains("pong") {
            return;
        }
    }
    panic!("a head that is gone still counts");
}

/// Sends a PING every few milliseconds until the server ends the connection. Acknowledges nothing.
async fn ping_on(mut frames: Frames) {
    let pinging = async {
        while frames.stream.writable().await.is_ok() {
            frames.write(PING_FRAME, 0, 0, b"12345678").await;
            if let Ok(None) = timeout(Duration::from_millis(10), frames.read()).await {
                return;
            }
        }
    };
    timeout(TEST_TIMEOUT, pinging).await.expect("the server ends the connection");
}

#[tokio::test]
async fn a_peer_that_only_pings_is_idle() {
    let addr = serve_with(|limits| limits.idle_timeout = Duration::from_millis(300)).await;
    ping_on(connect(addr).await).await;
    let mut frames = connect(addr).await;
    frames.post(1, POST, PING).await;
    assert_eq!(frames.until(HEADERS).await.payload[0], STATUS_200);
    ping_on(frames).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_peer_that_pings_without_a_pause_is_idle_all_the_same() {
    let addr = serve_with(|limits| limits.idle_timeout = Duration::from_millis(300)).await;
    let (mut reader, mut writer) = connect(addr).await.stream.into_split();
    let frames = b"\0\0\x08\x06\0\0\0\0\0PINGPING".repeat(1000);
    let flooding = tokio::spawn(async move { while writer.write_all(&frames).await.is_ok() {} });
    let reading = async {
        let mut answers = vec![0; 64 << 10];
        while matches!(reader.read(&mut answers).await, Ok(1..)) {}
    };
    timeout(TEST_TIMEOUT, reading).await.expect("the server ends the connection");
    timeout(TEST_TIMEOUT, flooding).await.expect("the server ends the connection").unwrap();
}

#[tokio::test]
async fn a_peer_that_only_pings_does_not_outlive_the_age_of_connections() {
    let addr = serve_with(|limits| limits.max_connection_age = Duration::from_millis(300)).await;
    ping_on(connect(addr).await).await;
}

#[tokio::test]
async fn peers_that_only_ping_make_room_for_others() {
    let addr = serve_with(|limits| limits.max_connections = 20).await;
    let pinging: Vec<_> = join_all((0..20).map(|_| connect(addr))).await;
    let pinging: Vec<_> = pinging.into_iter().map(|frames| tokio::spawn(ping_on(frames))).collect();
    for _ in 0..5 {
        assert_alive(addr).await;
    }
    pinging.iter().for_each(tokio::task::JoinHandle::abort);
}

#[tokio::test]
async fn a_peer_that_closes_its_half_of_the_connection_is_answered() {
    let addr = serve(&builder().method("pause", || tokio::time::sleep(Duration::from_millis(200))).build()).await;
    for (method, result) in [("ping", PONG), ("pause", r#"{"jsonrpc":"2.0","result":null,"id":1}"#)] {
        let mut frames = connect(addr).await;
        frames.post(1, POST, &PING.replace("ping", method)).await;
        frames.stream.shutdown().await.unwrap();
        assert_eq!(frames.until(HEADERS).await.payload[0], STATUS_200);
        assert_eq!(frames.until(DATA).await.payload, result.as_bytes());
        while timeout(TEST_TIMEOUT, frames.read()).await.expect("the connection ends").is_some() {}
    }
}
