//! Clients that send faster than they may.

use std::collections::VecDeque;
use std::future::{pending, ready};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Context, Poll};

use bytes::Bytes;
use futures_util::{SinkExt, Stream, StreamExt, stream};
use rpc::{
    Answer, AnswerStatus, BoxFuture, Dispatch, Limits, RequestContext, Server, Session, SessionEvent, SessionProtocol,
};
use serde_json::json;
use support::raw_http::TEST_TIMEOUT;
use support::serve;
use support::websocket::WebSocket;
use tokio::sync::Notify;
use tokio::time::timeout;
use tokio_tungstenite::tungstenite::Message;

/// Runs sessions that answer each message with a larger one. Notes how many answers waited at most.
struct Amplifying(Arc<AtomicUsize>);

struct Answers(VecDeque<()>, Arc<AtomicUsize>);

impl Dispatch for Amplifying {
    fn dispatch(&self, _: Bytes, _: Arc<RequestContext>) -> BoxFuture<Answer> {
        Box::pin(ready(Answer::new(Bytes::new(), AnswerStatus::Success)))
    }

    fn open(&self, _: Arc<RequestContext>, _: SessionProtocol) -> Option<Box<dyn Session>> {
        Some(Box::new(Answers(VecDeque::new(), Arc::clone(&self.0))))
    }
}

impl Session for Answers {
    fn receive(&mut self, _: Bytes) {
        self.0.push_back(());
        self.1.fetch_max(self.0.len(), Ordering::Relaxed);
    }

    fn poll_message(&mut self, _: &mut Context<'_>, output: &mut Vec<u8>) -> Poll<SessionEvent> {
        if self.0.pop_front().is_none() {
            return Poll::Pending;
        }
        output.resize(output.len() + 200, b'a');
        Poll::Ready(SessionEvent::Message)
    }

    fn drain(&mut self) {}
}

#[tokio::test]
async fn answers_to_a_flood_of_small_messages_do_not_pile_up() {
    const MESSAGES: usize = 50_000;
    let most = Arc::new(AtomicUsize::new(0));
    let addr = serve(&Server::for_dispatch(Amplifying(Arc::clone(&most))).build()).await;
    let (mut sending, mut receiving) = WebSocket::open(addr).await.stream.split();
    let sent = tokio::spawn(async move {
        for _ in 0..MESSAGES {
            sending.feed(Message::text("1")).await.unwrap();
        }
        sending.flush().await.unwrap();
        sending
    });
    for _ in 0..MESSAGES {
        timeout(TEST_TIMEOUT, receiving.next()).await.expect("each message is answered").unwrap().unwrap();
    }
    drop(sent.await.unwrap());
    let most = most.load(Ordering::Relaxed);
    assert!(most < 2_000, "{most} answers waited at a time");
}

#[rpc::service(namespace = "feed")]
trait Feed {
    #[rpc(stream, lag = "drop_oldest(100000)")]
    fn many(&self) -> impl Stream<Item = String> + Send;
}

/// Sends [`ITEMS`] large items, and tells when it has.
struct Many(Arc<Notify>);

const ITEMS: u64 = 1000;

impl Feed for Many {
    fn many(&self) -> impl Stream<Item = String> + Send {
        let sent = async {
            self.0.notify_one();
            pending().await
        };
        stream::iter(0..ITEMS).map(|_| "x".repeat(10_000)).chain(stream::once(sent))
    }
}

#[tokio::test]
async fn items_that_lag_have_room_in_the_budget_or_are_dropped() {
    let limits = Limits::default().max_request_bytes(64 << 10).max_response_bytes(64 << 10).max_buffered_bytes(1 << 20);
    let sent = Arc::new(Notify::new());
    let server = Server::builder().service(FeedServer::new(Many(Arc::clone(&sent)))).limits(limits).build();
    let mut socket = WebSocket::open(serve(&server).await).await;
    socket.call("feed.many", json!([]), 1).await;
    timeout(TEST_TIMEOUT, sent.notified()).await.expect("the stream does not wait for its client");
    socket.notify("rpc.credit", json!({ "subscription": 1, "bytes": 1_u64 << 40 })).await;
    assert_eq!(socket.receive().await["method"], json!("rpc.accepted"));
    let (mut received, mut lagged) = (0, 0);
    while received + lagged < ITEMS {
        received += 1;
        lagged += socket.receive().await["params"]["lagged"].as_u64().unwrap_or(0);
    }
    assert_eq!(received + lagged, ITEMS);
    assert!(lagged > ITEMS / 2, "only {lagged} items were dropped");
}
