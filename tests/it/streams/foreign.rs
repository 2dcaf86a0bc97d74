//! Event streams of other servers, byte by byte: what the specification allows is read, and the rest is told.

use rpc::{Client, Retry, StreamError};
use serde_json::Value;
use support::raw_http::TEST_TIMEOUT;
use support::{Answer, Peer, Received, http};
use tokio::time::timeout;

const EVENT_STREAM: &str = "content-type: text/event-stream; charset=utf-8";

/// Returns the text of an item of the call's stream.
fn item(request: &Received, result: &str) -> String {
    let id = request.id();
    format!(r#"{{"jsonrpc":"2.0","method":"n","params":{{"subscription":{id},"result":{result}}}}}"#)
}

fn end(request: &Received) -> String {
    format!(r#"{{"jsonrpc":"2.0","result":null,"id":{}}}"#, request.id())
}

/// Returns a peer that answers each call with these events. `{1}` and so on are items, and `{end}` is the answer.
async fn peer(events: &'static str) -> Peer {
    Peer::start(move |request| {
        let mut body = events.replace("{end}", &end(request));
        for number in 1..=3 {
            body = body.replace(&format!("{{{number}}}"), &item(request, &number.to_string()));
        }
        http("200 OK", &[EVENT_STREAM], &body).into()
    })
    .await
}

/// Reads the numbers of a stream, and its last error.
async fn read(client: &Client) -> (Vec<u64>, Option<StreamError>) {
    let mut numbers = client.stream::<u64>("numbers", ()).await.unwrap();
    let mut read = Vec::new();
    while let Some(number) = timeout(TEST_TIMEOUT, numbers.next()).await.expect("the stream does not hang") {
        match number {
            Ok(number) => read.push(number),
            Err(error) => {
                assert!(numbers.next().await.is_none(), "an error that is not the last: {error:?}");
                return (read, Some(error));
            }
        }
    }
    (read, None)
}

#[tokio::test]
async fn all_forms_of_events_are_read() {
    for events in [
        "data: {1}\n\ndata: {2}\n\ndata: {end}\n\n",
        "data: {1}\r\n\r\ndata: {2}\r\n\r\ndata: {end}\r\n\r\n",
        "data: {1}\r\rdata: {2}\r\rdata: {end}\r\r",
        ": hello\n\nretry: 10\n\nid: 9\nevent: message\ndata:{1}\n\n:\ndata: {2}\nid\n\n\n\ndata: {end}\n\n",
        "\u{feff}data: {1}\n\ndata:\n\ndata: {2}\n\ndata: {end}\n\nmore that no one reads",
        "data: {1}\n\ndata: {\"jsonrpc\":\"2.0\",\"method\":\"other\"}\n\ndata: {2}\n\ndata: {end}\n\n",
    ] {
        let peer = peer(events).await;
        let (numbers, error) = read(&peer.client()).await;
        assert_eq!(numbers, [1, 2], "{events:?}");
        assert!(error.is_none(), "{events:?}: {error:?}");
    }
}

#[tokio::test]
async fn message_on_several_data_lines_is_one_message() {
    let peer = Peer::start(|request| {
        let pretty = |text: &str| {
            let value: Value = serde_json::from_str(text).unwrap();
            let text = serde_json::to_string_pretty(&value).unwrap();
            text.lines().map(|line| format!("data: {line}\r\n")).collect::<String>() + "\r\n"
        };
        let body = pretty(&item(request, "1")) + &pretty(&item(request, "2")) + &pretty(&end(request));
        http("200 OK", &[EVENT_STREAM], &body).into()
    })
    .await;
    let (numbers, error) = read(&peer.client()).await;
    assert!(numbers == [1, 2] && error.is_none(), "{numbers:?} {error:?}");
}

#[tokio::test]
async fn whatever_ends_a_stream_before_its_answer_is_told() {
    for (events, expected, why) in [
        ("data: {1}\n\n", &[1][..], "the stream ended without an answer"),
        ("", &[], "the stream ended without an answer"),
        // Without its empty line, the event is not whole.
        ("data: {1}\n\ndata: {end}", &[1], "the stream ended without an answer"),
        ("data: {1}\n\nthis is no event stream\n\ndata: {2}\n\n", &[1, 2], "the stream ended without an answer"),
        ("data: {1}\n\ndata: garbage\n\ndata: {2}\n\n", &[1], "a message of the stream is invalid"),
        ("data: {1}\n\ndata: {1}{2}\n\n", &[1], "a message of the stream is invalid"),
        (
            "data: {1}\n\ndata: {\"jsonrpc\":\"2.0\",\"method\":\"n\",\"params\":{\"subscription\":\"other\",\"result\":1}}\n\n",
            &[1],
            "an item has another stream's id",
        ),
        (
            "data: {1}\n\ndata: {\"jsonrpc\":\"2.0\",\"result\":null,\"id\":\"other\"}\n\n",
            &[1],
            "it has another call's id",
        ),
    ] {
        let peer = peer(events).await;
        let (numbers, error) = read(&peer.client()).await;
        let error = error.unwrap_or_else(|| panic!("silent: {events:?}"));
        assert!(error.is_cut(), "{events:?}: {error:?}");
        let told = format!("{:?}", error.failure().unwrap());
        assert!(told.contains(why), "{events:?}: {told}");
        assert_eq!(numbers, expected, "{events:?}");
        assert_eq!(peer.requests().len(), 1, "{events:?}");
    }
}

#[tokio::test]
async fn result_that_is_not_null_ends_a_stream_with_an_error() {
    let peer = Peer::start(|request| {
        let answer = end(request).replace("null", "7");
        http("200 OK", &[EVENT_STREAM], &format!("data: {}\n\ndata: {answer}\n\n", item(request, "1"))).into()
    })
    .await;
    let (numbers, error) = read(&peer.client()).await;
    let error = error.unwrap();
    assert!(numbers == [1] && error.is_end(), "{error:?}");
    assert!(format!("{error:?}").contains("the result that ends the stream is not null"), "{error:?}");
}

#[tokio::test]
async fn stream_without_a_heartbeat_header_may_be_silent() {
    let peer = Peer::start(|request| {
        let mut answer = format!("HTTP/1.1 200 OK\r\n{EVENT_STREAM}\r\n\r\n").into_bytes();
        answer.extend_from_slice(format!("data: {}\n\n", item(request, "1")).as_bytes());
        Answer::Stall(answer)
    })
    .await;
    let mut numbers = peer.client().stream::<u64>("numbers", ()).await.unwrap();
    assert_eq!(timeout(TEST_TIMEOUT, numbers.next()).await.unwrap().unwrap().unwrap(), 1);
    tokio::time::pause();
    let silent = timeout(std::time::Duration::from_secs(100_000), numbers.next()).await;
    assert!(silent.is_err(), "{silent:?}");
}

#[tokio::test]
async fn answers_that_are_no_events_fail_the_call() {
    for (status, headers, body) in [
        ("200 OK", &["content-type: text/html"][..], "<html>welcome</html>"),
        ("200 OK", &["content-type: application/json"], r#"{"jsonrpc":"2.0","result":[1,2],"id":1}"#),
        ("500 Internal Server Error", &[EVENT_STREAM], "data: x\n\n"),
        ("204 No Content", &[], ""),
    ] {
        let peer = Peer::start(move |_| http(status, headers, body).into()).await;
        let call = peer.client().stream::<u64>("numbers", ()).retry(Retry::never());
        let error = timeout(TEST_TIMEOUT, call.into_future()).await.expect("the call does not hang").unwrap_err();
        assert!(error.failure().is_some(), "{status} {body}: {error:?}");
    }
}

#[tokio::test]
async fn stream_of_another_server_resumes_by_its_cursors() {
    let peer = Peer::start(|request| {
        let after = request.json()["params"]["after"].as_u64().unwrap_or(0);
        assert_eq!(request.json()["params"]["topic"], "x");
        let next = item(request, &(after + 1).to_string())
            .replace(r#""result""#, &format!(r#""cursor":{},"result""#, after + 1));
        // Each response ends behind one item.
        let end = if after == 4 { format!("data: {}\n\n", end(request)) } else { String::new() };
        http("200 OK", &[EVENT_STREAM], &format!("data: {next}\n\n{end}")).into()
    })
    .await;
    let retry = Retry::exponential().base(std::time::Duration::from_millis(1));
    let call = peer.client().stream::<u64>("numbers", serde_json::json!({ "topic": "x" })).resume_param("after");
    let mut numbers = call.retry(retry).await.unwrap();
    let mut read = Vec::new();
    while let Some(number) = timeout(TEST_TIMEOUT, numbers.next()).await.unwrap() {
        read.push(number.unwrap());
    }
    assert_eq!(read, [1, 2, 3, 4, 5]);
    assert_eq!(peer.requests().len(), 5);
}
