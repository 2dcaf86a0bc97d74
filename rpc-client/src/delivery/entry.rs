//! One call or notification during its delivery: its request text, id, deadline, and the results of its attempts.
//! `settle` updates it, and `payload` writes it.

use std::sync::Arc;

use rpc_core::codes::Proof;
use rpc_core::{Effect, ErrorKind, ErrorObject, MethodRef, Outcome, codec};
use uuid::Uuid;

use crate::call_id::CallId;
use crate::error::{Answer, AnswerResult};
use crate::failure::{Failure, FailureKind};
use crate::joined_call::JoinedCall;
use crate::reliability::attempt::{Attempt, AttemptError};
use crate::reliability::judge::{AnswerSource, Judgment, RetryDecision};
use crate::reliability::retry::Retry;
use crate::response_slot::ResponseSlot;
use crate::runtime::Instant;

/// A call or a notification during its delivery, from the first attempt to its end.
///
/// It is kept small, since a batch has many entries and errors are rare.
pub(crate) struct Entry {
    /// The JSON text up to the position of the id.
    pub(crate) request: Vec<u8>,
    /// The id, which is chosen before the first attempt. A notification has none.
    pub(crate) id: Option<CallId>,
    pub(crate) method: MethodRef,
    pub(crate) effect: Effect,
    /// The entry's own retry policy, if it has one.
    pub(crate) retry: Option<Box<Retry>>,
    /// The time by which it must have ended.
    pub(crate) deadline: Instant,
    /// Where to store the head of the response or the stream, if the caller wants it.
    pub(crate) slot: Option<ResponseSlot>,
    /// The caller, if it shares the request with other callers.
    pub(crate) joined: Option<Arc<JoinedCall>>,
    /// Whether the store that the delivery relies on is the one that got the entry's key first.
    pub(super) relies: bool,
    /// Whether the entry gets a new key as its id, if the server keeps keys.
    pub(crate) wants_key: bool,
    /// Whether the caller set its key. The caller may use the same key elsewhere.
    pub(crate) has_given_key: bool,
    /// Whether an attempt may have run it.
    pub(super) uncertain: bool,
    retry_state: Option<Box<RetryState>>,
}

/// The state of an entry that did not succeed at once.
#[derive(Default)]
pub(super) struct RetryState {
    /// The number of attempts that count towards the policy's limit.
    pub(super) spent: u32,
    /// How often the server answered that the call still runs.
    pub(super) waits: u32,
    /// The failure of the last attempt that may have run the call.
    pub(super) doubt: Option<Failure>,
    pub(super) attempts: Vec<Attempt>,
    answered: Option<AnswerResult>,
}

impl Entry {
    pub(crate) fn new(
        request: Vec<u8>,
        id: Option<CallId>,
        method: MethodRef,
        effect: Effect,
        retry: Option<Box<Retry>>,
        deadline: Instant,
    ) -> Self {
        Self {
            request,
            id,
            method,
            effect,
            retry,
            deadline,
            slot: None,
            joined: None,
            relies: false,
            wants_key: false,
            has_given_key: false,
            uncertain: false,
            retry_state: None,
        }
    }

    /// Returns the id, or `None` while the entry waits to learn whether the server keeps keys.
    #[cfg(feature = "telemetry")]
    pub(crate) fn decided_id(&self) -> Option<&CallId> {
        self.id.as_ref().filter(|_| !self.wants_key)
    }

    /// Copies an entry that has not been sent yet.
    pub(crate) fn copy(&self) -> Self {
        let Self { relies, wants_key, has_given_key, uncertain, deadline, .. } = *self;
        let (request, id, method) = (self.request.clone(), self.id.clone(), self.method.clone());
        let entry = Self::new(request, id, method, self.effect, self.retry.clone(), deadline);
        Self { relies, wants_key, has_given_key, uncertain, slot: self.slot.clone(), ..entry }
    }

