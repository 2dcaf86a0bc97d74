//! What coalescing does to single calls, on a paused clock and with a server that takes as long as its calls say.

mod stress;
mod timed;

use std::future::poll_fn;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::task::Poll;
use std::time::Duration;

use rpc_core::Outcome;
use serde_json::{Value, json};
use tokio::task::{JoinHandle, yield_now};
use tokio::time::{Instant, advance, sleep};
use uuid::Uuid;

use crate::{Call, Client, Coalesce, Error, Retry};
use timed::Timed;

type Answered = Result<Vec<Value>, Error>;

fn wait(client: &Client, millis: u64) -> Call<Vec<Value>> {
    client.call("wait", [millis]).readonly()
}

/// Spawns a call, and lets it run until it waits.
async fn begin(call: Call<Vec<Value>>) -> JoinHandle<Answered> {
    let call = tokio::spawn(call.into_future());
    settle().await;
    call
}

/// Lets all tasks run until they wait.
async fn settle() {
    for _ in 0..20 {
        yield_now().await;
    }
}

/// Makes the methods known: the median is 20 ms, so calls gather for 20 ms.
async fn warm(client: &Client, server: &Timed) {
    for method in ["refused", "limited", "failing", "long"] {
        // `failing` ends with an error.
        let _ = client.call::<Value>(method, [20]).readonly().await;
    }
    for _ in 0..40 {
        wait(client, 20).await.unwrap();
    }
    server.take();
}

/// Takes both slots of the lane of readonly calls for 50 ms.
async fn occupy(client: &Client, server: &Timed) -> [JoinHandle<Answered>; 2] {
    let calls = [begin(wait(client, 50)).await, begin(wait(client, 50)).await];
    assert_eq!(server.take(), [json!(50), json!(50)]);
    calls
}

async fn ready() -> (Arc<Timed>, Client) {
    let server = Arc::new(Timed::default());
    let client = server.client(|builder| builder);
    warm(&client, &server).await;
    (server, client)
}

#[tokio::test(start_paused = true)]
async fn calls_gather_while_all_slots_are_taken_and_leave_together() {
    let (server, client) = ready().await;
    let first = begin(wait(&client, 10)).await;
    let other = begin(wait(&client, 50)).await;
    let mut calls = Vec::new();
    for millis in 1..6 {
        calls.push((millis, begin(wait(&client, millis)).await));
    }
    assert_eq!(server.take(), [json!(10), json!(50)]);
    first.await.unwrap().unwrap();
    settle().await;
    assert_eq!(server.take(), [json!([1, 2, 3, 4, 5])]);
    for (millis, call) in calls {
        assert_eq!(call.await.unwrap().unwrap(), [json!(millis)]);
    }
    assert!(!other.is_finished());
}

#[tokio::test(start_paused = true)]
async fn one_gathered_call_leaves_as_a_single_request() {
    let (server, client) = ready().await;
    occupy(&client, &server).await;
    let call = begin(wait(&client, 1)).await;
    assert!(server.take().is_empty());
    assert_eq!(call.await.unwrap().unwrap(), [json!(1)]);
    assert_eq!(server.take(), [json!(1)]);
}

#[tokio::test(start_paused = true)]
async fn gathered_calls_leave_after_the_median_at_the_latest() {
    let (server, client) = ready().await;
    let slots = occupy(&client, &server).await;
    let begun = Instant::now();
    let calls = [begin(wait(&client, 1)).await, begin(wait(&client, 2)).await];
    for call in calls {
        call.await.unwrap().unwrap();
    }
    assert_eq!(begun.elapsed(), Duration::from_millis(22));
    assert_eq!(server.take(), [json!([1, 2])]);
    assert!(slots.iter().all(|slot| !slot.is_finished()));
}

#[tokio::test(start_paused = true)]
async fn request_of_a_call_that_leaves_alone_is_the_same_as_without_coalescing() {
    let (server, client) = ready().await;
    let plain = Client::builder().transport(Arc::clone(&server)).build().unwrap();
    for client in [&client, &plain] {
        let before = Instant::now();
        client.call::<Vec<Value>>("wait", [5]).header("x-own", "1").readonly().await.unwrap();
        assert_eq!(before.elapsed(), Duration::from_millis(5));
    }
    let mut requests = server.take_whole();
    requests.iter_mut().for_each(|(_, body)| drop(body["id"].take()));
    assert_eq!(requests[0], requests[1]);
}

