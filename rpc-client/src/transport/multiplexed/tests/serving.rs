//! Sessions on the connections of a client.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use bytes::Bytes;
use rpc_core::{Answer, BoxFuture, Dispatch, RequestContext, Session, SessionEvent, SessionProtocol};

use super::fake::{Fake, answer, call, settle};

/// A session that a test plays.
#[derive(Clone, Default)]
struct Played(Arc<Mutex<PlayedState>>);

#[derive(Default)]
struct PlayedState {
    received: Vec<String>,
    says: VecDeque<String>,
    has_ended: bool,
    runs: usize,
    drains: usize,
    is_dropped: bool,
    context: Option<Arc<RequestContext>>,
    waker: Option<Waker>,
}

impl Played {
    fn with<T>(&self, change: impl FnOnce(&mut PlayedState) -> T) -> T {
        let mut state = self.0.lock().unwrap();
        let changed = change(&mut state);
        if let Some(waker) = state.waker.take() {
            waker.wake();
        }
        changed
    }

    fn says(&self, text: &str) {
        self.with(|state| state.says.push_back(text.to_owned()));
    }
}

impl Dispatch for Played {
    fn dispatch(&self, _: Bytes, _: Arc<RequestContext>) -> BoxFuture<Answer> {
        unreachable!("sessions take all messages")
    }

    fn open(&self, request: Arc<RequestContext>, protocol: SessionProtocol) -> Option<Box<dyn Session>> {
        assert_eq!(protocol, SessionProtocol::RpcV1);
        self.with(|state| state.context = Some(request));
        Some(Box::new(PlayedSession(self.clone())))
    }
}

struct PlayedSession(Played);

impl Session for PlayedSession {
    fn receive(&mut self, message: Bytes) {
        self.0.with(|state| state.received.push(String::from_utf8(message.into()).unwrap()));
    }

    fn poll_message(&mut self, cx: &mut Context<'_>, output: &mut Vec<u8>) -> Poll<SessionEvent> {
        let mut state = self.0.0.lock().unwrap();
        if let Some(text) = state.says.pop_front() {
            output.extend_from_slice(text.as_bytes());
            return Poll::Ready(SessionEvent::Message);
        }
        if state.has_ended {
            return Poll::Ready(SessionEvent::Ended);
        }
        state.waker = Some(cx.waker().clone());
        Poll::Pending
    }

    fn run(&mut self, _: &mut Context<'_>) {
        self.0.0.lock().unwrap().runs += 1;
    }

    fn drain(&mut self) {
        self.0.0.lock().unwrap().drains += 1;
    }
}

impl Drop for PlayedSession {
    fn drop(&mut self) {
        self.0.with(|state| {
            let peer = state.context.as_ref().and_then(|context| context.peer()).unwrap();
            assert!(peer.has_ended(), "calls of the handlers fail before the handlers are dropped");
            state.is_dropped = true;
        });
    }
}

fn serving() -> (Fake, Played) {
    let (fake, played) = (Fake::new(SessionProtocol::RpcV1), Played::default());
    let dispatch: Arc<dyn Dispatch> = Arc::new(played.clone());
    assert!(fake.transport.serve(&dispatch));
    assert!(fake.transport.serve(&dispatch), "it is the same one");
    let other: Arc<dyn Dispatch> = Arc::new(Played::default());
    assert!(!fake.transport.serve(&other), "the first one counts");
    (fake, played)
}

