//! Streams that are not resumed: how they are opened, read and ended.

mod cuts;
mod fake;
mod resume;

use std::convert::Infallible;

use http::header::ACCEPT;
use rpc_core::{ErrorCode, ErrorObject, StreamEnd};
use serde_json::{Value, json};

use super::Streaming;
use crate::error::Error;
use crate::failure::Failure;
use crate::stream_error::StreamError;
use crate::{Client, Coalesce, Hedge, Retry};
use fake::{Part, Play, Script};

fn stream_of(parts: Vec<Part>) -> (Script, Client) {
    let script = Script::new([Play::Stream(parts)]);
    let client = script.client();
    (script, client)
}

/// Opens a stream with these parts.
async fn opened(parts: Vec<Part>) -> Streaming<u64> {
    stream_of(parts).1.stream("count", ()).await.unwrap()
}

#[track_caller]
fn assert_is_one(error: &StreamError) {
    let predicates = [error.is_gap(), error.is_lagged(), error.is_decode(), error.is_end(), error.is_cut()];
    assert_eq!(predicates.iter().filter(|is| **is).count(), 1, "{error:?}");
}

#[tokio::test]
async fn items_come_until_the_answer() {
    let (script, client) = stream_of(vec![Part::Item(1), Part::Item(2), Part::Answer(Ok(())), Part::Item(3)]);
    let mut count = client.stream::<u64>("count", json!({ "to": 2 })).await.unwrap();
    assert_eq!(count.next().await.unwrap().unwrap(), 1);
    assert_eq!(count.next().await.unwrap().unwrap(), 2);
    assert!(count.next().await.is_none());
    assert!(count.next().await.is_none());
    assert_eq!(script.params(), [json!({ "to": 2 })]);
    assert_eq!(script.headers()[0][ACCEPT], "text/event-stream, application/json");
    assert_eq!(script.closed(), 1);
}

#[tokio::test]
async fn plain_calls_do_not_accept_streams() {
    let script = Script::new([Play::Result(json!(1))]);
    script.client().call::<u64>("count", ()).await.unwrap();
    assert_eq!(script.headers()[0][ACCEPT], "application/json");
}

#[tokio::test]
async fn streams_can_move_between_threads() {
    fn is_movable<T: Send + Unpin>(_: &T) {}
    let count = opened(vec![]).await;
    is_movable(&count);
}

#[tokio::test]
async fn refusal_is_the_error_of_the_call() {
    let refusals = [Play::Error(ErrorObject::new(7, "sold out")), Play::Error(ErrorObject::method_not_found())];
    let client = Script::new(refusals).client();
    static SPEC: &rpc_core::MethodSpec = &rpc_core::MethodSpec::new("count");
    let open = async || crate::client::stream::<_, u64, ErrorObject, Infallible>(&client, SPEC, ()).await.unwrap_err();
    assert_eq!(open().await.method(), Some(&ErrorObject::new(7, "sold out")));
    let Error::Rpc(error) = open().await else { panic!("an error of the server") };
    assert_eq!(error, ErrorObject::method_not_found());
}

#[tokio::test]
async fn plain_answer_is_an_empty_stream_only_if_it_is_null() {
    let client = Script::new([Play::Result(Value::Null), Play::Result(json!(7))]).client();
    assert!(client.stream::<u64>("count", ()).await.unwrap().next().await.is_none());
    let error = client.stream::<u64>("count", ()).await.unwrap_err();
    assert_eq!(error.to_string(), "not a JSON-RPC answer: it is a result and not a stream");
}

#[tokio::test(start_paused = true)]
async fn call_is_retried_until_it_is_accepted() {
    let plays = [Play::Fail(Failure::transport("cut")), Play::Fail(Failure::overloaded())];
    let script = Script::new(plays.into_iter().chain([Play::Stream(vec![Part::Item(1)])]));
    let mut count = script.client().stream::<u64>("count", ()).await.unwrap();
    assert_eq!(count.next().await.unwrap().unwrap(), 1);
    assert_eq!(script.params().len(), 3);
    let client = Script::new([Play::Fail(Failure::transport("cut"))]).client();
    let error = client.stream::<u64>("count", ()).retry(Retry::never()).await.unwrap_err();
    assert!(error.failure().unwrap().is_transport());
}

#[tokio::test]
async fn invalid_setters_fail_the_call() {
    let script = Script::new([]);
    let client = script.client();
    let error = client.stream::<u64>("count", ()).header("content-length", "1").await.unwrap_err();
    assert_eq!(error.to_string(), "the header `content-length` is the client's to set");
    let error = client.stream::<u64>("count", 7).await.unwrap_err();
    assert!(error.failure().unwrap().is_encode());
    assert!(script.params().is_empty());
}