#[tokio::test(start_paused = true)]
async fn request_leaves_when_it_has_enough_entries() {
    let server = Arc::new(Timed::default());
    let client = server.client(|builder| builder.coalesce(Coalesce::default().max_entries(3)));
    warm(&client, &server).await;
    occupy(&client, &server).await;
    for millis in 1..=7 {
        begin(wait(&client, millis)).await;
    }
    assert_eq!(server.take(), [json!([1, 2, 3]), json!([4, 5, 6])]);
}

#[tokio::test(start_paused = true)]
async fn max_batch_entries_bounds_joined_requests() {
    let server = Arc::new(Timed::default());
    let client = server.client(|builder| builder.max_batch_entries(2));
    warm(&client, &server).await;
    occupy(&client, &server).await;
    begin(wait(&client, 1)).await;
    begin(wait(&client, 2)).await;
    assert_eq!(server.take(), [json!([1, 2])]);
}

#[tokio::test(start_paused = true)]
async fn large_call_goes_alone_and_takes_no_slot() {
    let server = Arc::new(Timed::default());
    let client = server.client(|builder| builder.coalesce(Coalesce::default().max_bytes(300)));
    warm(&client, &server).await;
    occupy(&client, &server).await;
    let text = "x".repeat(300);
    let large = client.call::<Value>("wait", (1, &text)).readonly().await.unwrap();
    assert_eq!(large, json!([1, text]));
}

#[tokio::test(start_paused = true)]
async fn first_calls_of_a_method_go_alone_until_one_is_measured() {
    let (server, client) = ready().await;
    occupy(&client, &server).await;
    let new = |millis: u64| client.call::<Vec<Value>>("new", [millis]).readonly();
    let calls = [begin(new(1)).await, begin(new(2)).await];
    assert_eq!(server.take(), [json!(1), json!(2)]);
    for call in calls {
        call.await.unwrap().unwrap();
    }
    begin(new(3)).await;
    begin(new(4)).await;
    assert_eq!(server.take(), [] as [Value; 0]);
}

#[tokio::test(start_paused = true)]
async fn slow_method_goes_alone_and_takes_no_slot() {
    let (server, client) = ready().await;
    let poll = |millis: u64| client.call::<Vec<Value>>("wait", [millis]).readonly();
    // The other methods take 20 ms.
    for _ in 0..3 {
        poll(5_000).await.unwrap();
    }
    server.take();
    let polls = [begin(poll(500)).await, begin(poll(500)).await, begin(poll(500)).await];
    assert_eq!(server.take(), [json!(500), json!(500), json!(500)]);
    assert!(polls.iter().all(|poll| !poll.is_finished()));
    let quick = client.call::<Value>("failing", [1]).readonly();
    assert!(quick.await.is_err());
    assert!(polls.iter().all(|poll| !poll.is_finished()));
}

#[tokio::test(start_paused = true)]
async fn call_with_a_short_deadline_goes_alone() {
    let (server, client) = ready().await;
    occupy(&client, &server).await;
    begin(wait(&client, 1).deadline(Duration::from_millis(159))).await;
    assert_eq!(server.take(), [json!(1)]);
    begin(wait(&client, 2).deadline(Duration::from_millis(161))).await;
    assert_eq!(server.take(), [] as [Value; 0]);
}

#[tokio::test(start_paused = true)]
async fn calls_with_different_headers_share_no_request() {
    let (server, client) = ready().await;
    let tenant = |tenant: &'static str, millis| wait(&client, millis).header("x-tenant", tenant);
    for name in ["a", "b"] {
        begin(tenant(name, 50)).await;
        begin(tenant(name, 50)).await;
    }
    server.take();
    let calls = [begin(tenant("a", 1)).await, begin(tenant("b", 2)).await];
    let calls = calls.into_iter().chain([begin(tenant("a", 3)).await, begin(tenant("b", 4)).await]);
    for call in calls.collect::<Vec<_>>() {
        call.await.unwrap().unwrap();
    }
    let requests = server.take_whole();
    let tenants: Vec<_> = requests.iter().map(|(headers, _)| headers["x-tenant"].to_str().unwrap()).collect();
    assert_eq!(tenants, ["a", "b"]);
    assert_eq!(requests[0].1.as_array().unwrap().len(), 2);
}

