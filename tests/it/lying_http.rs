//! Single calls answered by an untrustworthy server, or by one that does not speak JSON-RPC.

use std::time::Duration;

use rpc::{Client, ErrorObject, Failure, Outcome};
use serde_json::Value;
use support::{Answer, Peer, error, http, over_http, result};

/// Sends one call, and returns its failure.
async fn fail(client: Client) -> Failure {
    match client.call::<u64>("method", ()).await.unwrap_err() {
        rpc::Error::Failure(failure) => failure,
        other => panic!("{other:?}"),
    }
}

/// Sends one call, over each transport, to a peer that answers with these bytes. All transports must report the same.
async fn answered(bytes: impl Into<Vec<u8>>) -> Failure {
    let bytes = bytes.into();
    let peer = Peer::start(move |_| Answer::Bytes(bytes.clone())).await;
    let [(_, lean), (_, reqwest)] = over_http(&peer.url());
    let (failure, other) = (fail(lean).await, fail(reqwest).await);
    assert_eq!(peer.requests().len(), 2, "nothing is sent twice");
    assert_eq!(failure.to_string(), other.to_string());
    assert_eq!(failure.outcome(), other.outcome());
    assert_eq!(failure.headers(), other.headers());
    assert_eq!(failure.body_start(), other.body_start());
    failure
}

#[tokio::test]
async fn a_success_without_a_json_rpc_answer_is_a_protocol_failure() {
    for body in ["", " ", "<html>", "null", "[]", "{}", "17", r#"{"jsonrpc":"2.0","id":1}"#, "\0", "{\"jsonrpc\":"] {
        let failure = answered(http("200 OK", &[], body)).await;
        assert!(failure.is_protocol(), "{body}: {failure:?}");
        assert_eq!(failure.outcome(), Outcome::Unknown);
        assert_eq!(failure.status(), None);
    }
}

#[tokio::test]
async fn another_calls_answer_is_a_protocol_failure() {
    for id in ["0", "-1", "\"1\"", "1.0", "null", "{}"] {
        let id: Value = serde_json::from_str(id).unwrap();
        let peer = Peer::answering(move |_| result(&id, 7)).await;
        let failure = fail(peer.client()).await;
        assert!(failure.is_protocol(), "{failure:?}");
        assert_eq!(failure.outcome(), Outcome::Unknown);
    }
}

#[tokio::test]
async fn a_result_of_another_type_is_the_failure_of_a_call_that_ran() {
    for other in ["\"7\"", "-7", "7.5", "null", "[7]", "{}", "18446744073709551616"] {
        let peer = Peer::answering(move |request| result(&request.id(), other)).await;
        let failure = fail(peer.client()).await;
        assert!(failure.is_decode(), "{other}: {failure:?}");
        assert_eq!(failure.outcome(), Outcome::Executed);
        assert!(std::error::Error::source(&failure).is_some());
    }
}

#[tokio::test]
async fn an_http_error_keeps_status_headers_and_the_start_of_its_body() {
    for (status, outcome) in [
        ("400 Bad Request", Outcome::Unknown),
        ("404 Not Found", Outcome::Unknown),
        ("429 Too Many Requests", Outcome::Refused),
        ("500 Internal Server Error", Outcome::Unknown),
        ("503 Service Unavailable", Outcome::Unknown),
    ] {
        let body = "why ".repeat(2000);
        let failure = answered(http(status, &["retry-after: 7", "x-trace: abc"], &body)).await;
        assert_eq!(failure.status().unwrap().to_string(), status);
        assert_eq!(failure.headers().unwrap()["retry-after"], "7");
        assert_eq!(failure.headers().unwrap()["x-trace"], "abc");
        assert_eq!(failure.body_start().unwrap(), &body.as_bytes()[..1024]);
        assert_eq!(failure.outcome(), outcome);
        assert!(failure.error_object().is_none());
        assert!(failure.to_string().contains(&status[..3]), "{failure}");
    }
}

