//! Passes the messages of the peer on, to the requests and the streams that they belong to.

use std::mem;
use std::sync::Arc;

use bytes::Bytes;
use http::HeaderMap;
use rpc_core::{IdRef, SessionProtocol};

use super::super::control;
use super::super::incoming::{Incoming, subscription_of};
use super::super::message_headers::read_headers;
use super::super::stream_buffer::{MAX_UNREAD, StreamBuffer, WINDOW};
use super::{Arrived, Expect, GivenUp, MAX_REFUSALS, Pending, Stage, State, Token};
use crate::call_id::CallId;
use crate::failure::{Failure, FailureKind};

impl State {
    /// Passes a message of the peer on. Returns false for what belongs to no request and no stream of this side: calls,
    /// other notifications, and malformed messages.
    pub(in super::super) fn receive(&mut self, message: &Bytes) -> bool {
        match read(message) {
            Incoming::Answer { ids, rpc, result } => {
                let Some(token) = ids.iter().find_map(|id| self.ids.get(id)).copied() else { return true };
                match subscription_of(result).filter(|_| self.subscribes(token)) {
                    Some(subscription) => self.subscribed(token, subscription),
                    None => self.answered(token, read_headers(rpc, message), message.clone()),
                }
            }
            Incoming::Accepted { id, rpc } => {
                if let Some(token) = self.ids.get(&id).copied() {
                    self.accepted(token, read_headers(rpc, message));
                }
            }
            Incoming::Item { subscription, error } => return self.item(subscription, error, message),
            Incoming::Unassignable { rpc } => self.answer_the_only_one(read_headers(rpc, message), message),
            Incoming::Foreign => {}
            Incoming::Call { .. } | Incoming::OfPeer | Incoming::Malformed => return false,
        }
        true
    }

    /// Handles a message that [`receive`](Self::receive) did not take, if this side serves no calls: it refuses calls.
    pub(in super::super) fn refuse(&mut self, message: &Bytes) {
        match read(message) {
            Incoming::Call { id } if self.control.len() < MAX_REFUSALS => {
                self.push_control(control::refuse_call(id));
            }
            Incoming::OfPeer if self.control.len() < MAX_REFUSALS => {
                if let Some(refusals) = control::refuse_batch(message) {
                    self.push_control(refusals);
                }
            }
            // A server that answers like this answers the only call, if there is only one.
            Incoming::Malformed => self.answer_the_only_one(HeaderMap::new(), message),
            _ => {}
        }
    }

    /// Returns whether this request opens a subscription of the older form, and has no answer yet.
    fn subscribes(&self, token: Token) -> bool {
        self.protocol == SessionProtocol::Subscriptions
            && self.requests.get(&token).is_some_and(|pending| {
                matches!(pending.expect, Expect::Stream(_))
                    && matches!(pending.stage, Stage::Written(_) | Stage::Abandoned)
            })
    }

    fn answered(&mut self, token: Token, headers: HeaderMap, message: Bytes) {
        // An answer to a request that was not sent is not its answer.
        if self.requests.get(&token).is_none_or(|pending| matches!(pending.stage, Stage::Queued(..))) {
            return;
        }
        match self.release(token).map(|pending| pending.stage) {
            Some(Stage::Written(waiter)) => {
                let _ = waiter.send(Ok(Arrived::Answer(message, headers)));
            }
            Some(Stage::Streaming(buffer, _)) => buffer.answer(message),
            Some(Stage::Abandoned) => self.abandoned -= 1,
            Some(Stage::Queued(..)) | None => {}
        }
        self.forget_early();
    }

    /// Passes an answer without an id to the request that waits, if there is only one. It may also belong to a request
    /// that was given up.
    fn answer_the_only_one(&mut self, headers: HeaderMap, message: &Bytes) {
        let may_wait = |stage: &Stage| matches!(stage, Stage::Written(_) | Stage::Abandoned);
        let mut waiting = self.requests.iter().filter(|(_, pending)| may_wait(&pending.stage));
        if let (Some((token, _)), None) = (waiting.next(), waiting.next()) {
            self.answered(*token, headers, message.clone());
        }
    }

