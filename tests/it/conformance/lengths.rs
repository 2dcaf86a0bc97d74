//! The maximum length of ids and of method names: 1 KiB and 256 bytes as written, without quotes.

use std::borrow::Cow;

use crate::conformance::row::{Expected, Row, invalid, not_found, run};

const LONG_ID: Expected = invalid(r#""id is longer than this server takes""#, "null");

fn long_method(id: &'static str) -> Expected {
    invalid(r#""member \"method\" is longer than this server takes""#, id)
}

fn row(shows: &'static str, method: &str, id: &str, answer: Expected) -> Row {
    let request = format!(r#"{{"jsonrpc":"2.0","method":"{method}","id":{id}}}"#);
    Row::new("wire", shows, Cow::Owned(request.into_bytes()), answer)
}

fn echoed(shows: &'static str, id: &str) -> Row {
    let answer = format!(r#"{{"jsonrpc":"2.0","result":"pong","id":{id}}}"#);
    row(shows, "ping", id, Expected::Bytes(Cow::Owned(answer)))
}

fn string(bytes: usize) -> String {
    format!("\"{}\"", "x".repeat(bytes))
}

#[tokio::test]
async fn ids_are_taken_up_to_1_kib_and_not_sent_back_beyond() {
    run(&[
        echoed("the longest string", &string(1024)),
        row("a string of one byte more", "ping", &string(1025), LONG_ID),
        echoed("the longest number", &"7".repeat(1024)),
        row("a number of one digit more", "ping", &"7".repeat(1025), LONG_ID),
        echoed("the longest string of escapes", &format!("\"{}xxxx\"", r"\u0041".repeat(170))),
        row("escapes count as they are written", "ping", &format!("\"{}xxxxx\"", r"\u0041".repeat(170)), LONG_ID),
    ])
    .await;
}

#[tokio::test]
async fn names_of_methods_are_taken_up_to_256_bytes() {
    run(&[
        row("the longest name, which nothing has", &"x".repeat(256), "1", not_found("1")),
        row("a name of one byte more", &"x".repeat(257), "1", long_method("1")),
        row("escapes count as they are written", &r"\u0078".repeat(43), "1", long_method("1")),
    ])
    .await;
}

#[tokio::test]
async fn in_a_batch_only_the_entry_is_refused_that_is_too_long() {
    let ping = r#"{"jsonrpc":"2.0","method":"ping","id":1}"#;
    let long = format!(r#"{{"jsonrpc":"2.0","method":{},"id":2}}"#, string(257));
    let pong = r#"{"jsonrpc":"2.0","result":"pong","id":1}"#;
    let refused = r#"{"jsonrpc":"2.0","error":{"code":-32600,"message":"Invalid Request","data":"member \"method\" is longer than this server takes"},"id":2}"#;
    let row = Row::new(
        "wire",
        "a name that is too long between two calls",
        Cow::Owned(format!("[{ping},{long},{ping}]").into_bytes()),
        Expected::Bytes(Cow::Owned(format!("[{pong},{refused},{pong}]"))),
    );
    run(&[row.status(1)]).await;
}
