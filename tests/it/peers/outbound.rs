//! [`Caller`]: calls the peer of a session with messages of the tests' own.

use std::any::Any;
use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll, Waker};

use bytes::Bytes;
use rpc::{FromPeer, Outbound, Peer};
use serde_json::{Value, json};
use tokio::sync::oneshot;

/// Calls the peer of a session.
#[derive(Clone)]
pub(crate) struct Caller(Peer);

/// The session has ended.
#[derive(Debug, PartialEq)]
pub(crate) struct SessionEnded;

#[derive(Default)]
struct Calls(Mutex<CallsState>);

#[derive(Default)]
struct CallsState {
    queue: VecDeque<String>,
    waiting: HashMap<u64, oneshot::Sender<Value>>,
    last_id: u64,
    session: Option<Waker>,
    has_ended: bool,
}

impl FromPeer for Caller {
    fn from_peer(peer: &Peer) -> Self {
        Self(peer.clone())
    }
}

impl Caller {
    pub(crate) fn peer(&self) -> &Peer {
        &self.0
    }

    /// Calls a method of the peer, and returns its answer.
    pub(crate) async fn call(&self, method: &str, params: Value) -> Result<Value, SessionEnded> {
        let (answer, answered) = oneshot::channel();
        self.change(|state| {
            state.last_id += 1;
            let id = state.last_id;
            let call = json!({ "jsonrpc": "2.0", "method": method, "params": params, "id": id });
            state.queue.push_back(call.to_string());
            state.waiting.insert(id, answer);
        })?;
        answered.await.map_err(|_| SessionEnded)
    }

    pub(crate) fn notify(&self, method: &str, params: &Value) -> Result<(), SessionEnded> {
        let text = json!({ "jsonrpc": "2.0", "method": method, "params": params }).to_string();
        self.change(|state| state.queue.push_back(text))
    }

    fn change(&self, change: impl FnOnce(&mut CallsState)) -> Result<(), SessionEnded> {
        let outbound: &dyn Any = &**self.0.outbound_or_init(|| Arc::new(Calls::default()));
        let calls: &Calls = outbound.downcast_ref().expect("nothing else calls this peer");
        let session = {
            let mut state = calls.0.lock().unwrap();
            if state.has_ended {
                return Err(SessionEnded);
            }
            change(&mut state);
            state.session.take()
        };
        if let Some(session) = session {
            session.wake();
        }
        Ok(())
    }
}

impl Outbound for Calls {
    fn receive(&self, message: &Bytes) -> bool {
        let message: Value = serde_json::from_slice(message).unwrap();
        let id = message["id"].as_u64().filter(|_| message.get("method").is_none());
        match id.and_then(|id| self.0.lock().unwrap().waiting.remove(&id)) {
            Some(answer) => answer.send(message).is_ok(),
            None => false,
        }
    }

    fn poll_message(&self, cx: &mut Context<'_>, output: &mut Vec<u8>) -> Poll<()> {
        let mut state = self.0.lock().unwrap();
        match state.queue.pop_front() {
            Some(text) => {
                output.extend_from_slice(text.as_bytes());
                Poll::Ready(())
            }
            None => {
                state.session = Some(cx.waker().clone());
                Poll::Pending
            }
        }
    }

    fn end(&self) {
        let mut state = self.0.lock().unwrap();
        state.has_ended = true;
        state.waiting.clear();
        state.queue.clear();
    }
}
