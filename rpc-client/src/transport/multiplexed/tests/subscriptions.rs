//! Streams as subscriptions of the older form, as other servers have them.

use std::sync::Arc;

use rpc_core::SessionProtocol::Subscriptions;

use super::super::PipeEnd;
use super::super::stream_buffer::MAX_UNREAD;
use super::fake::{Fake, Peer, answer, next, settle, stream_call, text};
use crate::transport::{ReplyBody, Request, SubscriptionNames};

/// Makes the call of the stream of new heads, as nodes of Ethereum have it.
fn heads(id: u64) -> Request {
    let names = SubscriptionNames {
        subscribe: Some("eth_subscribe".into()),
        topic: Some("newHeads".into()),
        unsubscribe: Some("eth_unsubscribe".into()),
    };
    Request { subscription: Some(Arc::new(names)), ..stream_call(id) }
}

fn item(subscription: &str, result: &str) -> String {
    let params = format!(r#"{{"subscription":{subscription},"result":{result}}}"#);
    format!(r#"{{"jsonrpc":"2.0","method":"eth_subscription","params":{params}}}"#)
}

async fn open() -> (Fake, Peer, ReplyBody) {
    let mut fake = Fake::new(Subscriptions);
    let opened = fake.send(heads(7));
    let mut peer = fake.peer().await;
    let call = r#"{"jsonrpc":"2.0","method":"eth_subscribe","params":["newHeads"],"id":7}"#;
    assert_eq!(peer.read().await, call);
    peer.write(answer(7, "\"0x1\""));
    let reply = opened.await.unwrap().unwrap();
    assert_eq!(reply.headers["content-type"], "text/event-stream");
    (fake, peer, reply.body)
}

#[tokio::test]
async fn items_are_the_notifications_with_the_id_of_the_answer() {
    let (_fake, mut peer, mut stream) = open().await;
    peer.write(item("\"0x2\"", "0"));
    for result in ["1", "2"] {
        peer.write(item("\"0x1\"", result));
        assert_eq!(next(&mut stream).await.unwrap().unwrap(), item("\"0x1\"", result));
    }
    drop(stream);
    let unsubscribe = r#"{"jsonrpc":"2.0","method":"eth_unsubscribe","params":["0x1"],"id":9007199254740991}"#;
    assert_eq!(peer.read().await, unsubscribe);
    peer.write(answer(9_007_199_254_740_991, "true"));
    settle().await;
    assert!(peer.is_silent());
}

#[tokio::test]
async fn error_in_the_params_ends_the_stream() {
    let (_fake, mut peer, mut stream) = open().await;
    peer.write(r#"{"jsonrpc":"2.0","method":"any","params":{"subscription":"0x1","error":{"code":7,"message":"m"}}}"#);
    let end = next(&mut stream).await.unwrap().unwrap();
    assert_eq!(end, r#"{"jsonrpc":"2.0","error":{"code":7,"message":"m"},"id":7}"#);
    assert!(next(&mut stream).await.is_none());
    drop(stream);
    settle().await;
    assert!(peer.is_silent(), "the server has ended it");
}

#[tokio::test]
async fn items_that_come_before_the_answer_are_not_lost() {
    let mut fake = Fake::new(Subscriptions);
    let opened = fake.send(heads(7));
    let mut peer = fake.peer().await;
    peer.read().await;
    for message in [item("\"0x1\"", "1"), item("\"0x1\"", "2"), answer(7, "\"0x1\""), item("\"0x1\"", "3")] {
        peer.write(message);
    }
    let mut stream = opened.await.unwrap().unwrap().body;
    for result in ["1", "2", "3"] {
        assert_eq!(next(&mut stream).await.unwrap().unwrap(), item("\"0x1\"", result));
    }
}

#[tokio::test]
async fn answer_that_names_no_subscription_is_an_ordinary_answer() {
    for result in ["null", "[1]", "true"] {
        let mut fake = Fake::new(Subscriptions);
        let opened = fake.send(stream_call(7));
        let mut peer = fake.peer().await;
        assert_eq!(peer.read().await, r#"{"jsonrpc":"2.0","method":"a","id":7}"#, "it has no names of its own");
        peer.write(answer(7, result));
        assert_eq!(text(opened.await.unwrap().unwrap()).await, answer(7, result));
    }
}

#[tokio::test]
async fn subscription_whose_caller_has_left_is_ended_when_its_id_comes() {
    let mut fake = Fake::new(Subscriptions);
    let opened = fake.send(stream_call(7));
    let mut peer = fake.peer().await;
    peer.read().await;
    opened.abort();
    settle().await;
    peer.write(answer(7, "12"));
    let unsubscribe = r#"{"jsonrpc":"2.0","method":"rpc.unsubscribe","params":[12],"id":9007199254740991}"#;
    assert_eq!(peer.read().await, unsubscribe);
}

#[tokio::test]
async fn subscription_that_is_not_read_ends_as_lagged_and_not_in_silence() {
    let (_fake, mut peer, mut stream) = open().await;
    let large = item("\"0x1\"", &format!("\"{}\"", "x".repeat(MAX_UNREAD / 2)));
    for _ in 0..3 {
        peer.write(large.clone());
    }
    assert!(peer.read().await.contains("eth_unsubscribe"));
    for _ in 0..2 {
        assert_eq!(next(&mut stream).await.unwrap().unwrap(), large);
    }
    let end = next(&mut stream).await.unwrap().unwrap();
    assert!(end.ends_with(br#""data":{"reason":"lagged"}},"id":7}"#), "{end:?}");
    assert!(next(&mut stream).await.is_none());
}

#[tokio::test]
async fn subscription_that_is_read_never_lags() {
    let (_fake, mut peer, mut stream) = open().await;
    let large = item("\"0x1\"", &format!("\"{}\"", "x".repeat(MAX_UNREAD / 2)));
    for _ in 0..8 {
        peer.write(large.clone());
        assert_eq!(next(&mut stream).await.unwrap().unwrap(), large);
    }
    settle().await;
    assert!(peer.is_silent(), "there is no credit in this form");
}

#[tokio::test]
async fn subscription_is_cut_with_its_connection() {
    let (_fake, peer, mut stream) = open().await;
    peer.end(PipeEnd::Closed(None));
    assert!(next(&mut stream).await.unwrap().unwrap_err().is_transport());
}