#[tokio::test(start_paused = true)]
async fn calls_with_equal_keys_share_no_request() {
    let (server, client) = ready().await;
    let keyed = |millis: u64| client.call::<Vec<Value>>("wait", [millis]).idempotency_key(Uuid::from_u128(5));
    let other = |millis: u64| client.call::<Vec<Value>>("wait", [millis]);
    begin(other(50)).await;
    begin(other(50)).await;
    server.take();
    let calls = [begin(keyed(1)).await, begin(keyed(2)).await, begin(other(3)).await];
    for call in calls {
        call.await.unwrap().unwrap();
    }
    assert_eq!(server.take(), [json!([1, 3]), json!(2)]);
}

#[tokio::test(start_paused = true)]
async fn calls_that_the_client_repeats_differently_share_no_request() {
    let (server, client) = ready().await;
    occupy(&client, &server).await;
    // The lane of calls with effects has free slots.
    begin(client.call::<Vec<Value>>("wait", [7])).await;
    assert_eq!(server.take(), [json!(7)]);
}

#[tokio::test(start_paused = true)]
async fn gathered_call_that_is_dropped_is_not_sent() {
    let (server, client) = ready().await;
    occupy(&client, &server).await;
    let calls = [begin(wait(&client, 1)).await, begin(wait(&client, 2)).await, begin(wait(&client, 3)).await];
    // The first one has watched for the others.
    calls[0].abort();
    calls[1].abort();
    let [_, _, last] = calls;
    assert_eq!(last.await.unwrap().unwrap(), [json!(3)]);
    assert_eq!(server.take(), [json!(3)]);
}

#[tokio::test(start_paused = true)]
async fn caller_that_is_not_polled_holds_no_other_for_long() {
    let (server, client) = ready().await;
    occupy(&client, &server).await;
    // This call is the oldest gathered one, and would let the others leave.
    let mut stalled = wait(&client, 1).into_future();
    assert!(poll_fn(|cx| Poll::Ready(Pin::new(&mut stalled).poll(cx).is_pending())).await);
    let begun = Instant::now();
    let behind = begin(wait(&client, 2)).await;
    assert_eq!(behind.await.unwrap().unwrap(), [json!(2)]);
    assert_eq!(begun.elapsed(), Duration::from_millis(4 * 20 + 2));
    assert_eq!(server.take(), [json!([1, 2])]);
    assert_eq!(stalled.await.unwrap(), [json!(1)]);
}

#[tokio::test(start_paused = true)]
async fn request_is_cancelled_once_all_its_callers_have_gone() {
    let (server, client) = ready().await;
    occupy(&client, &server).await;
    let calls = [begin(wait(&client, 100)).await, begin(wait(&client, 100)).await];
    advance(Duration::from_millis(20)).await;
    settle().await;
    assert_eq!(server.take(), [json!([100, 100])]);
    calls[0].abort();
    settle().await;
    assert_eq!(server.cancelled(), 0);
    calls[1].abort();
    settle().await;
    assert_eq!(server.cancelled(), 1);
}

#[tokio::test(start_paused = true)]
async fn deadline_ends_only_its_own_call() {
    let (server, client) = ready().await;
    let once = |millis| wait(&client, millis).retry(Retry::never());
    begin(once(50)).await;
    begin(once(50)).await;
    server.take();
    let begun = Instant::now();
    let short = begin(once(1).deadline(Duration::from_millis(200))).await;
    let long = begin(once(250)).await;
    let error = short.await.unwrap().unwrap_err();
    assert_eq!(begun.elapsed(), Duration::from_millis(200));
    assert!(error.is_timeout());
    assert_eq!(error.outcome(), Outcome::Unknown);
    assert_eq!(long.await.unwrap().unwrap(), [json!(250)]);
    assert_eq!(server.take(), [json!([1, 250])]);
}