#[tokio::test]
async fn an_http_error_may_hold_a_json_rpc_error() {
    let body = error(&Value::Null, -32092, r#","data":{"seconds":1}"#);
    let failure = answered(http("503 Service Unavailable", &[], &body)).await;
    let error = failure.error_object().unwrap();
    assert_eq!((error.code().get(), error.message()), (-32092, "prepared"));
    assert_eq!(error.data().unwrap().get(), r#"{"seconds":1}"#);
    assert_eq!(failure.status().unwrap(), 503);
}

#[tokio::test]
async fn an_http_error_whose_body_breaks_off_keeps_status_and_headers() {
    let bytes = "HTTP/1.1 500 Internal Server Error\r\nx-trace: abc\r\ncontent-length: 100\r\n\r\nhalf";
    let failure = answered(bytes).await;
    assert_eq!(failure.status().unwrap(), 500);
    assert_eq!(failure.headers().unwrap()["x-trace"], "abc");
    assert_eq!(failure.body_start().unwrap(), b"half");
}

#[tokio::test]
async fn an_http_error_whose_body_stalls_keeps_status_and_what_arrived() {
    let bytes = "HTTP/1.1 429 Too Many Requests\r\nretry-after: 7\r\ncontent-length: 100\r\n\r\nhalf";
    let peer = Peer::start(move |_| Answer::Stall(bytes.into())).await;
    let client = peer.builder().deadline(Duration::from_millis(200)).build().unwrap();
    let failure = fail(client).await;
    assert_eq!(failure.outcome(), Outcome::Refused);
    assert_eq!(failure.headers().unwrap()["retry-after"], "7");
    assert_eq!(failure.body_start().unwrap(), b"half");
}

#[tokio::test]
async fn an_http_error_whose_body_stalls_is_told_long_before_the_deadline() {
    let bytes = "HTTP/1.1 503 Service Unavailable\r\nretry-after: 7\r\ncontent-length: 100\r\n\r\nhalf";
    let peer = Peer::start(move |_| Answer::Stall(bytes.into())).await;
    let client = peer.builder().deadline(Duration::from_secs(30)).build().unwrap();
    let failure = tokio::time::timeout(Duration::from_secs(10), fail(client)).await.expect("the status is known");
    assert_eq!(failure.status().unwrap(), 503);
    assert_eq!(failure.headers().unwrap()["retry-after"], "7");
    assert_eq!(failure.body_start().unwrap(), b"half");
}

#[tokio::test]
async fn redirects_are_not_followed() {
    let elsewhere = Peer::answering(|request| result(&request.id(), 7)).await;
    for status in
        ["301 Moved Permanently", "302 Found", "303 See Other", "307 Temporary Redirect", "308 Permanent Redirect"]
    {
        let failure = answered(http(status, &[&format!("location: {}", elsewhere.url())], "")).await;
        assert_eq!(failure.status().unwrap().to_string(), status);
        assert_eq!(failure.outcome(), Outcome::Unknown);
    }
    elsewhere.assert_untouched().await;
}

#[tokio::test]
async fn an_answer_over_the_limit_is_a_failure_of_a_call_that_ran() {
    let chunk = format!("40\r\n{}\r\n", "x".repeat(64));
    let chunked = format!("HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n{}0\r\n\r\n", chunk.repeat(3));
    let until_closed = format!("HTTP/1.1 200 OK\r\nconnection: close\r\n\r\n{}", "x".repeat(200));
    for bytes in [http("200 OK", &[], &"x".repeat(200)), chunked.into(), until_closed.into()] {
        let peer = Peer::start(move |_| Answer::Bytes(bytes.clone())).await;
        let client = peer.builder().max_response_bytes(100).build().unwrap();
        let failure = fail(client).await;
        assert!(failure.is_too_large(), "{failure:?}");
        assert_eq!(failure.outcome(), Outcome::Executed);
        assert!(failure.to_string().contains("100"), "{failure}");
    }
}

#[tokio::test]
async fn an_answer_at_the_limit_is_taken() {
    let peer = Peer::answering(|request| result(&request.id(), 7)).await;
    let length = result(&Value::from(1), 7).len();
    for (limit, taken) in [(length, true), (length - 1, false)] {
        let client = peer.builder().max_response_bytes(limit).build().unwrap();
        assert_eq!(client.call::<u64>("method", ()).await.is_ok(), taken);
    }
}

#[tokio::test]
async fn an_answer_that_breaks_off_is_a_transport_failure() {
    let whole = String::from_utf8(http("200 OK", &[], &result(&Value::from(1), 7))).unwrap();
    let chunked = "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n5\r\n{\"jso\r\n";
    // The answer breaks off in the status line, in the headers, in the body, and between chunks.
    for bytes in ["", "HTTP/1.", &whole[..30], &whole[..whole.len() - 5], chunked] {
        let failure = answered(bytes).await;
        assert!(failure.is_transport(), "{bytes}: {failure:?}");
        assert_eq!(failure.outcome(), Outcome::Unknown);
        assert!(std::error::Error::source(&failure).is_some());
    }
}

#[tokio::test]
async fn what_is_not_http_is_a_transport_failure() {
    for bytes in ["SSH-2.0-OpenSSH_9.9\r\n", "\0\0\0\0", "HTTP/1.1 abc\r\n\r\n"] {
        let failure = answered(bytes).await;
        assert!(failure.is_transport(), "{bytes}: {failure:?}");
        assert_eq!(failure.outcome(), Outcome::Unknown);
    }
}

#[tokio::test]
async fn a_server_that_never_answers_is_given_up_at_the_deadline() {
    let deadline = Duration::from_millis(100);
    let silent = Peer::silent().await;
    let client = silent.client();
    let error = client.call::<u64>("method", ()).deadline(deadline).await.unwrap_err();
    assert!(error.is_timeout());
    assert_eq!(error.outcome(), Outcome::Unknown);
    assert!(error.to_string().contains("100ms"), "{error}");

    let by_default = silent.builder().deadline(deadline).build().unwrap();
    assert!(fail(by_default).await.is_timeout());

    let notification = client.call::<u64>("method", ()).deadline(deadline).notify();
    assert!(notification.await.unwrap_err().is_timeout());
}

#[tokio::test]
async fn an_answer_that_stalls_is_given_up_at_the_deadline() {
    let start = b"HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\n{\"jsonrpc\"";
    let peer = Peer::start(|_| Answer::Stall(start.to_vec())).await;
    let client = peer.builder().deadline(Duration::from_millis(100)).build().unwrap();
    let failure = fail(client).await;
    assert!(failure.is_timeout());
    assert_eq!(failure.outcome(), Outcome::Unknown);
}

#[tokio::test]
async fn a_call_without_time_is_not_sent() {
    let peer = Peer::silent().await;
    let error = peer.client().call::<u64>("method", ()).deadline(Duration::ZERO).await.unwrap_err();
    assert!(error.is_timeout());
    assert_eq!(error.outcome(), Outcome::NotSent);
    assert_eq!(peer.connections(), 0);
}

#[tokio::test]
async fn nobody_at_the_address_means_that_nothing_was_sent() {
    let failure = fail(Client::new("http://127.0.0.1:1").unwrap()).await;
    assert!(failure.is_connect());
    assert_eq!(failure.outcome(), Outcome::NotSent);
    assert_eq!(failure.status(), None);
}

#[tokio::test]
async fn members_of_an_answer_may_be_escaped() {
    let escaped = r#"{"\u006asonrpc":"\u0032.0","r\u0065sult":7,"\u0069d":"#;
    let peer = Peer::answering(move |request| format!("{escaped}{}}}", request.id())).await;
    let client = peer.client();
    assert_eq!(client.call::<u64>("method", ()).await.unwrap(), 7);

    let escaped = r#"{"jsonrpc":"2.0","err\u006fr":{"c\u006fde":17,"m\u0065ssage":"prep\u0061red"},"id":"#;
    let peer = Peer::answering(move |request| format!("{escaped}{}}}", request.id())).await;
    let error = peer.client().call::<u64>("method", ()).await.unwrap_err().error_object().unwrap();
    assert_eq!(error, ErrorObject::new(17, "prepared"));
}

#[tokio::test]
async fn a_client_keeps_asking_for_connections_to_stay_whose_ends_are_announced() {
    let peer = Peer::answering(|request| result(&request.id(), 7)).await;
    let client = peer.client();
    for _ in 0..10 {
        assert_eq!(client.call::<u64>("method", ()).await.unwrap(), 7);
    }
    assert!(peer.requests().iter().all(|request| request.header("connection").is_none()));
}
