//! Streams that the client opens again after cuts.

use std::convert::Infallible;
use std::time::Duration;

use bytes::Bytes;
use futures_util::stream;
use proptest::prelude::*;
use rpc_core::{ErrorCode, ErrorObject, MethodSpec, ParamSpec, StreamEnd, StreamSpec};
use serde_json::value::RawValue;
use serde_json::{Value, json};

use super::fake::{Part, Play, Script, item};
use crate::failure::Failure;
use crate::runtime::Instant;
use crate::stream_call::StreamCall;
use crate::stream_error::StreamError;
use crate::streaming::Streaming;
use crate::transport::{Reply, ReplyBody, Request, Transport};
use crate::{Client, Retry};

type Resumable = Streaming<u64, Infallible, Box<RawValue>>;

async fn resumable(script: &Script) -> Resumable {
    call(script).await.unwrap()
}

fn call(script: &Script) -> StreamCall<u64, Infallible, Box<RawValue>> {
    script.client().stream::<u64>("count", json!({ "to": 9 })).resume_param("after")
}

/// Reads items until the stream ends or yields an error.
async fn read<C>(count: &mut Streaming<u64, Infallible, C>) -> (Vec<u64>, Option<StreamError>) {
    let mut items = Vec::new();
    while let Some(item) = count.next().await {
        match item {
            Ok(item) => items.push(item),
            Err(error) => return (items, Some(error)),
        }
    }
    (items, None)
}

fn draining() -> Part {
    Part::Answer(Err(StreamEnd::Draining.to_error_object()))
}

#[tokio::test(start_paused = true)]
async fn stream_goes_on_behind_the_last_item() {
    let script = Script::new([
        Play::Stream(vec![Part::Item(1), Part::Item(2), Part::Break]),
        Play::Fail(Failure::connect("refused")),
        Play::Stream(vec![Part::Item(3)]),
        Play::Stream(vec![Part::Answer(Ok(()))]),
    ]);
    let mut count = resumable(&script).await;
    let (items, error) = read(&mut count).await;
    assert_eq!(items, [1, 2, 3]);
    assert!(error.is_none(), "{error:?}");
    let after = |n: u64| json!({ "to": 9, "after": n });
    assert_eq!(script.params(), [json!({ "to": 9 }), after(2), after(2), after(3)]);
    assert_eq!(count.cursor().unwrap().get(), "3");
    assert_eq!(script.closed(), 3);
}

#[tokio::test(start_paused = true)]
async fn cursor_is_a_parameter_of_the_method_by_its_description() {
    static PARAMS: &[ParamSpec] =
        &[ParamSpec::new("symbol"), ParamSpec::new("depth").optional(), ParamSpec::new("since").optional()];
    static NAMED: &MethodSpec = &MethodSpec::new("ticks").params(PARAMS).stream(StreamSpec::new().resume());
    static POSITIONAL: &MethodSpec =
        &MethodSpec::new("ticks").params(PARAMS).positional().stream(StreamSpec::new().resume());
    for (spec, params) in [
        (NAMED, [json!({ "symbol": "a", "since": 4 }), json!({ "symbol": "a", "since": 5 })]),
        (POSITIONAL, [json!(["a", null, 4]), json!(["a", null, 5])]),
    ] {
        let plays = [Play::Stream(vec![Part::Item(5)]), Play::Stream(vec![Part::Answer(Ok(()))])];
        let script = Script::new(plays);
        let params_of_call = ("a", None::<u64>);
        let call = crate::client::stream::<_, u64, Infallible, u64>(&script.client(), spec, params_of_call);
        let mut ticks = call.after(4).await.unwrap();
        assert_eq!(ticks.cursor(), Some(4));
        assert_eq!(read(&mut ticks).await.0, [5]);
        assert_eq!(ticks.cursor(), Some(5));
        assert_eq!(script.params(), params);
    }
}

#[tokio::test(start_paused = true)]
async fn cursor_is_taken_with_its_item_and_not_with_the_losses_before_it() {
    let lossy = Part::Params(json!({ "cursor": 7, "lagged": 2, "gap": true, "result": 7 }));
    let undecodable = Part::Params(json!({ "cursor": 8, "result": "x" }));
    let script = Script::new([
        Play::Stream(vec![Part::Item(1), lossy, undecodable, Part::Break]),
        Play::Stream(vec![Part::Answer(Ok(()))]),
    ]);
    let mut count = resumable(&script).await;
    let cursor = |count: &Resumable| count.cursor().map(|cursor| cursor.get().to_owned());
    assert_eq!(cursor(&count), None);
    count.next().await.unwrap().unwrap();
    assert!(count.next().await.unwrap().unwrap_err().is_gap());
    assert!(count.next().await.unwrap().unwrap_err().is_lagged());
    assert_eq!(cursor(&count).as_deref(), Some("1"));
    count.next().await.unwrap().unwrap();
    assert_eq!(cursor(&count).as_deref(), Some("7"));
    // Otherwise the same item would come again and again.
    assert!(count.next().await.unwrap().unwrap_err().is_decode());
    assert!(count.next().await.is_none());
    assert_eq!(script.params()[1]["after"], 8);
}

