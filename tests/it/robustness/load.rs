//! More calls in flight than the server allows.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use rpc::{Limits, RequestContext, ServerBuilder};
use rpc_core::{AnswerStatus, Dispatch};
use support::frames::{DATA, POST, RST_STREAM};
use support::raw_http::{Connection, exchange, post, request};
use support::{PING, serve};
use tokio::sync::{Semaphore, mpsc};

use crate::robustness::http2;
use crate::robustness::server::{assert_alive, builder};

const WAIT: &str = r#"{"jsonrpc":"2.0","method":"wait","id":"w"}"#;
const WAITED: &str = r#"{"jsonrpc":"2.0","result":null,"id":"w"}"#;

/// A server with a method that notifies when it has begun, and then waits at a gate.
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
    let reply = exchange(addr, &post(body)).await;
    assert_eq!((reply.status, reply.header("retry-after")), (503, Some("1")), "{body}");
    assert_eq!(reply.header("rpc-status"), Some("-32092"), "{body}");
    let answer = format!(r#"{{"jsonrpc":"2.0","error":{{"code":-32092,"message":"Server overloaded"}},"id":{id}}}"#);
    assert_eq!(reply.text(), answer, "{body}");
}

#[tokio::test]
async fn a_call_beyond_those_in_flight_is_refused_until_there_is_room_again() {
    let Gated { mut begun, gate, builder } = gated(1);
    let addr = serve(&builder.build()).await;
    let mut waiting = Connection::open(addr).await;
    waiting.send(&post(WAIT)).await;
    begun.recv().await.unwrap();

    assert_overloaded(addr, PING, "1").await;
    assert_overloaded(addr, &format!("[{PING}]"), "null").await;
    assert_overloaded(addr, r#"{"jsonrpc":"2.0","method":"ping"}"#, "null").await;

    gate.add_permits(1);
    assert_eq!(waiting.reply().await.text(), WAITED);
    assert_alive(addr).await;
}

/// Sends the head of a call without its body. Returns the answer's status, code and interim answers.
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
    let addr = serve(&builder.limits(limits).build()).await;
    let timed_out = |interim: &[u16]| (408, "-32094".to_owned(), interim.to_vec());
    let shed = (503, "-32092".to_owned(), vec![]);
    let (expects, keys) = (("expect", "100-continue"), ("idempotency-key", r#""a""#));
    assert_eq!(ask_without_body(addr, expects).await, timed_out(&[100]));

    let mut waiting = Connection::open(addr).await;
    waiting.send(&post(WAIT)).await;
    begun.recv().await.unwrap();
    assert_eq!(ask_without_body(addr, expects).await, shed);
    assert_eq!(ask_without_body(addr, ("x", "y")).await, shed);
    // The store may already have an answer to this call, so the server reads its body.
    assert_eq!(ask_without_body(addr, keys).await, timed_out(&[]));

    gate.add_permits(1);
    assert_eq!(waiting.reply().await.text(), WAITED);
    assert_eq!(ask_without_body(addr, ("x", "y")).await, timed_out(&[]));
}

#[tokio::test]
async fn a_client_that_goes_away_gives_its_room_back() {
    let Gated { mut begun, gate, builder } = gated(1);
    let addr = serve(&builder.build()).await;
    let mut waiting = Connection::open(addr).await;
    waiting.send(&post(WAIT)).await;
    begun.recv().await.unwrap();
    drop(waiting);

    // The server notices some time later, and refuses calls until then.
    gate.add_permits(1);
    let mut connection = Connection::open(addr).await;
    for _ in 0..1000 {
        connection.send(&post(PING)).await;
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

#[tokio::test]
async fn calls_of_a_batch_that_are_done_make_room_while_others_wait() {
    let Gated { mut begun, gate, builder } = gated(8);
    let addr = serve(&builder.build()).await;
    let mut waiting = Connection::open(addr).await;
    // A connection may have half of the calls in flight, and this batch takes that many.
    waiting.send(&post(format!("[{PING},{WAIT},{PING},{PING}]"))).await;
    begun.recv().await.unwrap();
    let mut others = Vec::new();
    for _ in 0..7 {
        let mut other = Connection::open(addr).await;
        other.send(&post(WAIT)).await;
        begun.recv().await.unwrap();
        others.push(other);
    }
    assert_overloaded(addr, PING, "1").await;
    gate.add_permits(8);
    let pong = r#"{"jsonrpc":"2.0","result":"pong","id":1}"#;
    assert_eq!(waiting.reply().await.text(), format!("[{pong},{WAITED},{pong},{pong}]"));
    for mut other in others {
        assert_eq!(other.reply().await.text(), WAITED);
    }
    assert_alive(addr).await;
}

#[tokio::test]
async fn calls_that_go_on_without_their_connection_count_in_its_share_and_leave_room_to_others() {
    let Gated { mut begun, gate, builder } = gated(8);
    let addr = serve(&builder.build()).await;
    let mut frames = http2::connect(addr).await;
    let cancel = 8_u32.to_be_bytes();
    for stream in [1, 3, 5, 7] {
        frames.post(stream, POST, WAIT).await;
        begun.recv().await.unwrap();
        frames.write(RST_STREAM, 0, stream, &cancel).await;
    }
    frames.post(9, POST, WAIT).await;
    let refused = frames.until(DATA).await;
    let data = r#""the connection has too many calls in flight""#;
    let error = format!(r#"{{"code":-32092,"message":"Server overloaded","data":{data}}}"#);
    let refusal = format!(r#"{{"jsonrpc":"2.0","error":{error},"id":"w"}}"#);
    assert_eq!((refused.stream, String::from_utf8(refused.payload).unwrap()), (9, refusal));
    assert!(begun.try_recv().is_err(), "what is refused does not run");
    assert_alive(addr).await;

    gate.add_permits(4);
    // The calls end some time later.
    for stream in (11..2000).step_by(2) {
        frames.post(stream, POST, PING).await;
        let answer = String::from_utf8(frames.until(DATA).await.payload).unwrap();
        if answer.contains("pong") {
            return;
        }
    }
    panic!("calls that have ended give nothing back");
}
