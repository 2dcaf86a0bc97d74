//! WebSockets of a server around a `Dispatch` of the user's own.

use std::future::ready;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use bytes::Bytes;
use rpc::{
    Answer, AnswerStatus, AnswerStream, BoxFuture, Dispatch, RequestContext, Server, Session, SessionEvent,
    SessionProtocol, StreamMessage, StreamMessages,
};
use serde_json::{Value, json};
use support::raw_http::TEST_TIMEOUT;
use support::serve;
use support::websocket::WebSocket;
use tokio::time::timeout;

/// Sends this many items and then the answer.
struct Items(u64, Value);

impl StreamMessages for Items {
    fn poll_message(mut self: Pin<&mut Self>, _: &mut Context<'_>, output: &mut Vec<u8>) -> Poll<StreamMessage> {
        let Self(left, id) = &mut *self;
        if *left == 0 {
            let answer = json!({ "jsonrpc": "2.0", "result": null, "id": id });
            output.extend(answer.to_string().into_bytes());
            return Poll::Ready(StreamMessage::Answer(AnswerStatus::Success));
        }
        let item = json!({ "jsonrpc": "2.0", "method": "own", "params": { "subscription": id, "result": left } });
        output.extend(item.to_string().into_bytes());
        *left -= 1;
        Poll::Ready(StreamMessage::Item(None))
    }
}

/// Answers each call with a stream of two items. Runs sessions of its own for the older form.
struct Own;

impl Dispatch for Own {
    fn dispatch(&self, body: Bytes, request: Arc<RequestContext>) -> BoxFuture<Answer> {
        assert!(request.accepts_stream());
        let call: Value = serde_json::from_slice(&body).unwrap();
        let mut answer = Answer::new(Bytes::new(), AnswerStatus::Success);
        let items = call["params"][0].as_u64().unwrap_or(2);
        answer.stream = Some(Box::new(AnswerStream::new(Items(items, call["id"].clone()))));
        Box::pin(ready(answer))
    }

    fn open(&self, _: Arc<RequestContext>, protocol: SessionProtocol) -> Option<Box<dyn Session>> {
        (protocol == SessionProtocol::Subscriptions).then(|| Box::new(Echo(Vec::new())) as Box<dyn Session>)
    }
}

/// Sends each message back. Ends after `bye`, and panics at `panic`.
struct Echo(Vec<Bytes>);

impl Session for Echo {
    fn receive(&mut self, message: Bytes) {
        assert_ne!(message, "panic");
        self.0.push(message);
    }

    fn poll_message(&mut self, _: &mut Context<'_>, output: &mut Vec<u8>) -> Poll<SessionEvent> {
        match self.0.pop() {
            None => Poll::Pending,
            Some(message) if message == "bye" => Poll::Ready(SessionEvent::Ended),
            Some(message) => {
                output.extend_from_slice(&message);
                Poll::Ready(SessionEvent::Message)
            }
        }
    }

    fn drain(&mut self) {
        self.0.push(Bytes::from_static(b"bye"));
    }
}

#[tokio::test]
async fn dispatch_answers_with_a_stream() {
    let mut socket = WebSocket::open(serve(&Server::for_dispatch(Own).build()).await).await;
    socket.call("own", json!([]), 7).await;
    assert_eq!(socket.receive().await["method"], json!("rpc.accepted"));
    assert_eq!(socket.receive().await["params"], json!({ "subscription": 7, "result": 2 }));
    assert_eq!(socket.receive().await["params"], json!({ "subscription": 7, "result": 1 }));
    assert_eq!(socket.receive().await, json!({ "jsonrpc": "2.0", "result": null, "id": 7 }));
}

#[tokio::test]
async fn dispatch_runs_sessions_of_its_own() {
    let server = Server::for_dispatch(Own).build().bind("127.0.0.1:0").await.unwrap().spawn();
    let addr = server.local_addr();
    let mut socket = WebSocket::open_older(addr).await;
    socket.send_text("\"a\"").await;
    assert_eq!(socket.receive().await, json!("a"));
    socket.send_text("bye").await;
    assert_eq!(socket.close_code().await, Some(1000));
    let mut panicking = WebSocket::open_older(addr).await;
    panicking.send_text("panic").await;
    assert_eq!(panicking.close_code().await, Some(1011));
    let mut drained = WebSocket::open_older(addr).await;
    let stopped = tokio::spawn(server.shutdown());
    assert_eq!(drained.close_code().await, Some(1001));
    assert_eq!(drained.frame().await, None);
    // The clients of the other two have not replied to their close frames.
    timeout(TEST_TIMEOUT, stopped).await.expect("the drain does not wait for silent clients").unwrap();
    drop((socket, panicking));
}

#[tokio::test]
async fn server_without_websockets_asks_no_dispatch() {
    let server = Server::for_dispatch(Own).without_websocket().build();
    assert_eq!(WebSocket::open_with(serve(&server).await, &[]).await.unwrap_err(), 405);
}
