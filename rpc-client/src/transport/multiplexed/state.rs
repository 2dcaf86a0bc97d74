//! [`State`]: the requests of a connection, from the queue to their answers. It performs no I/O. `receive` passes the
//! messages of the peer on.

mod receive;

use std::collections::{HashMap, VecDeque};
use std::mem;
use std::sync::Arc;
use std::task::Waker;

use bytes::Bytes;
use http::HeaderMap;
use rpc_core::SessionProtocol;
use tokio::sync::oneshot;

use super::control;
use super::early_items::EarlyItems;
use super::pipe::PipeEnd;
use super::stream_buffer::StreamBuffer;
use crate::call_id::CallId;
use crate::failure::Failure;
use crate::transport::Progress;
use crate::transport::subscription_names::SubscriptionNames;

/// Identifies a request on its connection.
pub(super) type Token = u64;

/// What the answer to a request is.
#[derive(Clone, Debug)]
pub(super) enum Expect {
    /// There is none: the request has notifications only.
    Nothing,
    /// One message.
    Answer,
    /// One message, or a stream. Over the older form it has these names.
    Stream(Arc<SubscriptionNames>),
}

/// What a caller has given up with a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum GivenUp {
    /// The call, so that nobody wants an answer any more.
    Call,
    /// This attempt. Another one, or the redeemer of a ticket, may ask for the answer.
    Attempt,
}

/// What has come of a request.
#[derive(Debug)]
pub(super) enum Arrived {
    /// The request was written, and nothing will come.
    Written,
    /// The answer, and its headers.
    Answer(Bytes, HeaderMap),
    /// An accepted stream, and the headers of its acceptance.
    Stream(Arc<StreamBuffer>, HeaderMap),
}

pub(super) type Waiter = oneshot::Sender<Result<Arrived, Failure>>;

/// A request to send.
#[derive(Debug)]
pub(super) struct Outgoing {
    pub(super) ids: Vec<CallId>,
    pub(super) text: Bytes,
    pub(super) expect: Expect,
    pub(super) progress: Progress,
}

/// A request that has not ended.
#[derive(Debug)]
struct Pending {
    ids: Vec<CallId>,
    expect: Expect,
    stage: Stage,
}

#[derive(Debug)]
enum Stage {
    Queued(Bytes, Progress, Waiter),
    Written(Waiter),
    /// An accepted stream. In the older form, it has the id of its subscription, which is JSON text.
    Streaming(Arc<StreamBuffer>, Option<Box<str>>),
    /// Its caller has left. The ids are reserved until the answer.
    Abandoned,
}

/// The most requests whose callers have left and whose answers have not come. A connection with more takes no requests,
/// so that a server that never answers costs no memory without a bound.
const MAX_ABANDONED: usize = 1024;

/// The most refusals of the server's calls that wait to be written.
const MAX_REFUSALS: usize = 64;

/// The requests of a connection.
#[derive(Debug)]
pub(super) struct State {
    protocol: SessionProtocol,
    queue: VecDeque<Token>,
    /// Messages that steer the session. They go before requests.
    control: VecDeque<Bytes>,
    requests: HashMap<Token, Pending>,
    ids: HashMap<CallId, Token>,
    subscriptions: HashMap<Box<str>, Token>,
    early: EarlyItems,
    /// Notifications that were taken by the pipe, but are not flushed yet.
    unflushed: Vec<Waiter>,
    next_token: Token,
    /// The number of calls that unsubscribe. Their ids count down from the largest exact integer of JavaScript.
    unsubscribed: u64,
    abandoned: usize,
    end: Option<PipeEnd>,
    /// Set once no request can come any more.
    pub(super) is_closing: bool,
    /// Wakes the task that owns the pipe.
    driver: Option<Waker>,
}

impl State {
    pub(super) fn new(protocol: SessionProtocol) -> Self {
        Self {
            protocol,
            queue: VecDeque::new(),
            control: VecDeque::new(),
            requests: HashMap::new(),
            ids: HashMap::new(),
            subscriptions: HashMap::new(),
            early: EarlyItems::default(),
            unflushed: Vec::new(),
            next_token: 0,
            unsubscribed: 0,
            abandoned: 0,
            end: None,
            is_closing: false,
            driver: None,
        }
    }

    /// Returns whether the connection has ended, or takes no more requests.
    pub(super) fn is_retired(&self) -> bool {
        self.end.is_some() || self.abandoned >= MAX_ABANDONED
    }

    /// Returns whether the connection has ended.
    pub(super) fn has_ended(&self) -> bool {
        self.end.is_some()
    }

    /// Returns whether no request is under way.
    pub(super) fn is_idle(&self) -> bool {
        self.requests.len() == self.abandoned
    }

    /// Returns whether a request with these ids can be told from all others on this connection.
    pub(super) fn has_room_for(&self, ids: &[CallId]) -> bool {
        !self.is_retired() && !ids.iter().any(|id| self.ids.contains_key(id))
    }

    /// Queues a request. The caller has checked [`has_room_for`](Self::has_room_for).
    pub(super) fn enqueue(&mut self, request: Outgoing, waiter: Waiter) -> Token {
        let Outgoing { ids, text, expect, progress } = request;
        let token = self.next_token;
        self.next_token += 1;
        for id in &ids {
            self.ids.insert(id.clone(), token);
        }
        self.requests.insert(token, Pending { ids, expect, stage: Stage::Queued(text, progress, waiter) });
        self.queue.push_back(token);
        token
    }

