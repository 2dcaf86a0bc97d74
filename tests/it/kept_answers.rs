//! A failure keeps the first KiB of the text that arrived instead of an answer, for its users to find the cause.

use rpc::{Error, Failure};
use serde_json::Value;
use support::{Answer, Peer, array, error, http, over_http, result};

#[track_caller]
fn failure(error: Error) -> Failure {
    match error {
        Error::Failure(failure) => failure,
        other => panic!("{other:?}"),
    }
}

/// Asserts that the failure keeps the first KiB of this text, and shows it in one line.
#[track_caller]
fn assert_keeps(failure: &Failure, text: &str) {
    assert_eq!(failure.body_start().unwrap(), &text.as_bytes()[..text.len().min(1024)], "{failure:?}");
    let debug = format!("{failure:?}");
    let shown = format!("{:?}", &text[..text.len().min(20)]);
    assert!(debug.contains(shown.trim_end_matches('"')), "{debug}");
    assert!(!debug.contains('\n') && debug.len() < 4000, "{debug}");
}

#[tokio::test]
async fn a_page_in_place_of_an_answer_is_kept() {
    let page = format!("<html>\n<body class=\"x\">\u{1b}{}</body></html>", "sorry ".repeat(1000));
    for status in ["200 OK", "404 Not Found", "503 Service Unavailable"] {
        let body = page.clone();
        let peer = Peer::start(move |_| Answer::Bytes(http(status, &["set-cookie: hunter2"], &body))).await;
        for (_, client) in over_http(&peer.url()) {
            let call = || client.call::<u64>("method", ());
            let alone = failure(call().await.unwrap_err());
            assert_keeps(&alone, &page);
            assert!(!format!("{alone:?}").contains("hunter2"));
            for answer in client.batch(vec![call(), call()]).await.unwrap() {
                assert_keeps(&failure(answer.unwrap_err()), &page);
            }
        }
    }
}

#[tokio::test]
async fn json_that_is_no_answer_is_kept() {
    for body in [r#"{"message":"no such route"}"#, "[]", "17", r#"{"jsonrpc":"2.0","result":1,"id":"other"}"#] {
        let told = Peer::answering(move |_| body).await.client().call::<u64>("method", ()).await.unwrap_err();
        assert_keeps(&failure(told), body);
    }
    let not_utf8 = b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\n\xff\xff";
    let told = Peer::start(|_| Answer::Bytes(not_utf8.to_vec())).await.client().call::<u64>("method", ()).await;
    assert_eq!(failure(told.unwrap_err()).body_start().unwrap(), b"\xff\xff");
}

#[tokio::test]
async fn an_answer_over_the_limit_leaves_its_beginning() {
    let peer = Peer::answering(|_| "x".repeat(5000)).await;
    let client = peer.builder().max_response_bytes(2000).build().unwrap();
    assert_keeps(&failure(client.call::<u64>("method", ()).await.unwrap_err()), &"x".repeat(2000));
}

#[tokio::test]
async fn a_result_of_another_type_is_kept() {
    let long = format!("\"{}\"", "x".repeat(5000)).leak();
    for other in ["\"seven\"", r#"{"height":7}"#, &*long] {
        let peer = Peer::answering(move |request| match request.json() {
            Value::Array(_) => array(request.ids().iter().map(|id| result(id, other))),
            call => result(&call["id"], other),
        });
        let client = peer.await.client();
        let call = || client.call::<u64>("method", ());
        let alone = failure(call().await.unwrap_err());
        assert!(alone.is_decode());
        assert_keeps(&alone, other);
        for answer in client.batch(vec![call(), call()]).await.unwrap() {
            assert_keeps(&failure(answer.unwrap_err()), other);
        }
    }
}

#[tokio::test]
async fn each_entry_of_a_batch_keeps_its_own_part() {
    let peer = Peer::answering(|request| {
        let ids = request.ids();
        let neither = format!(r#"{{"jsonrpc":"2.0","id":{}}}"#, ids[0]);
        array([
            neither,
            result(&ids[1], "\"seven\""),
            result(&ids[2], 1),
            result(&ids[2], 2),
            error(&Value::Null, 5, ""),
        ])
    });
    let client = peer.await.client();
    let answers = client.batch((0..4).map(|_| client.call::<u64>("method", ())).collect::<Vec<_>>()).await.unwrap();
    let mut failures = answers.into_iter().map(|answer| failure(answer.unwrap_err()));
    let mut starts_with = |start: &str| {
        let failure = failures.next().unwrap();
        let body = String::from_utf8(failure.body_start().unwrap().to_vec()).unwrap();
        assert!(body.starts_with(start), "{body}");
    };
    starts_with(r#"{"jsonrpc":"2.0","id":"#);
    starts_with("\"seven\"");
    starts_with(r#"{"jsonrpc":"2.0","result":2"#);
    starts_with(r#"{"jsonrpc":"2.0","error":{"code":5"#);
}
