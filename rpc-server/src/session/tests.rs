use std::future::poll_fn;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Context as TaskContext, Poll, Waker};

use futures_util::{StreamExt, stream};
use rpc_core::{Dispatch, RequestContext, Session, SessionEvent, SessionProtocol};

use crate::{Limits, Server};

fn open(server: &Server, protocol: SessionProtocol) -> Box<dyn Session> {
    server.open(Arc::new(RequestContext::default()), protocol).expect("each server has sessions")
}

fn v1(server: &Server) -> Box<dyn Session> {
    open(server, SessionProtocol::RpcV1)
}

fn receive(session: &mut Box<dyn Session>, message: &str) {
    session.receive(message.to_owned().into());
}

/// Returns the next message, or `None` at the end.
async fn next(session: &mut Box<dyn Session>) -> Option<String> {
    let mut output = Vec::new();
    let event = poll_fn(|cx| session.poll_message(cx, &mut output)).await;
    (event == SessionEvent::Message).then(|| String::from_utf8(output).unwrap())
}

fn poll(session: &mut Box<dyn Session>) -> Poll<SessionEvent> {
    session.poll_message(&mut TaskContext::from_waker(Waker::noop()), &mut Vec::new())
}

#[tokio::test]
async fn calls_go_on_while_there_is_no_room_for_answers() {
    let begun = Arc::new(AtomicUsize::new(0));
    let counted = Arc::clone(&begun);
    let server = Server::builder()
        .method("count", move || {
            let counted = Arc::clone(&counted);
            async move {
                tokio::task::yield_now().await;
                counted.fetch_add(1, Ordering::Relaxed);
            }
        })
        .build();
    let mut session = v1(&server);
    receive(&mut session, r#"{"jsonrpc":"2.0","method":"count","id":1}"#);
    poll_fn(|cx| {
        session.run(cx);
        if begun.load(Ordering::Relaxed) == 1 { Poll::Ready(()) } else { Poll::Pending }
    })
    .await;
    assert_eq!(next(&mut session).await.unwrap(), r#"{"jsonrpc":"2.0","result":null,"id":1}"#);
}

#[tokio::test]
async fn answers_come_before_items() {
    let server =
        Server::builder().stream("ones", || async { stream::repeat(1) }).method("ping", || async { "pong" }).build();
    let mut session = v1(&server);
    receive(&mut session, r#"{"jsonrpc":"2.0","method":"ones","id":1}"#);
    assert!(next(&mut session).await.unwrap().contains("rpc.accepted"));
    for _ in 0..3 {
        assert!(next(&mut session).await.unwrap().contains(r#""subscription":1"#));
        receive(&mut session, r#"{"jsonrpc":"2.0","method":"ping","id":2}"#);
        assert_eq!(next(&mut session).await.unwrap(), r#"{"jsonrpc":"2.0","result":"pong","id":2}"#);
    }
}

#[tokio::test]
async fn draining_session_ends_once_its_calls_are_answered() {
    let server = Server::builder()
        .stream("ones", || async { stream::iter([1]).chain(stream::pending()) })
        .method("slow", || async { tokio::task::yield_now().await })
        .build();
    let mut session = v1(&server);
    receive(&mut session, r#"{"jsonrpc":"2.0","method":"ones","id":1}"#);
    assert!(next(&mut session).await.unwrap().contains("rpc.accepted"));
    receive(&mut session, r#"{"jsonrpc":"2.0","method":"slow","id":2}"#);
    session.drain();
    session.drain();
    receive(&mut session, r#"{"jsonrpc":"2.0","method":"rpc.announce","id":3}"#);
    let ended =
        r#"{"jsonrpc":"2.0","error":{"code":-32089,"message":"Stream ended","data":{"reason":"draining"}},"id":1}"#;
    assert_eq!(next(&mut session).await.unwrap(), ended);
    let refused = next(&mut session).await.unwrap();
    assert!(refused.contains(r#""code":-32092"#) && refused.ends_with(r#""id":3}"#), "{refused}");
    assert_eq!(next(&mut session).await.unwrap(), r#"{"jsonrpc":"2.0","result":null,"id":2}"#);
    assert_eq!(next(&mut session).await, None);
}

#[tokio::test]
async fn message_over_the_limit_is_refused_with_its_id() {
    let limits = Limits::default().max_request_bytes(100);
    let server = Server::builder().method("ping", |(_,): (String,)| async { "pong" }).limits(limits).build();
    let mut session = v1(&server);
    let long = "x".repeat(100);
    receive(&mut session, &format!(r#"{{"jsonrpc":"2.0","method":"ping","params":["{long}"],"id":7}}"#));
    let refused = next(&mut session).await.unwrap();
    assert!(refused.contains(r#""code":-32090"#) && refused.ends_with(r#""id":7}"#), "{refused}");
    assert!(refused.contains("a message may have at most 100 bytes") && refused.contains(r#""rpc-refused":"all""#));
}

#[tokio::test]
async fn calls_of_a_message_that_cannot_be_read_get_its_error() {
    let server = Server::builder().limits(Limits::default().max_batch_entries(1)).build();
    let call = |id| format!(r#"{{"jsonrpc":"2.0","id":{id},"method":"a","params":[]}}"#);
    let ids = [r#""id":1}"#, r#""id":2}"#];
    for protocol in [SessionProtocol::RpcV1, SessionProtocol::Subscriptions] {
        for (message, code) in [
            (format!("[{},{}]", call(1), call(2)), -32090),
            (format!("[{},{}", call(1), call(2)), -32090),
            (format!("[{} {}", call(1), call(2)), -32700),
            (format!("{} {}", call(1), call(2)), -32700),
        ] {
            let mut session = open(&server, protocol);
            receive(&mut session, &message);
            let answer = next(&mut session).await.unwrap();
            let found = ids.map(|id| answer.contains(id));
            assert_eq!(found, [true, code == -32090], "{message}: {answer}");
            assert!(answer.contains(&format!(r#""code":{code}"#)), "{message}: {answer}");
            assert_eq!(answer.contains(r#""rpc-refused":"all""#), protocol == SessionProtocol::RpcV1, "{answer}");
            assert_eq!(answer.ends_with(']'), message.starts_with('['));
        }
    }
}

#[tokio::test]
async fn session_without_anything_to_do_waits() {
    let server = Server::builder().build();
    for protocol in [SessionProtocol::RpcV1, SessionProtocol::Subscriptions] {
        let mut session = open(&server, protocol);
        assert!(poll(&mut session).is_pending());
        receive(&mut session, r#"{"jsonrpc":"2.0","result":1,"id":1}"#);
        receive(&mut session, r#"{"jsonrpc":"2.0","method":"rpc.cancel","params":{"id":1}}"#);
        receive(&mut session, r#"{"jsonrpc":"2.0","method":"rpc.credit","params":[]}"#);
        assert!(poll(&mut session).is_pending());
    }
}
