//! Handlers that take too long, by a paused clock, which advances whenever all tasks wait.

use std::future::pending;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use rpc::{Limits, RequestContext, Server};
use rpc_core::{Answer, Dispatch};
use tokio::sync::oneshot;
use tokio::time::{Instant, sleep};

use crate::robustness::server::builder;

async fn dispatch(server: &Server, body: &'static str) -> Answer {
    server.dispatch(Bytes::from_static(body.as_bytes()), Arc::new(RequestContext::default())).await
}

fn slow() -> Server {
    let mut limits = Limits::default();
    limits.handler_timeout = Duration::from_secs(5);
    builder()
        .limits(limits)
        .method("forever", pending::<()>)
        .method("sleep", |(seconds,): (u64,)| async move { sleep(Duration::from_secs(seconds)).await })
        .build()
}

#[tokio::test(start_paused = true)]
async fn a_handler_that_takes_too_long_is_answered_for() {
    let start = Instant::now();
    let answer = dispatch(&slow(), r#"{"jsonrpc":"2.0","method":"forever","id":"x"}"#).await;
    assert_eq!(answer.body, r#"{"jsonrpc":"2.0","error":{"code":-32093,"message":"Handler timed out"},"id":"x"}"#);
    // tokio's timers have a resolution of a millisecond.
    assert!((5000..=5002).contains(&start.elapsed().as_millis()), "{:?}", start.elapsed());
}

#[tokio::test(start_paused = true)]
async fn a_handler_has_all_of_its_time() {
    let answer = dispatch(&slow(), r#"{"jsonrpc":"2.0","method":"sleep","params":[4],"id":1}"#).await;
    assert_eq!(answer.body, r#"{"jsonrpc":"2.0","result":null,"id":1}"#);
}

#[tokio::test(start_paused = true)]
async fn in_a_batch_only_the_entry_that_takes_too_long_fails() {
    let start = Instant::now();
    let answer = dispatch(
        &slow(),
        r#"[{"jsonrpc":"2.0","method":"sleep","params":[4],"id":1},{"jsonrpc":"2.0","method":"forever","id":2},
            {"jsonrpc":"2.0","method":"forever"},{"jsonrpc":"2.0","method":"ping","id":3}]"#,
    )
    .await;
    let expected = concat!(
        r#"[{"jsonrpc":"2.0","result":null,"id":1},"#,
        r#"{"jsonrpc":"2.0","error":{"code":-32093,"message":"Handler timed out"},"id":2},"#,
        r#"{"jsonrpc":"2.0","result":"pong","id":3}]"#,
    );
    assert_eq!(answer.body, expected);
    assert!(start.elapsed() < Duration::from_secs(6), "{:?}", start.elapsed());
}

#[tokio::test(start_paused = true)]
async fn a_handler_that_takes_too_long_is_dropped_before_the_answer() {
    let (held, mut dropped) = oneshot::channel::<()>();
    let held = std::sync::Mutex::new(Some(held));
    let server = Server::builder().method("hold", move || {
        let held = held.lock().unwrap().take();
        async move {
            let _held = held;
            pending::<()>().await;
        }
    });
    dispatch(&server.build(), r#"{"jsonrpc":"2.0","method":"hold","id":1}"#).await;
    assert_eq!(dropped.try_recv(), Err(oneshot::error::TryRecvError::Closed));
}

#[tokio::test(start_paused = true)]
async fn an_entry_that_waits_too_long_for_its_turn_is_refused_and_does_not_run() {
    let mut limits = Limits::default();
    (limits.max_batch_concurrency, limits.batch_wait_timeout) = (1, Duration::from_secs(10));
    let (begin, mut begun) = tokio::sync::mpsc::unbounded_channel();
    let take = move |(seconds,): (u64,)| {
        begin.send(seconds).unwrap();
        async move { sleep(Duration::from_secs(seconds)).await }
    };
    let server = builder().limits(limits).method("take", take).build();
    let start = Instant::now();
    let batch = r#"[{"jsonrpc":"2.0","method":"take","params":[9],"id":1},{"jsonrpc":"2.0","method":"take","params":[8],"id":2},
        {"jsonrpc":"2.0","method":"take","params":[7],"id":3},{"jsonrpc":"2.0","method":"take","params":[6]},
        5,{"jsonrpc":"2.0","method":"ping","id":6}]"#;
    let answer = dispatch(&server, batch).await;
    let late = |id| {
        let data = r#""the other entries of the batch took too long""#;
        format!(
            r#"{{"jsonrpc":"2.0","error":{{"code":-32092,"message":"Server overloaded","data":{data}}},"id":{id}}}"#
        )
    };
    let done = |id| format!(r#"{{"jsonrpc":"2.0","result":null,"id":{id}}}"#);
    let text = std::str::from_utf8(&answer.body).unwrap();
    assert!(text.starts_with(&format!("[{},{},{},{{", done(1), done(2), late(3))), "{text}");
    assert!(text.contains(r#""code":-32600"#) && text.ends_with(&format!(",{}]", late(6))), "{text}");
    assert_eq!(answer.headers.unwrap().get("rpc-refused").unwrap(), "2-5");
    assert_eq!(start.elapsed().as_secs(), 17);
    assert_eq!((begun.recv().await, begun.recv().await, begun.try_recv().is_err()), (Some(9), Some(8), true));
}