#[tokio::test(start_paused = true)]
async fn gathered_call_whose_deadline_is_over_is_not_sent() {
    let (server, client) = ready().await;
    occupy(&client, &server).await;
    let late = begin(wait(&client, 1).deadline(Duration::from_millis(161))).await;
    // The callers' tasks do not run before the deadline, as on a busy machine.
    advance(Duration::from_millis(200)).await;
    let error = late.await.unwrap().unwrap_err();
    assert!(error.is_timeout());
    assert_eq!(error.outcome(), Outcome::NotSent);
    assert_eq!(server.take(), [] as [Value; 0]);
}

#[tokio::test(start_paused = true)]
async fn entry_that_is_retried_delays_no_other_answer() {
    let (server, client) = ready().await;
    occupy(&client, &server).await;
    let begun = Instant::now();
    let refused = begin(client.call("refused", [1]).readonly()).await;
    let failing = tokio::spawn(client.call::<Value>("failing", [2]).readonly().into_future());
    let answered = begin(wait(&client, 3)).await;
    assert_eq!(answered.await.unwrap().unwrap(), [json!(3)]);
    assert!(matches!(failing.await.unwrap(), Err(Error::Rpc(error)) if error.code().get() == 7));
    // The calls gathered for 20 ms and took 20 ms.
    assert_eq!(begun.elapsed(), Duration::from_millis(40));
    assert!(!refused.is_finished());
    assert_eq!(refused.await.unwrap().unwrap(), [json!(1)]);
    assert_eq!(server.take(), [json!([1, 2, 3]), json!([1])]);
}

#[tokio::test(start_paused = true)]
async fn each_retried_entry_has_its_own_delay() {
    let (server, client) = ready().await;
    occupy(&client, &server).await;
    let begun = Instant::now();
    let limited = begin(client.call("limited", [1]).readonly()).await;
    let refused = begin(client.call("refused", [2]).readonly()).await;
    assert_eq!(refused.await.unwrap().unwrap(), [json!(2)]);
    assert!(begun.elapsed() < Duration::from_secs(1), "{:?}", begun.elapsed());
    assert_eq!(limited.await.unwrap().unwrap(), [json!(1)]);
    assert!(begun.elapsed() >= Duration::from_secs(10), "{:?}", begun.elapsed());
    assert_eq!(server.take(), [json!([1, 2]), json!(2), json!(1)]);
}

/// The call with a long deadline does not end with the other one, and is retried at its own time.
#[tokio::test(start_paused = true)]
async fn delay_of_one_entry_ends_no_other() {
    let (server, client) = ready().await;
    occupy(&client, &server).await;
    let limited = begin(client.call("limited", [1]).readonly().deadline(Duration::from_secs(20))).await;
    let refused = begin(client.call("refused", [2]).readonly().deadline(Duration::from_secs(9))).await;
    assert_eq!(refused.await.unwrap().unwrap(), [json!(2)]);
    assert_eq!(limited.await.unwrap().unwrap(), [json!(1)]);
}

#[tokio::test(start_paused = true)]
async fn call_that_is_dropped_before_its_retry_is_not_sent_again() {
    let (server, client) = ready().await;
    occupy(&client, &server).await;
    let calls = [1, 2, 3].map(|number| client.call::<Vec<Value>>("limited", [number]).readonly());
    let [first, second, third] = calls;
    let (first, second, third) = (begin(first).await, begin(second).await, begin(third).await);
    while server.take() != [json!([1, 2, 3])] {
        sleep(Duration::from_millis(1)).await;
    }
    // The answers have arrived, and the retries wait.
    sleep(Duration::from_secs(1)).await;
    second.abort();
    assert_eq!(first.await.unwrap().unwrap(), [json!(1)]);
    assert_eq!(third.await.unwrap().unwrap(), [json!(3)]);
    assert_eq!(server.take(), [json!(1), json!(3)]);
}

#[tokio::test(start_paused = true)]
async fn entry_whose_caller_has_gone_is_not_retried() {
    let (server, client) = ready().await;
    occupy(&client, &server).await;
    let refused = begin(client.call("refused", [1]).readonly()).await;
    let other = begin(client.call("refused", [2]).readonly()).await;
    advance(Duration::from_millis(20)).await;
    settle().await;
    refused.abort();
    assert_eq!(other.await.unwrap().unwrap(), [json!(2)]);
    assert_eq!(server.take(), [json!([1, 2]), json!([2])]);
}