#[tokio::test]
async fn session_gets_what_answers_no_request() {
    let (mut fake, played) = serving();
    let sent = fake.send(call(1));
    let mut peer = fake.peer().await;
    peer.read().await;
    let of_session = [r#"{"jsonrpc":"2.0","method":"b","id":1}"#, r#"{"jsonrpc":"2.0","method":"b"}"#, "nonsense"];
    for message in of_session {
        peer.write(message);
    }
    peer.write(answer(1, "7"));
    sent.await.unwrap().unwrap();
    assert_eq!(played.with(|state| state.received.clone()), of_session);
    assert!(peer.is_silent(), "the client itself refuses nothing");
}

#[tokio::test]
async fn neither_requests_nor_the_session_delay_the_others_messages() {
    let (mut fake, played) = serving();
    let mut calls = vec![fake.send(call(1))];
    let mut peer = fake.peer().await;
    peer.read().await;
    peer.has_room(false);
    for text in ["session 1", "session 2", "session 3"] {
        played.says(text);
    }
    calls.extend((2..=4).map(|id| fake.send(call(id))));
    settle().await;
    peer.has_room(true);
    let mut of_session = Vec::new();
    for _ in 0..6 {
        of_session.push(peer.read().await.starts_with("session"));
    }
    assert!(of_session.windows(2).all(|pair| pair[0] != pair[1]), "{of_session:?}");
    for call in calls {
        call.abort();
    }
}

#[tokio::test]
async fn session_runs_and_says_nothing_while_there_is_no_room() {
    let (mut fake, played) = serving();
    let sent = fake.send(call(1));
    let mut peer = fake.peer().await;
    peer.read().await;
    peer.has_room(false);
    let runs = played.with(|state| state.runs);
    played.says("late");
    peer.write(r#"{"jsonrpc":"2.0","method":"b"}"#);
    settle().await;
    assert!(played.with(|state| state.runs) > runs);
    assert!(peer.is_silent());
    peer.write(answer(1, "7"));
    sent.await.unwrap().unwrap();
    peer.has_room(true);
    assert_eq!(peer.read().await, "late");
}

#[tokio::test]
async fn session_that_has_ended_closes_the_connection() {
    let (mut fake, played) = serving();
    let sent = fake.send(call(1));
    let mut peer = fake.peer().await;
    peer.read().await;
    peer.write(answer(1, "7"));
    sent.await.unwrap().unwrap();
    played.with(|state| {
        state.says.push_back("last".to_owned());
        state.has_ended = true;
    });
    assert_eq!(peer.read().await, "last");
    assert!(peer.is_closed().await);
    assert!(played.with(|state| state.is_dropped));
    // The next request connects again.
    let _sent = fake.send(call(2));
    fake.peer().await;
}

#[tokio::test(start_paused = true)]
async fn session_has_a_limited_time_once_the_client_is_gone() {
    let (mut fake, played) = serving();
    let sent = fake.send(call(1));
    let mut peer = fake.peer().await;
    peer.read().await;
    peer.write(answer(1, "7"));
    sent.await.unwrap().unwrap();
    assert_eq!(played.with(|state| state.drains), 0);
    let begun = tokio::time::Instant::now();
    drop(fake);
    settle().await;
    assert!(played.with(|state| state.drains) > 0 && !played.with(|state| state.is_dropped));
    played.says("still");
    assert_eq!(peer.read().await, "still");
    assert!(peer.is_closed().await);
    assert!(played.with(|state| state.is_dropped));
    let took = begun.elapsed();
    assert!((Duration::from_secs(30)..Duration::from_secs(33)).contains(&took), "{took:?}");
}

#[tokio::test(start_paused = true)]
async fn idle_connections_are_kept_while_others_are_opened() {
    let (mut fake, played) = serving();
    let sent = fake.send(call(1));
    let mut peer = fake.peer().await;
    peer.read().await;
    peer.write(answer(1, "7"));
    sent.await.unwrap().unwrap();
    tokio::time::advance(Duration::from_secs(3600)).await;
    let _other = fake.send(super::fake::with_header(call(2), "authorization", "Bearer other"));
    let _other = fake.peer().await;
    settle().await;
    peer.write(r#"{"jsonrpc":"2.0","method":"b"}"#);
    settle().await;
    assert_eq!(played.with(|state| state.received.len()), 1);
    assert_eq!(played.with(|state| state.drains), 0);
}
