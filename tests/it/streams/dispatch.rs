//! Streams of a user's own `Dispatch`, over HTTP and in process.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use bytes::Bytes;
use futures_util::future::poll_fn;
use rpc::{
    Answer, AnswerStatus, AnswerStream, BoxFuture, Client, Dispatch, RequestContext, Retry, Server, StreamMessage,
    StreamMessages,
};
use serde_json::{Value, json};
use support::events::Events;
use support::raw_http::{TEST_TIMEOUT, exchange, post};
use support::{clients_of, serve};
use tokio::sync::mpsc;
use tokio::time::timeout;

/// How a stream of the dispatch ends behind its two items.
#[derive(Clone, Copy, Debug, PartialEq)]
enum End {
    Answer,
    Panic,
    /// Never.
    Hang,
}

/// A dispatch that answers each call with a stream, and tells when it is dropped.
#[derive(Clone)]
struct Own(End, mpsc::UnboundedSender<()>);

struct Messages {
    id: Value,
    sent: u64,
    end: End,
    dropped: mpsc::UnboundedSender<()>,
}

impl Dispatch for Own {
    fn dispatch(&self, body: Bytes, request: Arc<RequestContext>) -> BoxFuture<Answer> {
        let id = serde_json::from_slice::<Value>(&body).unwrap()["id"].clone();
        let body = json!({ "jsonrpc": "2.0", "result": null, "id": id }).to_string();
        let mut answer = Answer::new(body.into(), AnswerStatus::Success);
        if request.accepts_stream() {
            let messages = Messages { id, sent: 0, end: self.0, dropped: self.1.clone() };
            answer.stream = Some(Box::new(AnswerStream::new(messages)));
        }
        Box::pin(async { answer })
    }
}

impl StreamMessages for Messages {
    fn poll_message(mut self: Pin<&mut Self>, _: &mut Context<'_>, output: &mut Vec<u8>) -> Poll<StreamMessage> {
        self.sent += 1;
        let message = match (self.sent, self.end) {
            (1 | 2, _) => {
                let params = json!({ "subscription": self.id, "result": self.sent });
                json!({ "jsonrpc": "2.0", "method": "own", "params": params })
            }
            (_, End::Answer) => json!({ "jsonrpc": "2.0", "result": null, "id": self.id }),
            (_, End::Panic) => {
                output.extend_from_slice(b"{\"half\":");
                panic!("as told")
            }
            (_, End::Hang) => return Poll::Pending,
        };
        output.extend_from_slice(message.to_string().as_bytes());
        let is_item = message.get("method").is_some();
        Poll::Ready(if is_item { StreamMessage::Item(None) } else { StreamMessage::Answer(AnswerStatus::Success) })
    }
}

impl Drop for Messages {
    fn drop(&mut self) {
        let _ = self.dropped.send(());
    }
}

fn own(end: End) -> (Server, mpsc::UnboundedReceiver<()>) {
    let (dropped, drops) = mpsc::unbounded_channel();
    (Server::for_dispatch(Own(end, dropped)).build(), drops)
}

async fn is_dropped(drops: &mut mpsc::UnboundedReceiver<()>) {
    timeout(TEST_TIMEOUT, drops.recv()).await.expect("the messages are dropped").unwrap();
}

/// Returns a client for each transport to the server, and one of the dispatch itself.
async fn clients(end: End) -> (Vec<(&'static str, Client)>, mpsc::UnboundedReceiver<()>) {
    let (server, drops) = own(end);
    let (dropped, _) = mpsc::unbounded_channel();
    let direct = ("the dispatch itself", Client::in_process(&Own(end, dropped)));
    (clients_of(&server).await.into_iter().chain([direct]).collect(), drops)
}

#[tokio::test]
async fn its_stream_reaches_the_client() {
    for (way, client) in clients(End::Answer).await.0 {
        let mut items = client.stream::<u64>("own", ()).await.unwrap();
        assert_eq!(items.next().await.unwrap().unwrap(), 1, "{way}");
        assert_eq!(items.next().await.unwrap().unwrap(), 2, "{way}");
        assert!(items.next().await.is_none(), "{way}");
        // A plain call gets the answer itself. On a WebSocket, the dispatch cannot tell it from the call of a stream.
        if way != "WebSocket" {
            client.call::<()>("own", ()).await.unwrap();
        }
    }
}

#[tokio::test]
async fn its_events_are_those_of_any_stream() {
    let (server, _drops) = own(End::Answer);
    let addr = serve(&server).await;
    let call = r#"{"jsonrpc":"2.0","method":"own","id":7}"#;
    let events = Events::open(addr, call).await;
    assert_eq!(events.head.header("content-type"), Some("text/event-stream"));
    let data: Vec<Value> = events.rest().await.into_iter().map(|event| event.data).collect();
    assert_eq!((data.len(), &data[2]), (3, &json!({ "jsonrpc": "2.0", "result": null, "id": 7 })));
    assert_eq!(exchange(addr, &post(call)).await.header("content-type"), Some("application/json"));
}

#[tokio::test]
async fn panic_of_its_stream_is_a_cut() {
    let (clients, mut drops) = clients(End::Panic).await;
    for (way, client) in clients {
        let mut items = client.stream::<u64>("own", ()).retry(Retry::never()).await.unwrap();
        assert_eq!(items.next().await.unwrap().unwrap(), 1, "{way}");
        assert_eq!(items.next().await.unwrap().unwrap(), 2, "{way}");
        let error = items.next().await.unwrap().unwrap_err();
        // A WebSocket carries other calls, too. So the server does not cut it, and answers in place of the stream.
        assert!(if way == "WebSocket" { error.is_end() } else { error.is_cut() }, "{way}: {error:?}");
        assert!(items.next().await.is_none(), "{way}");
        if way != "the dispatch itself" {
            is_dropped(&mut drops).await;
        }
    }
    // The server goes on, and a half-written message is never sent.
    let (server, _drops) = own(End::Panic);
    let addr = serve(&server).await;
    for _ in 0..2 {
        let events = Events::open(addr, r#"{"jsonrpc":"2.0","method":"own","id":7}"#).await.rest().await;
        assert_eq!(events.len(), 2);
        assert_eq!(events[1].data["params"]["result"], 2);
    }
}

#[tokio::test]
async fn its_stream_without_an_end_lives_until_the_client_leaves() {
    let (clients, mut drops) = clients(End::Hang).await;
    for (way, client) in clients.into_iter().filter(|(way, _)| *way != "the dispatch itself") {
        let mut items = client.stream::<u64>("own", ()).await.unwrap();
        assert_eq!(items.next().await.unwrap().unwrap(), 1, "{way}");
        assert_eq!(items.next().await.unwrap().unwrap(), 2, "{way}");
        let mut next = Box::pin(items.next());
        let polled = poll_fn(|cx| Poll::Ready(next.as_mut().poll(cx))).await;
        assert!(polled.is_pending() && drops.is_empty(), "{way}");
        drop(next);
        drop(items);
        is_dropped(&mut drops).await;
    }
}