#[tokio::test(start_paused = true)]
async fn draining_server_is_left_at_once_but_not_in_a_loop() {
    let again = || Play::Stream(vec![draining()]);
    let end = Play::Stream(vec![Part::Item(2), Part::Answer(Ok(()))]);
    let script = Script::new([Play::Stream(vec![Part::Item(1), draining()]), end]);
    let mut count = resumable(&script).await;
    let start = Instant::now();
    assert_eq!(read(&mut count).await.0, [1, 2]);
    assert_eq!(start.elapsed(), Duration::ZERO);

    let script = Script::new(std::iter::repeat_with(again).take(10_000));
    let mut count = resumable(&script).await;
    let (items, error) = read(&mut count).await;
    assert!(items.is_empty());
    let error = error.unwrap();
    assert!(error.is_cut());
    assert_eq!(error.failure().unwrap().error_object().unwrap().code(), ErrorCode::STREAM_ENDED);
    let calls = script.params().len();
    assert!(calls < 100, "{calls} calls within a minute");
}

#[tokio::test(start_paused = true)]
async fn attempts_end_with_the_limit_since_the_last_item() {
    let script = Script::new([Play::Stream(vec![Part::Item(1)]), Play::Stream(vec![]), Play::Stream(vec![])]);
    let retry = Retry::never().base(Duration::from_secs(1));
    let mut count = call(&script).retry(retry).reopen_limit(Duration::from_secs(10)).await.unwrap();
    count.next().await.unwrap().unwrap();
    let start = Instant::now();
    let error = count.next().await.unwrap().unwrap_err();
    assert!(error.is_cut() && error.failure().unwrap().is_connect(), "{error:?}");
    assert!(start.elapsed() <= Duration::from_secs(10));
    assert!(count.next().await.is_none());
    assert!(script.params().len() > 3);
}

#[tokio::test(start_paused = true)]
async fn limit_of_attempts_does_not_bound_an_accepted_stream() {
    let script = Script::new([Play::Stream(vec![Part::Item(1)]), Play::Stream(vec![Part::Hang])]);
    let mut count = call(&script).reopen_limit(Duration::from_secs(10)).await.unwrap();
    count.next().await.unwrap().unwrap();
    assert!(tokio::time::timeout(Duration::from_secs(3600), count.next()).await.is_err());
    assert_eq!(script.params().len(), 2);
}

#[tokio::test(start_paused = true)]
async fn stream_whose_limit_is_zero_is_never_opened_again() {
    let script = Script::new([Play::Stream(vec![Part::Item(1), draining()])]);
    let mut count = call(&script).reopen_limit(Duration::ZERO).await.unwrap();
    let (items, error) = read(&mut count).await;
    assert!(items == [1] && error.unwrap().is_cut());
    assert_eq!(script.params().len(), 1);
}

#[tokio::test(start_paused = true)]
async fn item_begins_the_limit_anew_and_keeps_the_delays_short() {
    let one_each = (1..=50).map(|n| Play::Stream(vec![Part::Item(n), Part::Break]));
    let script = Script::new(one_each.chain([Play::Stream(vec![Part::Answer(Ok(()))])]));
    let retry = Retry::exponential().base(Duration::from_millis(100)).cap(Duration::from_secs(9));
    let mut count = call(&script).retry(retry).reopen_limit(Duration::from_secs(2)).await.unwrap();
    let start = Instant::now();
    let (items, error) = read(&mut count).await;
    assert_eq!(items, (1..=50).collect::<Vec<_>>());
    assert!(error.is_none());
    assert!(start.elapsed() <= Duration::from_millis(50 * 800), "{:?}", start.elapsed());
}

#[tokio::test(start_paused = true)]
async fn server_that_drains_behind_each_item_is_not_called_in_a_loop() {
    let one_each = (1..=50).map(|n| Play::Stream(vec![Part::Item(n), draining()]));
    let script = Script::new(one_each.chain([Play::Stream(vec![Part::Answer(Ok(()))])]));
    let mut count = call(&script).retry(Retry::exponential().base(Duration::from_millis(100))).await.unwrap();
    let start = Instant::now();
    let (items, error) = read(&mut count).await;
    assert!(items.len() == 50 && error.is_none());
    // Delays are a random part of at most 800 ms.
    assert!(start.elapsed() >= Duration::from_secs(4), "{:?}", start.elapsed());
}

