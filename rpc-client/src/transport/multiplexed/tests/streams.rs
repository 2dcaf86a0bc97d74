//! Streams over `rpc.v1`: acceptance, items, credit, cancellation and ends.

use rpc_core::SessionProtocol::RpcV1;

use super::super::PipeEnd;
use super::super::stream_buffer::WINDOW;
use super::fake::{Fake, Peer, answer, call, next, now, settle, stream_call, text};
use crate::transport::ReplyBody;

const ACCEPTED: &str = r#"{"jsonrpc":"2.0","method":"rpc.accepted","params":{"subscription":7},"rpc":{"x-a":"1"}}"#;
const CANCEL: &str = r#"{"jsonrpc":"2.0","method":"rpc.cancel","params":{"id":7}}"#;

fn item(result: &str) -> String {
    format!(r#"{{"jsonrpc":"2.0","method":"a","params":{{"subscription":7,"result":{result}}}}}"#)
}

/// Opens the stream with id 7.
async fn open() -> (Fake, Peer, ReplyBody) {
    let mut fake = Fake::new(RpcV1);
    let opened = fake.send(stream_call(7));
    let mut peer = fake.peer().await;
    peer.read().await;
    peer.write(ACCEPTED);
    let reply = opened.await.unwrap().unwrap();
    assert_eq!(
        (&reply.headers["content-type"], &reply.headers["x-a"]),
        (&"text/event-stream".parse().unwrap(), &"1".parse().unwrap())
    );
    (fake, peer, reply.body)
}

#[tokio::test]
async fn stream_is_its_items_and_then_its_answer() {
    let (fake, mut peer, mut stream) = open().await;
    assert!(now(next(&mut stream)).is_none(), "no item has come");
    for message in [item("1"), item("2"), answer(7, "null")] {
        peer.write(message.clone());
        assert_eq!(next(&mut stream).await.unwrap().unwrap(), message);
    }
    assert!(next(&mut stream).await.is_none());
    drop(stream);
    settle().await;
    assert!(peer.is_silent(), "a stream that has ended is not cancelled");
    // Its id is free.
    let call = fake.send(call(7));
    peer.read().await;
    peer.write(answer(7, "1"));
    assert_eq!(text(call.await.unwrap().unwrap()).await, answer(7, "1"));
}

#[tokio::test]
async fn stream_call_that_is_answered_is_an_ordinary_call() {
    let mut fake = Fake::new(RpcV1);
    let refused = fake.send(stream_call(7));
    let mut peer = fake.peer().await;
    peer.read().await;
    let error = r#"{"jsonrpc":"2.0","error":{"code":7,"message":"m"},"id":7}"#;
    peer.write(error);
    let reply = refused.await.unwrap().unwrap();
    assert!(!reply.headers.contains_key("content-type"));
    assert_eq!(text(reply).await, error);
}

#[tokio::test]
async fn dropped_stream_is_cancelled_and_its_last_items_reach_nobody() {
    let (fake, mut peer, stream) = open().await;
    drop(stream);
    assert_eq!(peer.read().await, CANCEL);
    peer.write(item("1"));
    peer.write(r#"{"jsonrpc":"2.0","error":{"code":-32089,"message":"m"},"id":7}"#);
    settle().await;
    let again = fake.send(stream_call(7));
    assert!(peer.read().await.contains("\"id\":7"), "the id is free after the answer");
    again.abort();
}

#[tokio::test]
async fn stream_whose_caller_leaves_before_the_acceptance_is_cancelled() {
    let mut fake = Fake::new(RpcV1);
    let opened = fake.send(stream_call(7));
    let mut peer = fake.peer().await;
    peer.read().await;
    opened.abort();
    assert_eq!(peer.read().await, CANCEL);
    peer.write(ACCEPTED);
    peer.write(item("1"));
    settle().await;
    assert!(peer.is_silent());
}

#[tokio::test]
async fn credit_goes_back_as_the_items_are_read() {
    let (_fake, mut peer, mut stream) = open().await;
    let large = item(&format!("\"{}\"", "x".repeat(WINDOW / 4)));
    for _ in 0..3 {
        peer.write(large.clone());
    }
    settle().await;
    next(&mut stream).await.unwrap().unwrap();
    settle().await;
    assert!(peer.is_silent(), "less than half of the window was read");
    next(&mut stream).await.unwrap().unwrap();
    let bytes = 2 * large.len();
    let credit = format!(r#"{{"jsonrpc":"2.0","method":"rpc.credit","params":{{"subscription":7,"bytes":{bytes}}}}}"#);
    assert_eq!(peer.read().await, credit);
}

#[tokio::test]
async fn unread_stream_delays_no_call() {
    let (fake, mut peer, stream) = open().await;
    let large = item(&format!("\"{}\"", "x".repeat(WINDOW)));
    peer.write(large);
    let call = fake.send(call(1));
    peer.read().await;
    peer.write(answer(1, "1"));
    assert_eq!(text(call.await.unwrap().unwrap()).await, answer(1, "1"));
    drop(stream);
}

#[tokio::test]
async fn server_that_ignores_credit_loses_its_stream() {
    let (_fake, mut peer, mut stream) = open().await;
    let large = item(&format!("\"{}\"", "x".repeat(WINDOW)));
    for _ in 0..3 {
        peer.write(large.clone());
    }
    assert_eq!(peer.read().await, CANCEL);
    for _ in 0..2 {
        assert!(next(&mut stream).await.unwrap().is_ok());
    }
    let failure = next(&mut stream).await.unwrap().unwrap_err();
    assert!(failure.to_string().contains("more of a stream than it had credit for"), "{failure}");
    assert!(next(&mut stream).await.is_none());
}

#[tokio::test]
async fn stream_is_cut_with_its_connection_behind_the_items_that_came() {
    let (_fake, peer, mut stream) = open().await;
    peer.write(item("1"));
    peer.end(PipeEnd::Closed(None));
    assert!(next(&mut stream).await.unwrap().is_ok());
    assert!(next(&mut stream).await.unwrap().unwrap_err().is_transport());
    assert!(next(&mut stream).await.is_none());
}

#[tokio::test]
async fn plain_call_of_a_stream_fails_and_is_cancelled() {
    let mut fake = Fake::new(RpcV1);
    let plain = fake.send(call(7));
    let mut peer = fake.peer().await;
    peer.read().await;
    peer.write(ACCEPTED);
    let failure = plain.await.unwrap().unwrap_err();
    assert!(failure.is_protocol() && failure.to_string().contains("only a stream call"), "{failure}");
    assert_eq!(peer.read().await, CANCEL);
}

#[tokio::test]
async fn stream_keeps_its_connection_after_the_client_is_gone() {
    let (fake, mut peer, mut stream) = open().await;
    drop(fake);
    peer.write(item("1"));
    assert_eq!(next(&mut stream).await.unwrap().unwrap(), item("1"));
    drop(stream);
    assert_eq!(peer.read().await, CANCEL);
    assert!(peer.is_closed().await);
}