    /// Adds a message that steers the session.
    pub(super) fn push_control(&mut self, message: Bytes) {
        if self.end.is_none() {
            self.control.push_back(message);
        }
    }

    /// Keeps the waker of the task that owns the pipe.
    pub(super) fn register(&mut self, driver: &Waker) {
        if !self.driver.as_ref().is_some_and(|known| known.will_wake(driver)) {
            self.driver = Some(driver.clone());
        }
    }

    /// Takes the waker, to wake the task without the lock.
    pub(super) fn take_driver(&mut self) -> Option<Waker> {
        self.driver.take()
    }

    pub(super) fn has_output(&self) -> bool {
        !self.control.is_empty() || !self.queue.is_empty()
    }

    /// Returns the next message to write. From then on its request counts as sent.
    pub(super) fn next_output(&mut self) -> Option<Bytes> {
        if let Some(message) = self.control.pop_front() {
            return Some(message);
        }
        while let Some(token) = self.queue.pop_front() {
            let pending = self.requests.get_mut(&token).expect("a queued request has not ended");
            let Stage::Queued(text, progress, waiter) = mem::replace(&mut pending.stage, Stage::Abandoned) else {
                unreachable!("a request leaves the queue when it is written or given up");
            };
            if !progress.sent() {
                // The client may already send it elsewhere.
                self.release(token);
            } else if let Expect::Nothing = pending.expect {
                self.unflushed.push(waiter);
                self.release(token);
                return Some(text);
            } else {
                pending.stage = Stage::Written(waiter);
                return Some(text);
            }
        }
        None
    }

    /// Notes that all messages so far were written.
    pub(super) fn flushed(&mut self) {
        for waiter in self.unflushed.drain(..) {
            let _ = waiter.send(Ok(Arrived::Written));
        }
    }

    /// Forgets a request, so that its ids are free.
    fn release(&mut self, token: Token) -> Option<Pending> {
        let pending = self.requests.remove(&token)?;
        for id in &pending.ids {
            self.ids.remove(id);
        }
        Some(pending)
    }

    /// Notes that the caller of a request has left, or that a stream is no longer read.
    pub(super) fn abandon(&mut self, token: Token, given_up: GivenUp) {
        let Some(pending) = self.requests.get_mut(&token) else { return };
        match mem::replace(&mut pending.stage, Stage::Abandoned) {
            Stage::Abandoned => return,
            Stage::Queued(..) => {
                self.queue.retain(|queued| *queued != token);
                self.release(token);
                return;
            }
            Stage::Streaming(_, Some(subscription)) => {
                self.unsubscribe(token, &subscription);
                return;
            }
            Stage::Written(_) | Stage::Streaming(_, None) => {}
        }
        if let SessionProtocol::RpcV1 = self.protocol {
            let message = match given_up {
                GivenUp::Call => control::cancel,
                GivenUp::Attempt => control::give_up,
            };
            self.control.extend(pending.ids.iter().map(message));
        }
        self.abandoned += 1;
    }

    /// Ends a subscription that is no longer read.
    fn unsubscribe(&mut self, token: Token, subscription: &str) {
        self.subscriptions.remove(subscription);
        let Some(Pending { expect: Expect::Stream(names), .. }) = self.release(token) else { return };
        self.call_unsubscribe(&names, subscription);
    }

    fn call_unsubscribe(&mut self, names: &SubscriptionNames, subscription: &str) {
        self.unsubscribed += 1;
        let id = (1 << 53) - self.unsubscribed;
        self.push_control(control::unsubscribe(names.unsubscribe(), subscription, id));
    }

    /// Gives back credit to the server, after items of a stream were read.
    pub(super) fn give_credit(&mut self, token: Token) {
        let Some(Pending { ids, stage: Stage::Streaming(buffer, subscription), .. }) = self.requests.get(&token) else {
            return;
        };
        // The older form knows no credit, but counts what is unread.
        if let (Some(bytes), None) = (buffer.take_credit(), subscription) {
            let credit = ids.first().map(|id| control::credit(id, bytes));
            self.control.extend(credit);
        }
    }

    /// Fails all requests, since the connection has ended.
    pub(super) fn end(&mut self, end: PipeEnd) {
        if self.end.is_some() {
            return;
        }
        let requests = mem::take(&mut self.requests);
        let is_alone = requests.values().filter(|pending| matches!(pending.stage, Stage::Written(_))).count() == 1;
        for pending in requests.into_values() {
            match (pending.stage, &end) {
                (Stage::Queued(_, _, waiter), _) => {
                    let _ = waiter.send(Err(Failure::not_sent(end.clone())));
                }
                (Stage::Written(waiter), PipeEnd::TooLarge(limit)) if is_alone => {
                    let _ = waiter.send(Err(Failure::answer_too_large(*limit)));
                }
                (Stage::Written(waiter), _) => {
                    let _ = waiter.send(Err(Failure::transport(end.clone())));
                }
                (Stage::Streaming(buffer, _), _) => buffer.cut(Failure::transport(end.clone())),
                (Stage::Abandoned, _) => {}
            }
        }
        for waiter in self.unflushed.drain(..) {
            let _ = waiter.send(Err(Failure::transport(end.clone())));
        }
        (self.queue, self.control, self.abandoned) = (VecDeque::new(), VecDeque::new(), 0);
        self.ids.clear();
        self.subscriptions.clear();
        self.early.clear();
        self.end = Some(end);
    }
}
