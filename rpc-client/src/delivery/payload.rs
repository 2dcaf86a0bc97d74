//! All entries of a delivery as one request. [`Payload`] writes the pending entries, and assigns the answers or the
//! failure to them with `replies`.

use std::sync::Arc;

use bytes::Bytes;
use http::HeaderMap;
use rpc_core::BoxFuture;
use rpc_core::headers::Refused;
use uuid::Uuid;

use super::entry::Entry;
use crate::call_id::KeyGenerator;
use crate::error::{Answer, AnswerResult};
use crate::failure::{Failure, FailureKind};
use crate::meta::ResponseMeta;
use crate::replies::{self, VersionCheck};
use crate::transport::{Reply, SubscriptionNames};

/// The calls and notifications of a request. It writes them and reads their answers.
pub(crate) struct Payload {
    entries: Vec<Entry>,
    form: PayloadForm,
}

enum PayloadForm {
    /// One message that is no batch: its bytes, once they were written.
    Single(Bytes),
    /// An array of the pending entries.
    Batch,
}

impl Payload {
    /// Makes the payload of one call outside a batch.
    pub(crate) fn single(entry: Entry) -> Self {
        Self { entries: vec![entry], form: PayloadForm::Single(Bytes::new()) }
    }

    pub(crate) fn batch(entries: Vec<Entry>) -> Self {
        Self { entries, form: PayloadForm::Batch }
    }

    /// Makes the payload of a batch, or of one call outside a batch.
    pub(crate) fn new(mut entries: Vec<Entry>, is_batch: bool) -> Self {
        match entries.pop() {
            Some(entry) if !is_batch => Self::single(entry),
            entry => {
                entries.extend(entry);
                Self::batch(entries)
            }
        }
    }

    /// Returns the entries, and whether they are a batch.
    pub(crate) fn into_entries(self) -> (Vec<Entry>, bool) {
        (self.entries, matches!(self.form, PayloadForm::Batch))
    }

    /// Returns the only entry.
    pub(crate) fn into_entry(mut self) -> Entry {
        self.entries.pop().expect("the payload of one call has an entry")
    }

    /// Returns whether its calls belong to several callers.
    pub(crate) fn is_joined(&self) -> bool {
        self.entries.first().is_some_and(|entry| entry.joined.is_some())
    }

    /// Returns the largest size of the answer to the pending entries. The answers of a batch count together, but each
    /// joined call has the whole limit, so that joining calls makes no answer too large.
    pub(super) fn max_response_bytes(&self, limit: usize) -> usize {
        if self.is_joined() { limit.saturating_mul(self.pending().count()) } else { limit }
    }

    /// Returns whether it is an array. An array can have one entry.
    pub(crate) fn is_batch(&self) -> bool {
        matches!(self.form, PayloadForm::Batch)
    }

    pub(crate) fn entries(&self) -> &[Entry] {
        &self.entries
    }

    pub(super) fn entries_mut(&mut self) -> &mut [Entry] {
        &mut self.entries
    }

    /// Returns the entries that have not ended.
    pub(super) fn pending(&self) -> impl Iterator<Item = &Entry> {
        self.entries.iter().filter(|entry| entry.is_pending())
    }

    pub(super) fn pending_mut(&mut self) -> impl Iterator<Item = &mut Entry> {
        self.entries.iter_mut().filter(|entry| entry.is_pending())
    }

    /// Returns the keys of the pending entries that have one.
    pub(super) fn keys(&self) -> impl Iterator<Item = Uuid> {
        self.pending().filter_map(Entry::key)
    }

    /// Gives a new key to each entry that wants one.
    pub(super) fn give_keys(&mut self) {
        let mut generator = KeyGenerator::default();
        self.pending_mut().filter(|entry| entry.wants_key).for_each(|entry| entry.id = Some(generator.next()));
    }

    /// Writes the pending entries as the body of a request.
    pub(super) fn write(&mut self) -> Bytes {
        if let PayloadForm::Single(message) = &mut self.form {
            if message.is_empty() {
                *message = self.entries[0].take_message().into();
            }
            return message.clone();
        }
        let room = self.pending().map(Entry::len).sum();
        let mut body = Vec::with_capacity(room);
        for entry in self.pending() {
            body.push(if body.is_empty() { b'[' } else { b',' });
            entry.write(&mut body);
        }
        body.push(b']');
        body.into()
    }