    fn accepted(&mut self, token: Token, headers: HeaderMap) {
        let Some(pending) = self.requests.get_mut(&token) else { return };
        let waiter = match mem::replace(&mut pending.stage, Stage::Abandoned) {
            Stage::Written(waiter) => waiter,
            stage => {
                pending.stage = stage;
                return;
            }
        };
        if let Expect::Stream(_) = pending.expect {
            let buffer = Arc::new(StreamBuffer::default());
            pending.stage = Stage::Streaming(Arc::clone(&buffer), None);
            // If the caller has just left, it abandons the stream itself.
            let _ = waiter.send(Ok(Arrived::Stream(buffer, headers)));
        } else {
            let why = "the method answers with a stream, which only a stream call takes";
            let _ = waiter.send(Err(Failure::new(FailureKind::Protocol(why))));
            self.control.extend(pending.ids.iter().map(control::cancel));
            self.abandoned += 1;
        }
    }

    /// Makes a stream of the subscription whose id has come, and gives it the items that came before.
    fn subscribed(&mut self, token: Token, subscription: &str) {
        let Some(pending) = self.requests.get_mut(&token) else { return };
        for id in &pending.ids {
            self.ids.remove(id);
        }
        let Stage::Written(waiter) = mem::replace(&mut pending.stage, Stage::Abandoned) else {
            self.abandoned -= 1;
            self.unsubscribe(token, subscription);
            self.forget_early();
            return;
        };
        let early = self.early.take(subscription);
        let buffer = Arc::new(StreamBuffer::default());
        pending.stage = Stage::Streaming(Arc::clone(&buffer), Some(subscription.into()));
        self.subscriptions.insert(subscription.into(), token);
        let _ = waiter.send(Ok(Arrived::Stream(buffer, HeaderMap::new())));
        for message in early.messages {
            if let Incoming::Item { error, .. } = read(&message) {
                self.item(subscription, error, &message);
            }
        }
        if early.is_cut {
            self.lagged(token, subscription);
        }
        self.forget_early();
    }

    /// Forgets the items of unknown subscriptions, once no call subscribes.
    fn forget_early(&mut self) {
        if !self.early.is_empty() && !self.requests.keys().any(|token| self.subscribes(*token)) {
            self.early.clear();
        }
    }

    /// Passes an item to its stream. Returns false if there is no such stream.
    fn item(&mut self, subscription: &str, error: Option<&str>, message: &Bytes) -> bool {
        if let SessionProtocol::RpcV1 = self.protocol {
            let id = IdRef::from_json(subscription).and_then(CallId::of_reply);
            let token = id.and_then(|id| self.ids.get(&id)).copied();
            return token.is_some_and(|token| self.item_in_credit(token, message));
        }
        let Some(token) = self.subscriptions.get(subscription).copied() else {
            let may_be_early = self.requests.keys().any(|token| self.subscribes(*token));
            if may_be_early {
                self.early.add(subscription, message.clone());
            }
            return may_be_early;
        };
        let Some(Pending { ids, stage: Stage::Streaming(buffer, _), .. }) = self.requests.get(&token) else {
            return true;
        };
        match (error, ids.first()) {
            (Some(error), Some(id)) => {
                buffer.answer(control::final_error(id, error));
                self.subscriptions.remove(subscription);
                self.release(token);
            }
            _ => {
                if !buffer.push(message.clone(), MAX_UNREAD) {
                    self.lagged(token, subscription);
                }
            }
        }
        true
    }

    /// Passes an item to the stream of a request, or drops it if the stream is no longer read. Returns false if the
    /// request has no stream.
    fn item_in_credit(&mut self, token: Token, message: &Bytes) -> bool {
        let Some(Pending { expect: Expect::Stream(_), stage, .. }) = self.requests.get(&token) else { return false };
        let Stage::Streaming(buffer, _) = stage else { return matches!(stage, Stage::Abandoned) };
        // A server may count a little less than the client. It may not ignore credit.
        if !buffer.push(message.clone(), 2 * WINDOW) {
            buffer.cut(Failure::new(FailureKind::Protocol("the server sent more of a stream than it had credit for")));
            self.abandon(token, GivenUp::Call);
        }
        true
    }

    /// Ends a subscription whose items were not read in time.
    fn lagged(&mut self, token: Token, subscription: &str) {
        if let Some(Pending { ids, stage: Stage::Streaming(buffer, _), .. }) = self.requests.get(&token)
            && let Some(id) = ids.first()
        {
            buffer.answer(control::final_error(id, control::LAGGED));
        }
        self.unsubscribe(token, subscription);
    }
}

/// Reads a message. One that is no UTF-8 is malformed.
fn read(message: &Bytes) -> Incoming<'_> {
    std::str::from_utf8(message).map_or(Incoming::Malformed, Incoming::read)
}
