//! Input that is too large: bodies, batches, names, heads.

use std::collections::BTreeMap;
use std::net::SocketAddr;

use serde::Deserialize;
use support::raw_http::{Connection, exchange, post, request};
use support::serve;

use crate::robustness::attack::{Attack, run};
use crate::robustness::server::{assert_alive, builder, serve_with};

const LIMIT: usize = 2 << 20;

/// Builds chunks of 64 KiB of blanks.
fn chunked(bytes: usize) -> Vec<u8> {
    let chunk = [b"10000\r\n".as_slice(), &[b' '; 0x10000], b"\r\n"].concat();
    [chunk.repeat(bytes / 0x10000), b"0\r\n\r\n".to_vec()].concat()
}

pub(crate) fn bodies() -> Vec<Attack> {
    let announced = |name, length| Attack::framed(name, &[("content-length", length)], "", 413, -32090);
    vec![
        announced("a byte over the limit is announced", "2097153"),
        announced("2^31 bytes are announced", "2147483648"),
        announced("2^32 bytes are announced", "4294967296"),
        announced("2^32 + 40 bytes are announced", "4294967336"),
        announced("2^63 bytes are announced", "9223372036854775808"),
        announced("2^64 bytes are announced", "18446744073709551616").refused_by_http(),
        announced("2^64 + 40 bytes are announced", "18446744073709551656").refused_by_http(),
        announced("a negative length is announced", "-1").refused_by_http(),
        Attack::new("a body over the limit arrives", post(vec![b' '; LIMIT + 1]), 413, -32090),
        Attack::framed("chunks over the limit", &[("transfer-encoding", "chunked")], chunked(3 << 20), 413, -32090),
        Attack::framed(
            "a chunk of 2^64 bytes",
            &[("transfer-encoding", "chunked")],
            "10000000000000000\r\n",
            400,
            -32600,
        ),
        Attack::framed("a chunk that has no length", &[("transfer-encoding", "chunked")], "x\r\n", 400, -32600),
    ]
}

pub(crate) fn batches() -> Vec<Attack> {
    vec![
        Attack::post("10^6 numbers", format!("[1{}]", ",1".repeat(1_000_000)), -32090),
        Attack::post(
            "10^6 numbers behind one that serde cannot read",
            format!("[1e999{}]", ",1".repeat(1_000_000)),
            -32090,
        ),
        Attack::post("690,000 empty batches", format!("[{}[]]", "[],".repeat(690_000)), -32090),
        Attack::post("10^6 commas", format!("[{}]", ",".repeat(1_000_000)), -32700),
        Attack::post("an object of 10^5 names", object_of(100_000), -32600),
    ]
}

