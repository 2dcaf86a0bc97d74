//! `--dump` shows requests and answers, without secrets.

use std::sync::atomic::{AtomicU32, Ordering};

use rpc::Server;
use serde_json::json;
use support::{Answer, Peer, http, refusing};

use crate::binary::rpc;

#[tokio::test]
async fn requests_and_answers_are_shown_without_secrets() {
    let server = Server::builder().method("m", |(a,): (u64,)| async move { a }).build();
    let addr = support::serve(&server).await;
    let url = format!("http://user:password@{addr}/?key=5477238");
    let args =
        ["call", &url, "m", "[7]", "--dump", "--bearer", "s3cret", "-H", "Cookie: s3cret", "-H", "x-jwt: s3cret"];
    let ended = rpc(&args).run().await;
    assert_eq!((ended.exit, ended.stdout.as_str()), (0, "7\n"), "{}", ended.stderr);
    for line in [
        "* probe: request",
        &format!("> HEAD http://{addr}/?***"),
        "* probe: answer",
        "* attempt 1: request",
        &format!("> POST http://{addr}/?***"),
        "> content-type: application/json",
        "> authorization: ***",
        "> cookie: ***",
        "> x-jwt: ***",
        "* attempt 1: answer",
        "< 200 OK",
        "< content-type: application/json",
    ] {
        assert!(ended.stderr.lines().any(|shown| shown == line), "{line}\n{}", ended.stderr);
    }
    assert!(ended.stderr.contains("\"params\":[7]") && ended.stderr.contains("\"result\":7"), "{}", ended.stderr);
    for secret in ["s3cret", "password", "5477238"] {
        assert!(!ended.stderr.contains(secret), "{}", ended.stderr);
    }
}

#[tokio::test]
async fn each_attempt_is_shown() {
    let attempts = AtomicU32::new(0);
    let peer = Peer::start(move |call| match attempts.fetch_add(1, Ordering::Relaxed) {
        0 => Answer::Bytes(http("502 Bad Gateway", &[], "<h1>\u{1b}[31mdown</h1>")),
        _ => Answer::Bytes(http("200 OK", &[], &json!({ "jsonrpc": "2.0", "id": call.id(), "result": 1 }).to_string())),
    })
    .await;
    let ended = rpc(&["call", &peer.url(), "m", "--readonly", "--dump"]).run().await;
    assert_eq!((ended.exit, ended.stdout.as_str()), (0, "1\n"), "{}", ended.stderr);
    for part in ["* attempt 1: answer\n< 502 Bad Gateway\n", "<h1>\\u{1b}[31mdown</h1>\n", "* attempt 2: request\n"] {
        assert!(ended.stderr.contains(part), "{part}\n{}", ended.stderr);
    }
}

#[tokio::test]
async fn an_attempt_that_fails_is_shown() {
    let url = format!("http://{}", refusing());
    let ended = rpc(&["call", &url, "m", "--readonly", "--dump", "--retry", "0"]).run().await;
    assert_eq!(ended.exit, 3);
    assert!(
        ended.stderr.contains(&format!("* attempt 1: failed: cannot connect to the server at {url}")),
        "{}",
        ended.stderr
    );
}