    /// Returns whether it opens a stream. Such an entry is sent alone.
    pub(crate) fn opens_stream(&self) -> bool {
        self.slot.as_ref().is_some_and(ResponseSlot::is_for_stream)
    }

    /// Returns whether it may have run already.
    pub(crate) fn uncertain(&self) -> bool {
        self.uncertain
    }

    /// Returns the JSON text of the params, if there are any and the message was not taken to be sent.
    pub(crate) fn params(&self) -> Option<&str> {
        const PARAMS: &str = r#","params":"#;
        let text = std::str::from_utf8(&self.request).ok()?;
        // A quote in the method's name, which comes first, is escaped, so it never follows a comma.
        text.find(PARAMS).map(|at| &text[at + PARAMS.len()..])
    }

    pub(super) fn is_pending(&self) -> bool {
        self.retry_state.as_ref().is_none_or(|state| state.answered.is_none())
    }

    /// Returns whether the policy allows another attempt after the next one.
    pub(super) fn has_two_attempts_left(&self, client: &Retry) -> bool {
        let spent = self.retry_state.as_ref().map_or(0, |state| state.spent);
        spent + 1 < self.retry(client).max_attempts
    }

    /// Returns the entry's policy, or the client's if it has none.
    pub(crate) fn retry<'a>(&'a self, client: &'a Retry) -> &'a Retry {
        self.retry.as_deref().unwrap_or(client)
    }

    pub(super) fn retry_state(&mut self) -> &mut RetryState {
        self.retry_state.get_or_insert_default()
    }

    pub(super) fn has_attempts(&self) -> bool {
        self.retry_state.as_ref().is_some_and(|state| !state.attempts.is_empty())
    }

    /// Returns the final answer.
    pub(super) fn into_answer(self) -> Option<AnswerResult> {
        self.retry_state.and_then(|state| state.answered)
    }

    /// Takes the entry out of its delivery, which keeps one in its place that has ended.
    pub(super) fn split_off(&mut self) -> Self {
        let ended = Self::new(Vec::new(), None, self.method.clone(), self.effect, None, self.deadline);
        let entry = std::mem::replace(self, ended);
        self.retry_state().answered = Some(Err(Failure::new(FailureKind::Expired)));
        entry
    }

    /// Returns whether its caller has gone, while other callers still wait for the request.
    pub(super) fn is_abandoned(&self) -> bool {
        self.joined.as_ref().is_some_and(|joined| joined.is_abandoned())
    }

    pub(crate) fn key(&self) -> Option<Uuid> {
        self.id.as_ref().and_then(CallId::key)
    }

    /// Returns whether it has a key, or may get one.
    pub(super) fn may_have_key(&self) -> bool {
        self.wants_key || self.key().is_some()
    }

    /// Returns an upper bound of the message's size in bytes.
    pub(crate) fn len(&self) -> usize {
        self.request.len() + 56
    }

    /// Takes the message, for an entry that is sent alone.
    pub(super) fn take_message(&mut self) -> Vec<u8> {
        let mut message = std::mem::take(&mut self.request);
        close(self.id.as_ref(), &mut message);
        message
    }

    /// Writes the message.
    pub(super) fn write(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(&self.request);
        close(self.id.as_ref(), out);
    }

    /// Notes that the entry is about to be sent, either to a store that it relies on or without one.
    pub(super) fn begin(&mut self, relies: bool) {
        // An entry that may have run stays with the store that may know of it.
        if !self.uncertain {
            self.relies = relies && self.key().is_some();
        }
    }

    /// Notes that the delivery relies on another store from now on, or on none.
    pub(super) fn leave_store(&mut self) {
        self.relies &= !self.uncertain;
    }

    /// Returns whether the entry can be retried with an unknown outcome, given whether its store still remembers its
    /// key.
    pub(super) fn is_repeatable(&self, remembers: bool) -> bool {
        match self.effect {
            Effect::None | Effect::Idempotent => true,
            Effect::Once => self.relies && remembers,
        }
    }

