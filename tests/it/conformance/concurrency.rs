//! The entries of a batch run concurrently, up to a limit, and their answers are in the order of the requests.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use bytes::Bytes;
use futures_util::FutureExt;
use rpc::{Limits, RequestContext, Server};
use rpc_core::{Answer, BoxFuture, Dispatch};
use support::raw_http::{Connection, TEST_TIMEOUT, post};
use support::serve;
use tokio::sync::{Semaphore, watch};
use tokio::time::timeout;

use crate::conformance::server;

const IN_REVERSE: &str = r#"[
    {"jsonrpc":"2.0","method":"turn","params":[3],"id":"a"},
    {"jsonrpc":"2.0","method":"turn","params":[2],"id":"b"},
    {"jsonrpc":"2.0","method":"turn","params":[1]},
    {"jsonrpc":"2.0","method":"turn","params":[0],"id":"d"},
    {"jsonrpc":"2.0","method":"nowhere","id":"e"}
]"#;

const IN_ORDER: &str = concat!(
    r#"[{"jsonrpc":"2.0","result":3,"id":"a"},"#,
    r#"{"jsonrpc":"2.0","result":2,"id":"b"},"#,
    r#"{"jsonrpc":"2.0","result":0,"id":"d"},"#,
    r#"{"jsonrpc":"2.0","error":{"code":-32601,"message":"Method not found"},"id":"e"}]"#,
);

/// Returns a server with a method whose calls end in turn, each only after the one before.
fn taking_turns() -> Server {
    let turn = watch::Sender::new(0_u32);
    Server::builder()
        .method("turn", move |(mine,): (u32,)| {
            let turn = turn.clone();
            async move {
                turn.subscribe().wait_for(|turn| *turn == mine).await.unwrap();
                turn.send_replace(mine + 1);
                mine
            }
        })
        .build()
}

fn dispatch(server: &Server, body: &str) -> BoxFuture<Answer> {
    server.dispatch(Bytes::copy_from_slice(body.as_bytes()), Arc::new(RequestContext::default()))
}

#[tokio::test]
async fn answers_keep_request_order_though_entries_finish_in_another() {
    let answer = timeout(TEST_TIMEOUT, dispatch(&taking_turns(), IN_REVERSE)).await.expect("entries run concurrently");
    assert_eq!(answer.body, IN_ORDER);
}

#[tokio::test]
async fn answers_keep_request_order_over_http() {
    for face in 0..2 {
        let (path, addr) = server::serve_both(&taking_turns()).await[face];
        let mut connection = Connection::open(addr).await;
        connection.send(&post(IN_REVERSE)).await;
        let reply = connection.reply().await;
        assert_eq!((reply.text(), reply.header("rpc-status")), (IN_ORDER, Some("1")), "{path}");
    }
}

#[tokio::test]
async fn a_batch_runs_as_many_entries_at_a_time_as_the_cap_says() {
    let started = Arc::new(AtomicUsize::new(0));
    let gate = Arc::new(Semaphore::new(0));
    let mut limits = Limits::default();
    limits.max_batch_concurrency = 2;
    let (counter, door) = (Arc::clone(&started), Arc::clone(&gate));
    let server = Server::builder().limits(limits).method("wait", move || {
        let door = Arc::clone(&door);
        counter.fetch_add(1, Ordering::Relaxed);
        async move { door.acquire().await.unwrap().forget() }
    });
    let entries: Vec<String> = (1..=5).map(|id| format!(r#"{{"jsonrpc":"2.0","method":"wait","id":{id}}}"#)).collect();
    let mut answer = dispatch(&server.build(), &format!("[{}]", entries.join(",")));

    // Only this task polls the batch, so there is no race between polls.
    for done in 0..4 {
        assert!((&mut answer).now_or_never().is_none());
        assert_eq!(started.load(Ordering::Relaxed), (done + 2).min(5));
        gate.add_permits(1);
    }
    gate.add_permits(1);
    let answers: Vec<String> = (1..=5).map(|id| format!(r#"{{"jsonrpc":"2.0","result":null,"id":{id}}}"#)).collect();
    assert_eq!(answer.await.body, format!("[{}]", answers.join(",")));
}

#[tokio::test]
async fn single_calls_on_two_connections_run_concurrently() {
    let addr = serve(&taking_turns()).await;
    let (mut first, mut second) = (Connection::open(addr).await, Connection::open(addr).await);
    first.send(&post(r#"{"jsonrpc":"2.0","method":"turn","params":[1],"id":1}"#)).await;
    second.send(&post(r#"{"jsonrpc":"2.0","method":"turn","params":[0],"id":0}"#)).await;
    assert_eq!(second.reply().await.text(), r#"{"jsonrpc":"2.0","result":0,"id":0}"#);
    assert_eq!(first.reply().await.text(), r#"{"jsonrpc":"2.0","result":1,"id":1}"#);
}