#[tokio::test(start_paused = true)]
async fn panic_of_a_request_strands_no_caller() {
    let (server, client) = ready().await;
    // The transport panics only for the call with this header.
    let calls = |millis| wait(&client, millis).header("x-panic", "1");
    begin(calls(50)).await;
    begin(calls(50)).await;
    server.panic_at_batches();
    let joined = [begin(calls(1)).await, begin(calls(2)).await];
    for call in joined {
        let error = call.await.unwrap().unwrap_err();
        assert_eq!(error.outcome(), Outcome::Unknown);
    }
    // The slots are free.
    assert_eq!(calls(3).await.unwrap(), [json!(3)]);
}

#[tokio::test(start_paused = true)]
async fn each_joined_call_has_the_whole_limit_for_its_answer() {
    let server = Arc::new(Timed::default());
    let client = server.client(|builder| builder.max_response_bytes(1000));
    warm(&client, &server).await;
    occupy(&client, &server).await;
    let long = || tokio::spawn(client.call::<String>("long", [800]).readonly().into_future());
    for call in [long(), long(), long()] {
        assert_eq!(call.await.unwrap().unwrap().len(), 800);
    }
    assert_eq!(server.take(), [json!([800, 800, 800])]);
}

#[tokio::test(start_paused = true)]
async fn head_of_the_response_and_attempts_reach_each_call() {
    let server = Arc::new(Timed::default());
    let attempts = Arc::new(AtomicU32::new(0));
    let counted = Arc::clone(&attempts);
    let hook = move |_: &crate::AttemptEvent<'_>| {
        counted.fetch_add(1, Ordering::Relaxed);
    };
    let client = server.client(|builder| builder.on_attempt(hook));
    warm(&client, &server).await;
    occupy(&client, &server).await;
    let before = attempts.load(Ordering::Relaxed);
    let call = |millis| tokio::spawn(wait(&client, millis).with_meta().into_future());
    for call in [call(1), call(2), call(3)] {
        assert_eq!(call.await.unwrap().unwrap().headers()["x-calls"], "3");
    }
    assert_eq!(attempts.load(Ordering::Relaxed) - before, 3);
}

#[tokio::test(start_paused = true)]
async fn calls_that_layers_passed_on_are_joined() {
    let server = Arc::new(Timed::default());
    let layer = crate::middleware::from_fn(|mut request: crate::middleware::Request, next: crate::middleware::Next| {
        assert!(!request.is_batch());
        request.headers_mut().insert("x-layer", "1".parse().unwrap());
        next.run(request)
    });
    let client = server.client(|builder| builder.layer(layer));
    warm(&client, &server).await;
    occupy(&client, &server).await;
    let calls = [begin(wait(&client, 1)).await, begin(wait(&client, 2)).await];
    for call in calls {
        call.await.unwrap().unwrap();
    }
    assert_eq!(server.take(), [json!([1, 2])]);
}

#[tokio::test(start_paused = true)]
async fn notifications_and_batches_go_as_without_coalescing() {
    let (server, client) = ready().await;
    occupy(&client, &server).await;
    client.notify("wait", [1]).await.unwrap();
    let batch = client.batch([wait(&client, 2), wait(&client, 3)]).await.unwrap();
    assert!(batch.iter().all(Result::is_ok));
    assert_eq!(server.take(), [json!(1), json!([2, 3])]);
}

#[tokio::test(start_paused = true)]
async fn pinned_client_coalesces_its_own_calls() {
    let (server, client) = ready().await;
    occupy(&client, &server).await;
    let pinned = client.pinned();
    warm(&pinned, &server).await;
    occupy(&client, &server).await;
    occupy(&pinned, &server).await;
    let calls = [begin(wait(&pinned, 1)).await, begin(wait(&client, 2)).await, begin(wait(&pinned, 3)).await];
    for call in calls {
        call.await.unwrap().unwrap();
    }
    assert_eq!(server.take(), [json!([1, 3]), json!(2)]);
    sleep(Duration::from_secs(1)).await;
}