fn object_of(members: usize) -> String {
    let members: Vec<String> = (0..members).map(|index| format!(r#""m{index}":1"#)).collect();
    format!("{{{}}}", members.join(","))
}

pub(crate) fn names() -> Vec<Attack> {
    let name = "x".repeat(1_000_000);
    let escaped = r"\u0078".repeat(300_000);
    vec![
        Attack::post("a method's name of 1 MB", format!(r#"{{"jsonrpc":"2.0","method":"{name}","id":1}}"#), -32600)
            .id("1"),
        Attack::post("escapes of 1.8 MB", format!(r#"{{"jsonrpc":"2.0","method":"{escaped}","id":1}}"#), -32600)
            .id("1"),
        Attack::post("a version of 1 MB", format!(r#"{{"jsonrpc":"{name}","method":"ping","id":1}}"#), -32600).id("1"),
        Attack::post("a member's name of 1 MB", format!(r#"{{"{name}":1,"id":1}}"#), -32600).id("1"),
        Attack::post(
            "a parameter's name of 1 MB",
            format!(r#"{{"jsonrpc":"2.0","method":"ping","params":{{"{name}":1}},"id":1}}"#),
            -32602,
        )
        .id("1"),
    ]
}

/// Sends heads that are too large. The server answers without reading them to the end.
pub(crate) async fn attack_with_heads(addr: SocketAddr) {
    let long = "x".repeat(1_000_000);
    let many = [("x", "y")].repeat(100_000);
    let target = format!("POST /{long} HTTP/1.1");
    for head in [
        request("POST / HTTP/1.1", &[("x", &long)], b""),
        request("POST / HTTP/1.1", &many, b""),
        request(&target, &[], b""),
    ] {
        let mut connection = Connection::open(addr).await;
        connection.send_until_refused(&head).await;
        let reply = connection.reply().await;
        assert_eq!((reply.status, reply.header("rpc-status")), (431, Some("-32090")));
        assert_alive(addr).await;
    }
}

#[tokio::test]
async fn bodies_over_the_limit_are_refused() {
    run(&bodies()).await;
}

#[tokio::test]
async fn batches_of_a_million_entries_are_refused() {
    run(&batches()).await;
}

#[tokio::test]
async fn names_of_a_megabyte_are_refused() {
    run(&names()).await;
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Page {
    #[serde(default)]
    limit: u8,
}

#[rpc::service(namespace = "typed")]
trait Typed {
    async fn page(&self, limit: u8) -> u8;
}

struct Pages;

impl Typed for Pages {
    async fn page(&self, limit: u8) -> u8 {
        limit
    }
}

#[tokio::test]
async fn params_of_a_megabyte_that_do_not_fit_are_answered_in_brief() {
    let server = builder()
        .service(TypedServer::new(Pages))
        .method("page", |page: Page| async move { page.limit })
        .method("map", |map: BTreeMap<String, u8>| async move { map.len() });
    let addr = serve(&server.build()).await;
    // Characters of one byte, of several bytes, and some that take more room when quoted.
    for text in ["x".repeat(1_000_000), "\u{10ffff}".repeat(250_000), "\\u0000".repeat(166_000)] {
        let by_name = format!(r#"{{"{text}":-1}}"#);
        let by_value = format!(r#"{{"limit":"{text}"}}"#);
        for (method, params) in [
            ("ping", &by_name),
            ("typed.page", &by_name),
            ("typed.page", &by_value),
            ("page", &by_name),
            ("page", &by_value),
            ("map", &by_name),
            ("map", &by_value),
        ] {
            let call = format!(r#"{{"jsonrpc":"2.0","method":"{method}","params":{params},"id":1}}"#);
            let reply = exchange(addr, &post(call)).await;
            assert_eq!((reply.status, reply.header("rpc-status")), (200, Some("-32602")), "{method}");
            assert!(reply.body.len() < 4096, "{method} was answered with {} bytes", reply.body.len());
        }
        assert_alive(addr).await;
    }
}

#[tokio::test]
async fn heads_without_end_are_refused() {
    attack_with_heads(serve(&builder().build()).await).await;
}

#[tokio::test]
async fn a_batch_of_a_million_entries_is_refused_though_bodies_may_be_large() {
    let addr = serve_with(|limits| limits.max_request_bytes = 64 << 20).await;
    let batch = format!("[{}1]", r#"{"jsonrpc":"2.0","method":"ping"},"#.repeat(1_000_000));
    let reply = exchange(addr, &post(batch)).await;
    assert_eq!((reply.status, reply.header("rpc-status")), (200, Some("-32090")));
    assert_alive(addr).await;
}

#[tokio::test]
async fn a_batch_of_a_million_entries_runs_where_the_limits_allow_it() {
    let addr = serve_with(|limits| {
        limits.max_request_bytes = 64 << 20;
        limits.max_batch_entries = 2_000_000;
    })
    .await;
    let batch = format!("[{}{{}}]", r#"{"jsonrpc":"2.0","method":"ping"},"#.repeat(1_000_000));
    let reply = exchange(addr, &post(batch)).await;
    assert_eq!((reply.status, reply.header("rpc-status")), (200, Some("1")));
    assert_alive(addr).await;
}

/// Pads a call with blanks to this size.
fn ping_of(bytes: usize) -> Vec<u8> {
    format!("{:<bytes$}", support::PING).into_bytes()
}

#[tokio::test]
async fn a_body_of_just_the_limit_is_taken_and_one_byte_more_is_not() {
    let addr = serve_with(|limits| limits.max_request_bytes = 1000).await;
    let mut connection = Connection::open(addr).await;
    for (bytes, status) in [(1000, 200), (1001, 413), (999, 200)] {
        connection.send(&post(ping_of(bytes))).await;
        assert_eq!(connection.reply().await.status, status, "{bytes}");
    }
    // In chunks, where the length is unknown beforehand.
    for (bytes, status) in [(1000, 200), (1001, 413)] {
        let mut chunks = format!("{bytes:x}\r\n").into_bytes();
        chunks.extend(ping_of(bytes));
        chunks.extend_from_slice(b"\r\n0\r\n\r\n");
        let headers = [("host", "a"), ("content-type", "application/json"), ("transfer-encoding", "chunked")];
        let reply = exchange(addr, &request("POST / HTTP/1.1", &headers, &chunks)).await;
        assert_eq!(reply.status, status, "{bytes} in chunks");
    }
}

#[tokio::test]
async fn a_client_that_sends_50_mb_before_it_reads_still_gets_its_413() {
    let addr = serve(&builder().build()).await;
    let reply = exchange(addr, &post(vec![b' '; 50_000_000])).await;
    assert_eq!((reply.status, reply.header("rpc-status")), (413, Some("-32090")));
    assert_alive(addr).await;
}

#[tokio::test]
async fn a_client_that_sends_a_large_body_before_it_reads_gets_whatever_refuses_it() {
    let addr = serve(&builder().build()).await;
    let body = vec![b' '; 20_000_000];
    let length = body.len().to_string();
    for (line, headers, status) in [
        ("PUT / HTTP/1.1", [("content-type", "application/json"), ("host", "a")], 405),
        ("POST / HTTP/1.1", [("content-type", "text/plain"), ("host", "a")], 415),
        ("POST /other HTTP/1.1", [("content-type", "application/json"), ("host", "a")], 404),
        ("POST / HTTP/1.1", [("origin", "http://evil.example"), ("host", "a")], 403),
    ] {
        let mut headers = headers.to_vec();
        headers.push(("content-length", &length));
        let reply = exchange(addr, &request(line, &headers, &body)).await;
        assert_eq!(reply.status, status, "{line}");
        assert_alive(addr).await;
    }
}
