//! More than the server takes on: calls in flight.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use rpc::{Limits, RequestContext, ServerBuilder};
use rpc_core::{AnswerStatus, Dispatch};
use tokio::sync::{Semaphore, mpsc};

use crate::raw_http::{Connection, exchange, post, request};
use crate::server::{PING, assert_alive, builder, serve};

const WAIT: &str = r#"{"jsonrpc":"2.0","method":"wait","id":"w"}"#;
const WAITED: &str = r#"{"jsonrpc":"2.0","result":null,"id":"w"}"#;

/// Has a method that says when it has begun and then waits at a gate.
struct Gated {
    begun: mpsc::UnboundedReceiver<()>,
    gate: Arc<Semaphore>,
    builder: ServerBuilder,
}

fn gated(max_calls_in_flight: usize) -> Gated {
    let (begin, begun) = mpsc::unbounded_channel();
    let gate = Arc::new(Semaphore::new(0));
    let door = Arc::clone(&gate);
    let mut limits = Limits::default();
    limits.max_calls_in_flight = max_calls_in_flight;
    let builder = builder().limits(limits).method("wait", move || {
        let door = Arc::clone(&door);
        begin.send(()).unwrap();
        async move { door.acquire().await.unwrap().forget() }
    });
    Gated { begun, gate, builder }
}

async fn assert_overloaded(addr: SocketAddr, body: &str, id: &str) {
    let reply = exchange(addr, &post(body.as_bytes())).await;
    assert_eq!((reply.status, reply.header("retry-after")), (503, Some("1")), "{body}");
    assert_eq!(reply.header("rpc-status"), Some("-32092"), "{body}");
    let answer = format!(r#"{{"jsonrpc":"2.0","error":{{"code":-32092,"message":"Server overloaded"}},"id":{id}}}"#);
    assert_eq!(reply.text(), answer, "{body}");
}

#[tokio::test]
async fn a_call_beyond_those_in_flight_is_refused_until_there_is_room_again() {
    let Gated { mut begun, gate, builder } = gated(1);
    let addr = serve(builder).await;
    let mut waiting = Connection::open(addr).await;
    waiting.send(&post(WAIT.as_bytes())).await;
    begun.recv().await.unwrap();

    assert_overloaded(addr, PING, "1").await;
    assert_overloaded(addr, &format!("[{PING}]"), "null").await;
    assert_overloaded(addr, r#"{"jsonrpc":"2.0","method":"ping"}"#, "null").await;

    gate.add_permits(1);
    assert_eq!(waiting.reply().await.text(), WAITED);
    assert_alive(addr).await;
}

/// Sends the head of a call whose body does not come, and returns the answer's status, code and interim answers.
async fn ask_without_body(addr: SocketAddr, more: (&str, &str)) -> (u16, String, Vec<u16>) {
    let headers = [("host", "a"), ("content-type", "application/json"), ("content-length", "100"), more];
    let reply = exchange(addr, &request("POST / HTTP/1.1", &headers, b"")).await;
    (reply.status, reply.header("rpc-status").unwrap().to_owned(), reply.interim)
}

#[tokio::test]
async fn without_room_no_body_is_waited_for_and_none_is_asked_for() {
    let Gated { mut begun, gate, builder } = gated(1);
    let mut limits = Limits::default();
    limits.max_calls_in_flight = 1;
    limits.body_progress_timeout = Duration::from_millis(100);
    let addr = serve(builder.limits(limits)).await;
    let timed_out = |interim: &[u16]| (408, "-32094".to_owned(), interim.to_vec());
    let shed = (503, "-32092".to_owned(), vec![]);
    let (expects, keys) = (("expect", "100-continue"), ("idempotency-key", r#""a""#));
    assert_eq!(ask_without_body(addr, expects).await, timed_out(&[100]));

    let mut waiting = Connection::open(addr).await;
    waiting.send(&post(WAIT.as_bytes())).await;
    begun.recv().await.unwrap();
    assert_eq!(ask_without_body(addr, expects).await, shed);
    assert_eq!(ask_without_body(addr, ("x", "y")).await, shed);
    // There may be an answer already.
    assert_eq!(ask_without_body(addr, keys).await, timed_out(&[]));

    gate.add_permits(1);
    assert_eq!(waiting.reply().await.text(), WAITED);
    assert_eq!(ask_without_body(addr, ("x", "y")).await, timed_out(&[]));
}

#[tokio::test]
async fn a_client_that_goes_away_gives_its_room_back() {
    let Gated { mut begun, gate, builder } = gated(1);
    let addr = serve(builder).await;
    let mut waiting = Connection::open(addr).await;
    waiting.send(&post(WAIT.as_bytes())).await;
    begun.recv().await.unwrap();
    drop(waiting);

    // The server learns of it a little later, and until then it refuses.
    gate.add_permits(1);
    let mut connection = Connection::open(addr).await;
    for _ in 0..1000 {
        connection.send(&post(PING.as_bytes())).await;
        if connection.reply().await.status == 200 {
            return;
        }
    }
    panic!("the room of a client that went away was not given back");
}

#[tokio::test]
async fn a_batch_that_is_wider_than_what_may_be_in_flight_runs_a_part_at_a_time() {
    let server = gated(2).builder.build();
    let batch = format!("[{PING},{PING},{PING}]");
    let answer = server.dispatch(Bytes::from(batch), Arc::new(RequestContext::default())).await;
    assert_eq!(answer.status, AnswerStatus::Batch { failures: 0 });
}
