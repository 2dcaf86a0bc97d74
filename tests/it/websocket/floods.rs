//! Clients that send faster than they may.

use std::collections::VecDeque;
use std::future::ready;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Context, Poll};

use bytes::Bytes;
use futures_util::{SinkExt, StreamExt};
use rpc::{Answer, AnswerStatus, BoxFuture, Dispatch, RequestContext, Server, Session, SessionEvent, SessionProtocol};
use support::raw_http::TEST_TIMEOUT;
use support::serve;
use support::websocket::WebSocket;
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
    sent.await.unwrap();
    let most = most.load(Ordering::Relaxed);
    assert!(most < 2_000, "{most} answers waited at a time");
}
