//! Answers over the limit.

use std::sync::Arc;

use bytes::Bytes;
use rpc::{ErrorObject, Limits, RequestContext, Server};
use rpc_core::{AnswerStatus, Dispatch, ErrorCode};
use support::raw_http::{exchange, post};
use support::{PONG, serve};

use crate::robustness::server::{assert_alive, builder};

const LIMIT: usize = 1000;

fn limited() -> rpc::ServerBuilder {
    let mut limits = Limits::default();
    limits.max_response_bytes = LIMIT;
    builder()
        .limits(limits)
        .method("text", |(bytes,): (usize,)| async move { "x".repeat(bytes) })
        .method("late", |(bytes,): (usize,)| async move {
            tokio::task::yield_now().await;
            "x".repeat(bytes)
        })
        .try_method("fail", |(bytes,): (usize,)| async move { Err::<(), _>(ErrorObject::new(1, "x".repeat(bytes))) })
}

async fn answer(server: &Server, body: &str) -> (String, AnswerStatus) {
    let answer = server.dispatch(Bytes::copy_from_slice(body.as_bytes()), Arc::new(RequestContext::default())).await;
    (String::from_utf8(answer.body.to_vec()).unwrap(), answer.status)
}

fn call(method: &str, bytes: usize, id: u8) -> String {
    format!(r#"{{"jsonrpc":"2.0","method":"{method}","params":[{bytes}],"id":{id}}}"#)
}

fn text(bytes: usize, id: u8) -> String {
    format!(r#"{{"jsonrpc":"2.0","result":"{}","id":{id}}}"#, "x".repeat(bytes))
}

fn too_large(id: u8) -> String {
    format!(r#"{{"jsonrpc":"2.0","error":{{"code":-32091,"message":"Response too large"}},"id":{id}}}"#)
}

const TOO_LARGE: AnswerStatus = AnswerStatus::Error(ErrorCode::RESPONSE_TOO_LARGE);

#[tokio::test]
async fn a_single_answer_is_taken_up_to_the_limit_and_replaced_beyond() {
    let server = limited().build();
    let room = LIMIT - text(0, 1).len();
    assert_eq!(answer(&server, &call("text", room, 1)).await, (text(room, 1), AnswerStatus::Success));
    assert_eq!(answer(&server, &call("text", room + 1, 1)).await, (too_large(1), TOO_LARGE));
    assert_eq!(answer(&server, &call("text", 50_000_000, 1)).await, (too_large(1), TOO_LARGE));
    assert_eq!(answer(&server, &call("fail", LIMIT, 1)).await, (too_large(1), TOO_LARGE));
}

#[tokio::test]
async fn a_notification_whose_result_would_be_too_large_is_like_any_other() {
    let notification = r#"{"jsonrpc":"2.0","method":"text","params":[5000]}"#;
    assert_eq!(answer(&limited().build(), notification).await, (String::new(), AnswerStatus::Success));
}

#[tokio::test]
async fn in_a_batch_only_the_answers_that_do_not_fit_are_replaced() {
    let server = limited().build();
    // The result is the same whether or not an entry waits for its answer.
    for text_of in ["text", "late"] {
        let batch = [call(text_of, 300, 1), call(text_of, 5000, 2), call("fail", 5000, 3), call(text_of, 100, 4)];
        let expected = [text(300, 1), too_large(2), too_large(3), text(100, 4)].join(",");
        let answered = answer(&server, &format!("[{}]", batch.join(","))).await;
        assert_eq!(answered, (format!("[{expected}]"), AnswerStatus::Batch { failures: 2 }));
    }
}

#[tokio::test]
async fn a_batch_of_just_the_limit_fits() {
    let server = limited().build();
    let room = LIMIT - format!("[{},{}]", text(400, 1), text(0, 2)).len();
    for last_of in ["text", "late"] {
        let batch = |last| format!("[{},{}]", call("text", 400, 1), call(last_of, last, 2));
        let answered = answer(&server, &batch(room)).await;
        assert_eq!(answered, (format!("[{},{}]", text(400, 1), text(room, 2)), AnswerStatus::Batch { failures: 0 }));
        let answered = answer(&server, &batch(room + 1)).await;
        assert_eq!(answered, (format!("[{},{}]", text(400, 1), too_large(2)), AnswerStatus::Batch { failures: 1 }));
    }
}

#[tokio::test]
async fn over_http_an_answer_that_is_too_large_has_status_200_and_its_code() {
    let addr = serve(&limited().build()).await;
    let reply = exchange(addr, &post(call("text", 5000, 1))).await;
    assert_eq!((reply.status, reply.header("rpc-status"), reply.text()), (200, Some("-32091"), &*too_large(1)));
    let batch = format!("[{},{}]", call("text", 5000, 2), r#"{"jsonrpc":"2.0","method":"ping","id":1}"#);
    let reply = exchange(addr, &post(batch)).await;
    assert_eq!((reply.status, reply.header("rpc-status")), (200, Some("1")));
    assert_eq!(reply.text(), format!("[{},{PONG}]", too_large(2)));
    assert_alive(addr).await;
}
