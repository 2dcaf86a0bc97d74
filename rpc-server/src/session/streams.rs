//! The open streams of a session. Each is asked for messages in turn, while its client gives it credit.

use std::collections::HashMap;
use std::task::{Context, Poll};

use rpc_core::{AnswerStream, ErrorCode, ErrorObject, IdRef, StreamMessage};

use super::credit::Credit;
use super::ready_set::ReadySet;
use super::subscriptions::Subscription;
use crate::dispatch::whole_error;

/// The open streams of a session.
pub(super) struct SessionStreams {
    all: ReadySet<SessionStream>,
    /// The streams by the JSON text of their ids.
    keys: HashMap<Box<str>, usize>,
    /// The maximum size of a message, in bytes. Streams of the server's own methods keep it themselves.
    limit: usize,
}

/// An open stream.
struct SessionStream {
    /// The JSON text of the id by which its client names it.
    id: Box<str>,
    stream: AnswerStream,
    credit: Credit,
    /// Whether it waits for credit.
    is_parked: bool,
    /// How its messages are written in the older form.
    subscription: Option<Box<Subscription>>,
}

impl SessionStreams {
    /// `limit` is the maximum size of a message, in bytes.
    pub(super) fn new(limit: usize) -> Self {
        Self { all: ReadySet::new(), keys: HashMap::new(), limit: limit.saturating_add(1 << 10) }
    }

    pub(super) fn len(&self) -> usize {
        self.all.len()
    }

    pub(super) fn contains(&self, id: &str) -> bool {
        self.keys.contains_key(id)
    }

    /// Adds a stream whose messages name the id of its call.
    pub(super) fn open(&mut self, id: Box<str>, stream: AnswerStream) {
        self.insert(SessionStream { id, stream, credit: Credit::new(), is_parked: false, subscription: None });
    }

    /// Adds a stream of the older form.
    pub(super) fn subscribe(&mut self, subscription: Subscription, stream: AnswerStream) {
        let (id, subscription) = (subscription.id().into(), Some(Box::new(subscription)));
        self.insert(SessionStream { id, stream, credit: Credit::unlimited(), is_parked: false, subscription });
    }

    fn insert(&mut self, stream: SessionStream) {
        let id = stream.id.clone();
        let key = self.all.insert(stream);
        self.keys.insert(id, key);
    }

    /// Ends a stream without a message. Returns whether there was one.
    pub(super) fn close(&mut self, id: &str) -> bool {
        self.keys.remove(id).is_some_and(|key| self.all.remove(key).is_some())
    }

    /// Ends all streams. Calls back with the answers that end them.
    pub(super) fn close_all(&mut self, error: &ErrorObject, mut end: impl FnMut(Vec<u8>)) {
        for (_, key) in std::mem::take(&mut self.keys) {
            let Some(stream) = self.all.remove(key) else { continue };
            let mut message = Vec::new();
            if stream.end_with(error, &mut message).is_some() {
                end(message);
            }
        }
    }

    /// Gives a stream more credit. Does nothing if there is no such stream.
    pub(super) fn give_credit(&mut self, id: &str, bytes: u64) {
        let Some(&key) = self.keys.get(id) else { return };
        let Some(stream) = self.all.get_mut(key) else { return };
        stream.credit.add(bytes);
        if stream.is_parked && stream.credit.is_positive() {
            stream.is_parked = false;
            self.all.queue_again(key);
        }
    }

    /// Appends the next message of a stream, each in its turn.
    pub(super) fn poll_message(&mut self, cx: &mut Context<'_>, output: &mut Vec<u8>) -> Poll<()> {
        self.all.register(cx);
        while let Some(key) = self.all.next() {
            let Some(stream) = self.all.get_mut(key) else { continue };
            if !stream.credit.is_positive() {
                stream.is_parked = true;
                continue;
            }
            let (start, limit) = (output.len(), self.limit);
            match self.all.poll(key, |stream, cx| stream.poll_message(cx, output, limit)) {
                Some(Poll::Ready(StreamStep::Goes)) => self.all.queue_again(key),
                Some(Poll::Ready(StreamStep::Ends)) => {
                    if let Some(stream) = self.all.remove(key) {
                        self.keys.remove(&stream.id);
                    }
                }
                Some(Poll::Pending) | None => {}
            }
            if output.len() > start {
                return Poll::Ready(());
            }
        }
        Poll::Pending
    }
}

/// What a poll of a stream has led to.
enum StreamStep {
    /// The stream may have more messages.
    Goes,
    /// The stream has ended.
    Ends,
}

impl SessionStream {
    /// Appends the next message, or nothing where the older form has none.
    fn poll_message(&mut self, cx: &mut Context<'_>, output: &mut Vec<u8>, limit: usize) -> Poll<StreamStep> {
        let start = output.len();
        let Poll::Ready(message) = self.stream.poll_message(cx, output) else { return Poll::Pending };
        let written = output.len() - start;
        Poll::Ready(match message {
            Some(StreamMessage::Item(_)) if written > limit => {
                output.truncate(start);
                let _ = self.end_with(&ErrorCode::RESPONSE_TOO_LARGE.into(), output);
                StreamStep::Ends
            }
            Some(StreamMessage::Item(cursor)) => {
                if let Some(subscription) = &self.subscription
                    && subscription.rewrite_item(output, start, cursor).is_none()
                {
                    tracing::debug!("an item of a stream has no result and was left out");
                }
                self.credit.take(written);
                StreamStep::Goes
            }
            Some(_) => {
                if let Some(subscription) = &self.subscription {
                    let answer = output.split_off(start);
                    let _ = subscription.write_end(&answer, output);
                }
                StreamStep::Ends
            }
            None => {
                output.truncate(start);
                let _ = self.end_with(&ErrorObject::internal(), output);
                StreamStep::Ends
            }
        })
    }

    /// Appends an error of the server's own as the end of the stream. Returns `None` if the client is not told.
    fn end_with(&self, error: &ErrorObject, output: &mut Vec<u8>) -> Option<()> {
        let id = IdRef::from_json(&self.id).unwrap_or(IdRef::NULL);
        let answer = whole_error(id, error).body;
        match &self.subscription {
            Some(subscription) => subscription.write_end(&answer, output),
            None => {
                output.extend_from_slice(&answer);
                Some(())
            }
        }
    }
}
