//! What counts as a cut, and what a stream that is not opened again makes of it.

use std::time::Duration;

use futures_util::stream;
use serde_json::json;

use super::fake::{Part, Play, Script};
use super::{assert_is_one, opened};
use crate::Client;
use crate::failure::Failure;
use crate::runtime::Instant;
use crate::transport::{Reply, ReplyBody, Request, Transport};

/// Opens a stream with these parts, and returns the failure of its cut.
async fn cut_of(parts: Vec<Part>) -> Failure {
    let mut count = opened(parts).await;
    let error = count.next().await.unwrap().unwrap_err();
    assert!(error.is_cut(), "{error:?}");
    assert_is_one(&error);
    assert!(count.next().await.is_none());
    error.failure().unwrap().clone()
}

/// Returns the text of a failure and of its source.
fn texts(failure: &Failure) -> (String, String) {
    let source = std::error::Error::source(failure).map(ToString::to_string).unwrap_or_default();
    (failure.to_string(), source)
}

#[tokio::test]
async fn body_that_ends_or_breaks_without_an_answer_is_a_cut() {
    let (_, source) = texts(&cut_of(vec![]).await);
    assert_eq!(source, "the stream ended without an answer");
    let (_, source) = texts(&cut_of(vec![Part::Break]).await);
    assert_eq!(source, "connection reset");
}

#[tokio::test]
async fn half_an_event_does_not_count() {
    let half = Part::Text("data: {\"jsonrpc\":\"2.0\",\"result\":null,\"id\":1}\n".to_owned());
    let (_, source) = texts(&cut_of(vec![half]).await);
    assert_eq!(source, "the stream ended without an answer");
}

#[tokio::test]
async fn messages_that_no_stream_may_have_are_a_cut() {
    let of_other = |member: &str| format!("data: {{\"jsonrpc\":\"2.0\",{member}}}\n\n");
    for (text, reason) in [
        ("data: {\n\n".to_owned(), "a message of the stream is invalid"),
        ("data: [1]\n\n".to_owned(), "it has another call's id"),
        (of_other("\"result\":null,\"id\":2"), "it has another call's id"),
        (of_other("\"error\":{\"code\":1,\"message\":\"m\"},\"id\":null"), "it has another call's id"),
        (of_other("\"id\":1"), "the answer has neither a result nor an error"),
        (
            of_other("\"method\":\"count\",\"params\":{\"subscription\":2,\"result\":1}"),
            "an item has another stream's id",
        ),
    ] {
        let failure = cut_of(vec![Part::Text(text.clone())]).await;
        assert!(failure.is_protocol(), "{text}");
        assert_eq!(failure.to_string(), format!("not a JSON-RPC answer: {reason}"), "{text}");
    }
}

#[tokio::test]
async fn other_messages_and_empty_events_are_skipped() {
    let others = [
        "data: {\"jsonrpc\":\"2.0\",\"method\":\"rpc.accepted\",\"params\":{\"subscription\":1}}\n\n",
        "data: {\"jsonrpc\":\"2.0\",\"method\":\"log\",\"params\":[\"x\"]}\n\n",
        "id: 7\ndata:\n\n:\n\n",
    ];
    let parts = others.map(|text| Part::Text(text.to_owned())).into_iter().chain([Part::Item(4)]).collect();
    assert_eq!(opened(parts).await.next().await.unwrap().unwrap(), 4);
}

#[tokio::test]
async fn event_over_the_limit_of_answers_cuts_the_stream_for_good() {
    let plays = [Play::Stream(vec![Part::Item(1), Part::Params(json!({ "result": "x".repeat(500) }))])];
    let script = Script::new(plays);
    let client = Client::builder().transport(script.clone()).max_response_bytes(200).build().unwrap();
    let mut count = client.stream::<u64>("count", ()).resume_param("after").await.unwrap();
    assert_eq!(count.next().await.unwrap().unwrap(), 1);
    let error = count.next().await.unwrap().unwrap_err();
    assert!(error.is_cut() && error.failure().unwrap().is_too_large());
    assert!(count.next().await.is_none());
    assert_eq!(script.params().len(), 1);
}

#[tokio::test(start_paused = true)]
async fn silence_of_three_heartbeats_is_a_cut() {
    let client = Script::new([Play::Beating(500, vec![Part::Item(1), Part::Hang])]).client();
    let mut count = client.stream::<u64>("count", ()).await.unwrap();
    count.next().await.unwrap().unwrap();
    let start = Instant::now();
    let error = count.next().await.unwrap().unwrap_err();
    assert_eq!(start.elapsed().as_millis(), 1500);
    assert_eq!(texts(error.failure().unwrap()).1, "the server was silent for 1.5s");
}

#[tokio::test(start_paused = true)]
async fn comments_and_items_end_a_silence() {
    /// Sends a comment each second.
    #[derive(Debug)]
    struct Beating;

    impl Transport for Beating {
        fn send(&self, _: Request) -> rpc_core::BoxFuture<Result<Reply, Failure>> {
            let beats = stream::unfold((), async |()| {
                tokio::time::sleep(Duration::from_secs(1)).await;
                Some((Ok(bytes::Bytes::from(":\n\n")), ()))
            });
            let mut reply = Reply::new(ReplyBody::from_stream(Box::pin(beats)));
            reply.headers.insert("content-type", "text/event-stream".parse().unwrap());
            reply.headers.insert("rpc-heartbeat-ms", 500.into());
            Box::pin(async { Ok(reply) })
        }
    }

    let client = Client::builder().transport(Beating).build().unwrap();
    let mut count = client.stream::<u64>("count", ()).await.unwrap();
    assert!(tokio::time::timeout(Duration::from_secs(3600), count.next()).await.is_err());
}

#[tokio::test(start_paused = true)]
async fn stream_without_a_heartbeat_may_be_silent() {
    let mut count = opened(vec![Part::Hang]).await;
    assert!(tokio::time::timeout(Duration::from_secs(3600), count.next()).await.is_err());
}
