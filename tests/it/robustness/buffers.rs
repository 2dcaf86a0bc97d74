//! More bytes than the server may hold, in requests and answers on all connections.

use std::net::SocketAddr;
use std::sync::Arc;

use rpc::Limits;
use support::raw_http::{Connection, Reply, TEST_TIMEOUT, exchange, post, request};
use support::{PING, PONG, serve};
use tokio::sync::{Semaphore, mpsc};

use crate::robustness::server::{assert_alive, builder, serve_with};

const BUDGET: usize = 10_000;

/// Repeats a request until the answer has this status. The server notices events on other connections some time later.
async fn ask_until(addr: SocketAddr, body: &str, status: u16) -> Reply {
    let asked = tokio::time::timeout(TEST_TIMEOUT, async {
        loop {
            let reply = exchange(addr, &post(body)).await;
            if reply.status == status {
                return reply;
            }
            tokio::task::yield_now().await;
        }
    });
    asked.await.unwrap_or_else(|_| panic!("there never was an answer with {status}"))
}

fn assert_refused(reply: &Reply) {
    assert_eq!((reply.status, reply.header("retry-after")), (503, Some("1")));
    assert_eq!(reply.header("rpc-status"), Some("-32092"));
    let answer = r#"{"jsonrpc":"2.0","error":{"code":-32092,"message":"Server overloaded"},"id":null}"#;
    assert_eq!(reply.text(), answer);
}

/// Sends all but the last byte of a call of this size.
async fn hold(addr: SocketAddr, bytes: usize) -> Connection {
    let body = format!("{PING:<bytes$}");
    let whole = post(body);
    let mut holder = Connection::open(addr).await;
    holder.send(&whole[..whole.len() - 1]).await;
    holder
}

#[tokio::test]
async fn a_body_that_is_held_refuses_others_until_its_client_goes_away() {
    let addr = serve_with(|limits| limits.max_buffered_bytes = BUDGET).await;
    let holder = hold(addr, BUDGET).await;
    assert_refused(&ask_until(addr, PING, 503).await);
    drop(holder);
    assert_eq!(ask_until(addr, PING, 200).await.text(), PONG);
    // The server has released all of it.
    let whole = format!("{PING:<BUDGET$}");
    assert_eq!(exchange(addr, &post(whole)).await.text(), PONG);
}

#[tokio::test]
async fn a_body_that_is_held_refuses_others_until_it_is_complete_and_answered() {
    let addr = serve_with(|limits| limits.max_buffered_bytes = BUDGET).await;
    let mut holder = hold(addr, BUDGET).await;
    assert_refused(&ask_until(addr, PING, 503).await);
    holder.send(b" ").await;
    assert_eq!(holder.reply().await.text(), PONG);
    assert_alive(addr).await;
}

#[tokio::test]
async fn a_body_beyond_the_budget_is_too_large_and_its_bytes_are_given_back() {
    let addr = serve_with(|limits| limits.max_buffered_bytes = BUDGET).await;
    // There would never be room for it, so the answer does not suggest a retry.
    let assert_too_large = |reply: &Reply| {
        assert_eq!((reply.status, reply.header("rpc-status")), (413, Some("-32090")));
        assert_eq!(reply.header("retry-after"), None);
    };
    for _ in 0..3 {
        assert_too_large(&exchange(addr, &post(vec![b' '; BUDGET + 1])).await);
        let chunks = format!("{:x}\r\n{}\r\n0\r\n\r\n", BUDGET + 1, " ".repeat(BUDGET + 1));
        let headers = [("host", "a"), ("content-type", "application/json"), ("transfer-encoding", "chunked")];
        assert_too_large(&exchange(addr, &request("POST / HTTP/1.1", &headers, chunks.as_bytes())).await);
        assert_alive(addr).await;
    }
}