#[tokio::test(start_paused = true)]
async fn refusal_that_cannot_change_ends_the_stream_at_once() {
    let refusals = [
        Play::Error(ErrorObject::method_not_found()),
        Play::Error(ErrorObject::new(ErrorCode::INVALID_PARAMS, "Invalid params")),
        Play::Error(ErrorObject::new(7, "gone")),
        Play::Fail(Failure::rejected(ErrorCode::ACCESS_DENIED)),
        Play::Fail(Failure::of_status(http::StatusCode::UNAUTHORIZED)),
    ];
    for refusal in refusals {
        let script = Script::new([Play::Stream(vec![Part::Item(1), draining()]), refusal]);
        let mut count = resumable(&script).await;
        let (items, error) = read(&mut count).await;
        assert_eq!(items, [1]);
        assert!(error.as_ref().is_some_and(StreamError::is_end), "{error:?}");
        assert!(count.next().await.is_none());
        assert_eq!(script.params().len(), 2);
    }
}

#[tokio::test(start_paused = true)]
async fn subscription_is_made_again_only_if_asked_and_each_gap_is_told() {
    let script = Script::new([
        Play::Stream(vec![Part::Item(1), Part::Break]),
        Play::Stream(vec![Part::Item(5), draining()]),
        Play::Stream(vec![Part::Item(9), Part::Answer(Ok(()))]),
    ]);
    let mut count = script.client().stream::<u64>("count", ()).resubscribe().await.unwrap();
    let mut seen = Vec::new();
    while let Some(item) = count.next().await {
        seen.push(item.map_err(|error| error.is_gap()));
    }
    assert_eq!(seen, [Ok(1), Err(true), Ok(5), Err(true), Ok(9)]);
    assert!(script.params().iter().all(Value::is_null));
}

#[tokio::test(start_paused = true)]
async fn waiting_for_the_next_attempt_is_cancel_safe() {
    let script = Script::new([Play::Stream(vec![Part::Item(1)]), Play::Stream(vec![Part::Item(2)])]);
    let mut count = call(&script).retry(Retry::exponential().base(Duration::from_secs(5))).await.unwrap();
    count.next().await.unwrap().unwrap();
    let second = loop {
        match tokio::time::timeout(Duration::from_millis(10), count.next()).await {
            Ok(item) => break item,
            Err(_) => continue,
        }
    };
    assert_eq!(second.unwrap().unwrap(), 2);
    assert_eq!(script.params().len(), 2);
}

/// Serves the numbers from 1 to 12 behind the cursor of the call. Cuts the text of each answer at the next of these
/// places, and sends it in chunks of this size.
#[derive(Debug)]
struct Cutting {
    cuts: std::sync::Mutex<std::vec::IntoIter<usize>>,
    chunk: usize,
}

const LAST: u64 = 12;

impl Transport for Cutting {
    fn send(&self, request: Request) -> rpc_core::BoxFuture<Result<Reply, Failure>> {
        let call: Value = serde_json::from_slice(&request.body).unwrap();
        let (id, after) = (&call["id"], call["params"]["after"].as_u64().unwrap_or(0));
        let items = (after + 1..=LAST).map(|n| item(id, &json!({ "cursor": n, "result": n })));
        let answer = format!("data: {}\n\n", json!({ "jsonrpc": "2.0", "result": null, "id": id }));
        let mut text = items.chain([answer]).collect::<String>().into_bytes();
        if let Some(at) = self.cuts.lock().unwrap().next() {
            text.truncate(at);
        }
        let chunks: Vec<_> = text.chunks(self.chunk).map(Bytes::copy_from_slice).map(Ok).collect();
        let mut reply = Reply::new(ReplyBody::from_stream(stream::iter(chunks)));
        reply.headers.insert("content-type", "text/event-stream".parse().unwrap());
        Box::pin(async { Ok(reply) })
    }
}

/// Reads the numbers through these cuts.
fn numbers_through(cuts: Vec<usize>, chunk: usize) -> Vec<u64> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build().unwrap();
    runtime.block_on(async {
        let transport = Cutting { cuts: std::sync::Mutex::new(cuts.into_iter()), chunk };
        let client = Client::builder().transport(transport).build().unwrap();
        let mut numbers = client.stream::<u64>("count", ()).resume_param("after").await.unwrap();
        let (items, error) = read(&mut numbers).await;
        assert!(error.is_none(), "{error:?}");
        items
    })
}

#[test]
fn cut_at_each_byte_loses_and_repeats_nothing() {
    let all: Vec<u64> = (1..=LAST).collect();
    for at in 0..1500 {
        assert_eq!(numbers_through(vec![at], 64), all, "a cut at {at}");
    }
}

proptest! {
    #[test]
    fn any_cuts_and_chunks_lose_and_repeat_nothing(
        cuts in prop::collection::vec(0..1500_usize, 0..6),
        chunk in 1..300_usize,
    ) {
        prop_assert_eq!(numbers_through(cuts, chunk), (1..=LAST).collect::<Vec<_>>());
    }
}