#[tokio::test(start_paused = true)]
async fn streams_are_neither_hedged_nor_joined() {
    let script = Script::new([Play::Stream(vec![Part::Item(1)]), Play::Stream(vec![Part::Item(2)])]);
    let client = Client::builder()
        .transport(script.clone())
        .coalesce(Coalesce::default())
        .hedge(Hedge::default())
        .build()
        .unwrap();
    let calls = [client.stream::<u64>("count", ()), client.stream::<u64>("count", ())];
    let opened = futures_util::future::join_all(calls.map(IntoFuture::into_future)).await;
    let mut items = Vec::new();
    for stream in opened {
        items.push(stream.unwrap().next().await.unwrap().unwrap());
    }
    items.sort_unstable();
    assert_eq!(items, [1, 2]);
    assert_eq!(script.params().len(), 2);
}

#[tokio::test]
async fn losses_are_told_before_the_item_behind_them() {
    let params = json!({ "lagged": 3, "gap": true, "result": 9 });
    let mut count = opened(vec![Part::Params(params), Part::Answer(Ok(()))]).await;
    let gap = count.next().await.unwrap().unwrap_err();
    assert!(gap.is_gap());
    assert_is_one(&gap);
    let lag = count.next().await.unwrap().unwrap_err();
    assert_eq!(lag.lagged_items(), Some(3));
    assert_is_one(&lag);
    assert_eq!(lag.to_string(), "the server has dropped 3 items that were not read in time");
    assert_eq!(count.next().await.unwrap().unwrap(), 9);
    assert!(count.next().await.is_none());
}

#[tokio::test]
async fn item_of_another_type_is_an_error_and_the_stream_goes_on() {
    let mut count = opened(vec![Part::Params(json!({ "result": "x" })), Part::Item(2), Part::Answer(Ok(()))]).await;
    let error = count.next().await.unwrap().unwrap_err();
    assert!(error.is_decode());
    assert_is_one(&error);
    assert_eq!(error.failure().unwrap().body_start(), Some(&b"\"x\""[..]));
    assert_eq!(count.next().await.unwrap().unwrap(), 2);
    assert!(count.next().await.is_none());
}

#[tokio::test]
async fn error_at_the_end_is_the_declared_one_or_of_the_server() {
    let ends =
        [ErrorObject::new(7, "halted"), StreamEnd::Lagged.to_error_object(), StreamEnd::Draining.to_error_object()];
    let script = Script::new(ends.clone().map(|error| Play::Stream(vec![Part::Answer(Err(error))])));
    let client = script.client();
    static SPEC: &rpc_core::MethodSpec = &rpc_core::MethodSpec::new("count");
    for end in ends {
        let call = crate::client::stream::<_, u64, ErrorObject, Infallible>(&client, SPEC, ());
        let mut count = call.await.unwrap();
        let error = count.next().await.unwrap().unwrap_err();
        assert!(error.is_end());
        if end.code().is_for_services() {
            assert_eq!((error.method(), error.error_object()), (Some(&end), None));
        } else {
            assert_eq!((error.method(), error.error_object()), (None, Some(end)));
        }
        assert!(count.next().await.is_none());
    }
}

#[tokio::test]
async fn what_is_no_end_of_a_stream_is_told() {
    let answer = |text: &str| vec![Part::Text(format!("data: {{\"jsonrpc\":\"2.0\",{text},\"id\":1}}\n\n"))];
    let mut count = opened(answer("\"result\":7")).await;
    let error = count.next().await.unwrap().unwrap_err();
    assert!(error.is_end());
    assert_eq!(
        error.failure().unwrap().to_string(),
        "not a JSON-RPC answer: the result that ends the stream is not null"
    );
    let mut count = opened(answer("\"error\":\"boom\"")).await;
    let error = count.next().await.unwrap().unwrap_err();
    assert!(error.is_end() && error.failure().unwrap().is_foreign_error());
    assert!(count.next().await.is_none());
}

#[tokio::test]
async fn dropping_a_stream_closes_its_response() {
    let (script, client) = stream_of(vec![Part::Item(1), Part::Hang]);
    let mut count = client.stream::<u64>("count", ()).await.unwrap();
    count.next().await.unwrap().unwrap();
    assert_eq!(script.closed(), 0);
    drop(count);
    assert_eq!(script.closed(), 1);
}

#[tokio::test]
async fn dropping_the_call_under_way_opens_nothing() {
    let (script, client) = stream_of(vec![Part::Hang]);
    let call = client.stream::<u64>("count", ());
    drop(call.into_future());
    assert!(script.params().is_empty());
}

#[tokio::test]
async fn error_codes_of_refusals_keep_their_predicates() {
    let client = Script::new([Play::Fail(Failure::rejected(ErrorCode::ACCESS_DENIED))]).client();
    let error = client.stream::<u64>("count", ()).await.unwrap_err();
    assert_eq!(error.error_object().unwrap().code(), ErrorCode::ACCESS_DENIED);
}