    /// Gives each pending entry the failure of the request, or its own answer if the body of an HTTP error has one.
    pub(super) fn fail(&self, mut failure: Failure, check: VersionCheck) -> Vec<AnswerResult> {
        let Some(body) = failure.take_answer().filter(|body| self.is_alike(body)) else {
            return self.fail_all(failure);
        };
        let ids: Vec<_> = self.pending().filter_map(|entry| entry.id.as_ref()).collect();
        let own = replies::own(&body, &ids, check);
        if own.iter().any(Option::is_some) {
            failure = failure.without_error();
        }
        let mut own = own.into_iter();
        let answer = |entry: &Entry| match entry.id.as_ref().and_then(|_| own.next().flatten()) {
            // For an error with one of the framework's own codes, the status decides what it proves.
            Some(Ok(Answer::Error(error))) if error.code().is_framework() => Err(failure.clone().with_error(error)),
            Some(answered) => answered,
            None => Err(failure.clone()),
        };
        self.pending().map(answer).collect()
    }

    /// Returns whether a body has the form of an answer to the request: an array does not answer a single call.
    fn is_alike(&self, body: &[u8]) -> bool {
        matches!(self.form, PayloadForm::Batch) || body.trim_ascii_start().starts_with(b"{")
    }

    fn fail_all(&self, failure: Failure) -> Vec<AnswerResult> {
        match self.form {
            PayloadForm::Single(_) => vec![Err(failure)],
            PayloadForm::Batch => self.pending().map(|_| Err(failure.clone())).collect(),
        }
    }

    /// Returns whether its call opens a stream.
    pub(super) fn opens_stream(&self) -> bool {
        self.entries.first().is_some_and(Entry::opens_stream)
    }

    /// Returns the names of the stream that its call opens, for servers that know streams as subscriptions.
    pub(super) fn subscription(&self) -> Option<Arc<SubscriptionNames>> {
        self.entries.first()?.slot.as_ref()?.subscription()
    }

    /// Moves the stream that answers the call to the call's slot, if the call opens one.
    pub(super) fn accept(&self, reply: BoxFuture<Result<Reply, Failure>>) -> BoxFuture<Result<Reply, Failure>> {
        match self.entries.first() {
            Some(Entry { slot: Some(slot), id: Some(id), .. }) if slot.is_for_stream() => {
                slot.accept(id.clone(), reply)
            }
            _ => reply,
        }
    }

    /// Gives the head of a response to the pending entries with callers that want it.
    pub(super) fn keep_meta(&self, head: &ResponseMeta) {
        let mut slots = self.pending().filter_map(|entry| entry.slot.as_ref()).peekable();
        // Hardly any caller does.
        if slots.peek().is_some() {
            let meta = Arc::new(head.clone());
            slots.for_each(|slot| slot.set_meta(&meta));
        }
    }

    /// Reads the answer to each pending entry, in order.
    pub(super) fn read(&self, body: &Bytes, headers: &HeaderMap, check: VersionCheck) -> Vec<AnswerResult> {
        let mut answers = match self.form {
            PayloadForm::Single(_) => vec![replies::single(body, self.entries[0].id.as_ref(), check)],
            PayloadForm::Batch => self.read_batch(body, check),
        };
        if self.pending().any(|entry| entry.id.is_none()) {
            // For a refused notification the header is the only sign.
            let refused = Refused::of(headers);
            for (place, (entry, answered)) in self.pending().zip(&mut answers).enumerate() {
                if entry.id.is_none() && matches!(answered, Ok(Answer::Result(_))) && refused.contains(place) {
                    *answered = Err(Failure::new(FailureKind::Refused));
                }
            }
        }
        answers
    }

    fn read_batch(&self, body: &Bytes, check: VersionCheck) -> Vec<AnswerResult> {
        let ids: Vec<_> = self.pending().filter_map(|entry| entry.id.as_ref()).collect();
        if ids.is_empty() {
            return match replies::single(body, None, check) {
                Ok(answer) => self.pending().map(|_| Ok(answer.clone())).collect(),
                Err(failure) => self.fail_all(failure),
            };
        }
        match replies::batch(body, &ids, check) {
            Err(failure) => self.fail_all(failure),
            Ok(Err(error)) => self.pending().map(|_| Ok(Answer::OfRequest(error.clone()))).collect(),
            // In nearly all batches nothing else is pending.
            Ok(Ok(of_calls)) if ids.len() == self.entries.len() => of_calls,
            Ok(Ok(of_calls)) => {
                let mut of_calls = of_calls.into_iter();
                let answer = |entry: &Entry| match entry.id {
                    Some(_) => of_calls.next().expect("there is an answer for each id"),
                    None => Ok(Answer::Result(Bytes::new())),
                };
                self.pending().map(answer).collect()
            }
        }
    }

    /// Returns the final answer of each entry, in order.
    pub(super) fn into_answers(self) -> Vec<AnswerResult> {
        let answers = self.entries.into_iter().map(Entry::into_answer);
        answers.map(|answered| answered.expect("a delivery ends when each entry has an answer")).collect()
    }
}