#[tokio::test]
async fn an_answer_that_is_not_read_refuses_others_that_are_large_until_its_client_goes_away() {
    let mut limits = Limits::default();
    // Exactly as much as the answer needs.
    limits.max_buffered_bytes = (64 << 20) + r#"{"jsonrpc":"2.0","result":"","id":1}"#.len();
    limits.max_response_bytes = usize::MAX;
    // More than the sockets in between can buffer.
    let large = || async { "x".repeat(64 << 20) };
    let addr = serve(&builder().limits(limits).method("large", large).build()).await;
    let mut deaf = Connection::open(addr).await;
    deaf.send(&post(r#"{"jsonrpc":"2.0","method":"large","id":1}"#)).await;
    assert!(deaf.sees(b"HTTP/1.1 200 OK").await);
    let large = format!("{PING:<20000}");
    for _ in 0..3 {
        assert_refused(&exchange(addr, &post(&large)).await);
        // Small requests have a reserve.
        assert_alive(addr).await;
    }
    drop(deaf);
    assert_eq!(ask_until(addr, &large, 200).await.text(), PONG);
}

#[tokio::test]
async fn an_answer_for_which_there_is_no_room_is_withheld_with_an_error_that_says_so() {
    let mut limits = Limits::default();
    limits.max_buffered_bytes = 100_000;
    let addr = serve(&builder().limits(limits).method("large", || async { "x".repeat(200_000) }).build()).await;
    let large = |id| format!(r#"{{"jsonrpc":"2.0","method":"large","id":{id}}}"#);
    let withheld = |id| {
        let data = r#""the server has no room to hold it at the moment""#;
        let error = format!(r#"{{"code":-32091,"message":"Response too large","data":{data}}}"#);
        format!(r#"{{"jsonrpc":"2.0","error":{error},"id":{id}}}"#)
    };
    let reply = exchange(addr, &post(large(1))).await;
    assert_eq!((reply.status, reply.header("rpc-status")), (200, Some("-32091")));
    assert_eq!(reply.text(), withheld(1));
    let notification = r#"{"jsonrpc":"2.0","method":"large"}"#;
    let batch = format!("[{},{notification},{PING},{}]", large(2), large(3));
    let reply = exchange(addr, &post(batch)).await;
    assert_eq!((reply.status, reply.header("rpc-status")), (200, Some("2")));
    assert_eq!(reply.text(), format!("[{},{PONG},{}]", withheld(2), withheld(3)));
    assert_alive(addr).await;
}

#[tokio::test]
async fn the_answers_of_a_batch_count_while_it_runs() {
    let mut limits = Limits::default();
    limits.max_buffered_bytes = 100_000;
    let (begin, mut begun) = mpsc::unbounded_channel();
    let gate = Arc::new(Semaphore::new(0));
    let door = Arc::clone(&gate);
    let wait = move || {
        let (begin, door) = (begin.clone(), Arc::clone(&door));
        async move {
            begin.send(()).unwrap();
            door.acquire().await.unwrap().forget();
        }
    };
    let addr = serve(
        &builder()
            .limits(limits)
            .method("large", || async { "x".repeat(30_000) })
            .method("late", || async {
                tokio::task::yield_now().await;
                "x".repeat(30_000)
            })
            .method("wait", wait)
            .build(),
    )
    .await;
    let call = |method, id| format!(r#"{{"jsonrpc":"2.0","method":"{method}","id":{id}}}"#);
    let whole = |id| format!(r#"{{"jsonrpc":"2.0","result":"{}","id":{id}}}"#, "x".repeat(30_000));
    let withheld = |id| {
        let data = r#""the server has no room to hold it at the moment""#;
        let error = format!(r#"{{"code":-32091,"message":"Response too large","data":{data}}}"#);
        format!(r#"{{"jsonrpc":"2.0","error":{error},"id":{id}}}"#)
    };
    let mut batches = Vec::new();
    for method in ["large", "late"] {
        // The last entries end after all entries that have an answer.
        let batch = format!("[{},{},{},{}]", call(method, 1), call("wait", 2), call("large", 3), call("wait", 4));
        let mut connection = Connection::open(addr).await;
        connection.send(&post(batch)).await;
        begun.recv().await.unwrap();
        begun.recv().await.unwrap();
        batches.push(connection);
    }
    // Each batch holds 64 KiB, or what was left. There is room for small requests, but not for large ones.
    assert_alive(addr).await;
    assert_refused(&exchange(addr, &post(format!("{PING:<40000}"))).await);
    gate.add_permits(4);
    let waited = |id| format!(r#"{{"jsonrpc":"2.0","result":null,"id":{id}}}"#);
    let all = |one: String, three: String| format!("[{one},{},{three},{}]", waited(2), waited(4));
    assert_eq!(batches[0].reply().await.text(), all(whole(1), whole(3)));
    let second = batches[1].reply().await;
    let answers = [all(whole(1), withheld(3)), all(withheld(1), whole(3)), all(withheld(1), withheld(3))];
    assert!(answers.iter().any(|answer| answer == second.text()), "{}", second.text().replace("xxxx", ""));
    // All of it has been released.
    let large = format!("{PING:<60000}");
    assert_eq!(ask_until(addr, &large, 200).await.text(), PONG);
}
