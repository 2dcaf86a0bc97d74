//! Heads of requests: their maximum size, and their maximum number of headers.

use std::net::SocketAddr;

use serde_json::Value;
use support::raw_http::{Connection, Reply, request};
use support::{PING, PONG, serve};

use crate::robustness::server::{assert_alive, builder, serve_with};

const LINE: &str = "POST / HTTP/1.1";

fn headers(length: &str) -> Vec<(&str, &str)> {
    vec![("host", "a"), ("content-type", "application/json"), ("content-length", length)]
}

/// Builds a call with a head of this many bytes.
fn head_of(bytes: usize) -> Vec<u8> {
    let length = PING.len().to_string();
    let bare = request(LINE, &[headers(&length), vec![("x", "")]].concat(), b"").len();
    let filling = "x".repeat(bytes - bare);
    request(LINE, &[headers(&length), vec![("x", &filling)]].concat(), PING.as_bytes())
}

/// Builds a call with this many headers.
fn with_headers(count: usize) -> Vec<u8> {
    let length = PING.len().to_string();
    let mut all = headers(&length);
    all.resize(count, ("x", "y"));
    request(LINE, &all, PING.as_bytes())
}

async fn send(addr: SocketAddr, bytes: &[u8]) -> (Reply, Connection) {
    let mut connection = Connection::open(addr).await;
    connection.send_until_refused(bytes).await;
    (connection.reply().await, connection)
}

async fn assert_taken(addr: SocketAddr, bytes: &[u8]) {
    let (reply, _) = send(addr, bytes).await;
    assert_eq!((reply.status, reply.text()), (200, PONG));
}

/// Checks that the server refuses this with a JSON-RPC error, and closes the connection cleanly.
async fn assert_refused(addr: SocketAddr, bytes: &[u8], status: u16, code: i64, data: &str) {
    let (reply, connection) = send(addr, bytes).await;
    assert_eq!(reply.status, status);
    for (name, value) in [
        ("rpc-status", &*code.to_string()),
        ("rpc-refused", "all"),
        ("content-type", "application/json"),
        ("connection", "close"),
    ] {
        assert_eq!(reply.header(name), Some(value), "{reply:?}");
    }
    assert!(reply.header("date").is_some(), "{reply:?}");
    let answer: Value = reply.json();
    assert_eq!((&answer["error"]["code"], &answer["error"]["data"]), (&code.into(), &data.into()));
    assert_eq!(answer["id"], Value::Null);
    assert_eq!(connection.rest().await, b"");
    assert_alive(addr).await;
}

fn too_large(headers: usize, bytes: usize) -> String {
    format!("the head of a request may have at most {headers} headers and {bytes} bytes")
}

#[tokio::test]
async fn a_head_of_just_the_limit_is_taken_and_one_byte_more_is_not() {
    for (set, limit) in [(false, 16 << 10), (true, 1000), (true, 1 << 20)] {
        let addr = serve_with(|limits| {
            if set {
                limits.max_header_bytes = limit;
            }
        })
        .await;
        assert_taken(addr, &head_of(limit)).await;
        assert_refused(addr, &head_of(limit + 1), 431, -32090, &too_large(100, limit)).await;
    }
}

#[tokio::test]
async fn a_head_that_never_ends_is_refused_at_the_limit() {
    let addr = serve(&builder().build()).await;
    let mut head = head_of(16 << 10);
    head.truncate((16 << 10) - 4);
    head.extend_from_slice(b"xxxx");
    assert_refused(addr, &head, 431, -32090, &too_large(100, 16 << 10)).await;
}

#[tokio::test]
async fn just_as_many_headers_as_the_limit_are_taken_and_one_more_is_not() {
    for (set, limit) in [(false, 100), (true, 5), (true, 300)] {
        let addr = serve_with(|limits| {
            if set {
                limits.max_headers = limit;
            }
        })
        .await;
        assert_taken(addr, &with_headers(limit)).await;
        assert_refused(addr, &with_headers(limit + 1), 431, -32090, &too_large(limit, 16 << 10)).await;
    }
}

#[tokio::test]
async fn headers_are_counted_within_an_application_too() {
    let app: axum::Router = builder().build().into_router();
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let addr = listener.local_addr().unwrap();
    let mut limits = rpc::Limits::default();
    limits.max_headers = 5;
    let few: axum::Router = builder().limits(limits).build().into_router();
    tokio::spawn(axum::serve(listener, app.nest("/few", few)).into_future());
    assert_taken(addr, &with_headers(6)).await;
    let nested = |count| String::from_utf8(with_headers(count)).unwrap().replace("POST / ", "POST /few ").into_bytes();
    assert_taken(addr, &nested(5)).await;
    let (reply, _) = send(addr, &nested(6)).await;
    assert_eq!((reply.status, reply.header("rpc-status")), (431, Some("-32090")));
}

#[tokio::test]
async fn an_address_that_is_too_long_for_any_limit_is_refused() {
    let addr = serve_with(|limits| limits.max_header_bytes = 1 << 20).await;
    let line = format!("POST /{} HTTP/1.1", "x".repeat(100_000));
    assert_refused(addr, &request(&line, &[("host", "a")], b""), 414, -32090, &too_large(100, 1 << 20)).await;
}

#[tokio::test]
async fn a_malformed_head_is_refused_after_others_were_answered() {
    let addr = serve(&builder().build()).await;
    let reason = "the head of the request is not as HTTP has it";
    for malformed in [
        "GET\r\n\r\n",
        "POST / HTTP/1.1\r\nno colon\r\n\r\n",
        "POST / HTTP/1.1\r\nhost: a\r\ncontent-length: x\r\n\r\n",
    ] {
        assert_refused(addr, malformed.as_bytes(), 400, -32600, reason).await;
        let mut connection = Connection::open(addr).await;
        connection.send(&with_headers(3)).await;
        assert_eq!(connection.reply().await.text(), PONG);
        connection.send(malformed.as_bytes()).await;
        assert_eq!(connection.reply().await.header("rpc-status"), Some("-32600"), "{malformed}");
    }
}