    /// Marks the entry as one that may have run already, at the store that its delivery is pinned to.
    pub(crate) fn redeem(&mut self) {
        (self.relies, self.uncertain) = (true, true);
    }

    /// Ends the entry with its last answer, combined with the results of earlier attempts, and returns the final
    /// answer.
    pub(super) fn settle(&mut self, answered: AnswerResult, judgment: Judgment, start: Instant) -> &AnswerResult {
        let answered = match answered {
            Ok(Answer::Error(error) | Answer::OfRequest(error)) if self.is_doubtful(&error, judgment) => {
                Err(Failure::new(FailureKind::Server(error)).with_outcome(Outcome::Unknown))
            }
            Ok(answer) => Ok(answer),
            Err(failure) if judgment.outcome == Outcome::Executed || !self.uncertain => {
                Err(failure.with_outcome(judgment.outcome))
            }
            Err(failure) => Err(self.say_why(failure, judgment, start).with_outcome(Outcome::Unknown)),
        };
        let state = self.retry_state();
        let attempts = std::mem::take(&mut state.attempts);
        let answered = answered.map_err(|failure| failure.with_attempts(attempts));
        if let Some(joined) = &self.joined {
            // Other entries may be retried for long.
            joined.answer(|| answered.clone());
        }
        self.retry_state().answered.insert(answered)
    }

    /// Chooses the failure that explains best why the outcome is unknown.
    fn say_why(&mut self, last: Failure, judgment: Judgment, start: Instant) -> Failure {
        let timed_out = last.is_timeout() && Instant::now() >= self.deadline;
        if timed_out || (judgment.next == RetryDecision::Wait && self.relies) {
            return Failure::new(FailureKind::Timeout(self.deadline.saturating_duration_since(start)));
        }
        // If a call may have run and could not be sent again, the failure to send it is not the reason.
        if judgment.outcome == Outcome::Unknown && !last.is_told_unknown() {
            last
        } else {
            self.retry_state().doubt.take().unwrap_or(last)
        }
    }

    /// Returns whether an error says nothing about an earlier attempt that may have run, because it is not the method's
    /// own error. With a key it does say something: the server would have sent the kept answer of that attempt. The
    /// exception is a server that has not asked its store.
    fn is_doubtful(&self, error: &ErrorObject, judgment: Judgment) -> bool {
        // Servers send these codes before they look the key up.
        let is_early = error.code().meaning().proof == Proof::NotRun;
        // A framework code that was not turned into a failure comes from the handler.
        let of_handler = error.code().is_for_services() || error.code().is_framework();
        let own = of_handler || (self.relies && !judgment.refused && !is_early);
        self.uncertain && !(judgment.of_call && own)
    }
}

fn close(id: Option<&CallId>, out: &mut Vec<u8>) {
    match id {
        Some(id) => id.close(out),
        None => codec::close_request(out, None),
    }
}

/// Returns why an attempt failed, if it did.
pub(super) fn attempt_error(answered: &AnswerResult) -> Option<AttemptError> {
    match answered {
        Ok(Answer::Result(_)) => None,
        Ok(Answer::Error(error) | Answer::OfRequest(error)) => {
            Some(AttemptError { kind: ErrorKind::of_error(error), message: error.to_string() })
        }
        Err(failure) => Some(AttemptError { kind: failure.kind(), message: failure.to_string() }),
    }
}

/// Turns errors with one of the framework's own codes into failures, before they are decoded as the method's. Under the
/// call's own id such an error is the handler's, unless the server marks it as its own.
pub(super) fn sort_out(answered: AnswerResult, source: AnswerSource<'_>) -> AnswerResult {
    match answered {
        Ok(Answer::Error(error)) if error.code().is_framework() && source.is_of_server() => {
            Err(Failure::new(FailureKind::Server(error)))
        }
        Ok(Answer::OfRequest(error)) if error.code().is_framework() => Err(Failure::new(FailureKind::Server(error))),
        answered => answered,
    }
}
