//! Section 4.1: notifications, which run and are not answered.

use std::sync::Arc;

use bytes::Bytes;
use rpc::{ErrorObject, RequestContext, Server};
use rpc_core::{AnswerStatus, Dispatch};
use support::raw_http::{exchange, post};
use support::serve;
use tokio::sync::mpsc;

use crate::conformance::row::{Row, exactly, nothing, row, run};

const ROWS: &[Row] = &[
    row("4.1", "that succeeds", r#"{"jsonrpc":"2.0","method":"sum","params":[1,2]}"#, nothing()),
    row("4.1", "of an unknown method", r#"{"jsonrpc":"2.0","method":"nowhere"}"#, nothing()),
    row("4.1", "with params that do not fit", r#"{"jsonrpc":"2.0","method":"sum","params":["x"]}"#, nothing()),
    row("4.1", "that fails", r#"{"jsonrpc":"2.0","method":"divide","params":[1,0]}"#, nothing()),
    row("4.1", "that cannot be serialized", r#"{"jsonrpc":"2.0","method":"unserializable"}"#, nothing()),
    row("4.1", "in a batch of its own", r#"[{"jsonrpc":"2.0","method":"ping"}]"#, nothing()),
    row(
        "4.1",
        "that fail, in a batch",
        r#"[{"jsonrpc":"2.0","method":"nowhere"},{"jsonrpc":"2.0","method":"panic_async"},{"jsonrpc":"2.0","method":"divide","params":[1,0]}]"#,
        nothing(),
    ),
    row(
        "6",
        "beside a call",
        r#"[{"jsonrpc":"2.0","method":"nowhere"},{"jsonrpc":"2.0","method":"ping","id":1},{"jsonrpc":"2.0","method":"ping"}]"#,
        exactly(r#"[{"jsonrpc":"2.0","result":"pong","id":1}]"#),
    ),
];

#[tokio::test]
async fn notifications_are_never_answered() {
    run(ROWS).await;
}

fn recording() -> (Server, mpsc::UnboundedReceiver<u8>) {
    let (seen, record) = mpsc::unbounded_channel();
    let server = Server::builder().try_method("see", move |(what,): (u8,)| {
        let seen = seen.clone();
        async move {
            seen.send(what).unwrap();
            Err::<(), _>(ErrorObject::new(1, "a notification's error is nobody's"))
        }
    });
    (server.build(), record)
}

const SEE: [&str; 2] = [
    r#"{"jsonrpc":"2.0","method":"see","params":[1]}"#,
    r#"[{"jsonrpc":"2.0","method":"see","params":[2]},{"jsonrpc":"2.0","method":"see","params":[3]}]"#,
];

#[tokio::test]
async fn notifications_have_run_when_they_are_acknowledged() {
    let (server, mut record) = recording();
    for request in SEE {
        let answer = server.dispatch(Bytes::from(request), Arc::new(RequestContext::default())).await;
        assert!(matches!(answer.status, AnswerStatus::Success | AnswerStatus::Batch { failures: 0 }), "{answer:?}");
        assert!(answer.body.is_empty());
    }
    assert_eq!([1, 2, 3].map(|_| record.try_recv()), [Ok(1), Ok(2), Ok(3)]);
}

#[tokio::test]
async fn notifications_have_run_when_http_answers() {
    let (server, mut record) = recording();
    let addr = serve(&server).await;
    for request in SEE {
        let reply = exchange(addr, &post(request)).await;
        assert_eq!((reply.status, reply.header("rpc-status")), (200, Some("0")));
        assert_eq!((reply.header("content-length"), reply.header("content-type")), (Some("0"), None));
    }
    assert_eq!([1, 2, 3].map(|_| record.try_recv()), [Ok(1), Ok(2), Ok(3)]);
}
