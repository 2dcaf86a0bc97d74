//! One call or notification during its delivery: its request text, id, deadline, and what its attempts have met.
//! `settle` updates it, and `payload` writes it.

use rpc_core::codes::Proof;
use rpc_core::{Effect, ErrorKind, ErrorObject, MethodRef, Outcome, codec};
use uuid::Uuid;

use crate::call_id::CallId;
use crate::error::{Answer, Answered};
use crate::failure::{Failure, Kind};
use crate::meta::MetaSlot;
use crate::reliability::attempt::{Attempt, AttemptError};
use crate::reliability::judge::{Judgment, Next, Source};
use crate::reliability::retry::Retry;
use crate::runtime::Instant;

/// A call or a notification on its way, from the first attempt to what comes of it.
///
/// It is kept small, since the entries of a batch are many and mostly nothing goes wrong.
pub(crate) struct Entry {
    /// The JSON text up to where the id will stand.
    pub(crate) request: Vec<u8>,
    /// A notification has none. It is decided ahead of the first attempt.
    pub(crate) id: Option<CallId>,
    pub(crate) method: MethodRef,
    pub(crate) effect: Effect,
    /// Its own policy, where it has one.
    pub(crate) retry: Option<Box<Retry>>,
    /// By when it must have ended.
    pub(crate) deadline: Instant,
    /// Where the head of the response goes, if the caller wants it.
    pub(crate) meta: Option<MetaSlot>,
    /// Whether the store that its delivery relies upon is the one to which its key was sent at first.
    pub(super) relies: bool,
    /// Whether its id is to be a key of its own, if the server keeps keys.
    pub(crate) wants_key: bool,
    /// Whether its key was given by the caller, who may use it elsewhere, too.
    pub(crate) has_given_key: bool,
    /// Whether some attempt may have run it.
    pub(super) uncertain: bool,
    retry_state: Option<Box<RetryState>>,
}

/// What an entry has met that did not end well at once.
#[derive(Default)]
pub(super) struct RetryState {
    /// How many attempts count towards the policy's limit.
    pub(super) spent: u32,
    /// How often it was told that it runs already.
    pub(super) waits: u32,
    /// What the last attempt has met that may have run it, if it says more than that.
    pub(super) doubt: Option<Failure>,
    pub(super) attempts: Vec<Attempt>,
    answered: Option<Answered>,
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
            meta: None,
            relies: false,
            wants_key: false,
            has_given_key: false,
            uncertain: false,
            retry_state: None,
        }
    }

    /// Returns its id, unless that is decided only when it is known whether the server keeps keys.
    #[cfg(feature = "telemetry")]
    pub(crate) fn decided_id(&self) -> Option<&CallId> {
        self.id.as_ref().filter(|_| !self.wants_key)
    }

    /// Copies an entry that was not sent yet.
    pub(crate) fn copy(&self) -> Self {
        let Self { relies, wants_key, has_given_key, uncertain, deadline, .. } = *self;
        let (request, id, method) = (self.request.clone(), self.id.clone(), self.method.clone());
        let entry = Self::new(request, id, method, self.effect, self.retry.clone(), deadline);
        Self { relies, wants_key, has_given_key, uncertain, meta: self.meta.clone(), ..entry }
    }

    /// Tells whether it may have run already.
    pub(crate) fn uncertain(&self) -> bool {
        self.uncertain
    }

    /// Returns the JSON text of the params, where there are any and they were not taken out to be sent.
    pub(crate) fn params(&self) -> Option<&str> {
        const PARAMS: &str = r#","params":"#;
        let text = std::str::from_utf8(&self.request).ok()?;
        // A quote in the method's name, which comes before, is escaped, and so does not follow a comma.
        text.find(PARAMS).map(|at| &text[at + PARAMS.len()..])
    }

    pub(super) fn is_pending(&self) -> bool {
        self.retry_state.as_ref().is_none_or(|state| state.answered.is_none())
    }

    /// Tells whether the policy leaves an attempt after the one that comes next.
    pub(super) fn has_two_attempts_left(&self, client: &Retry) -> bool {
        let spent = self.retry_state.as_ref().map_or(0, |state| state.spent);
        spent + 1 < self.retry(client).max_attempts
    }

    /// Returns the entry's policy, which is the client's where it has none of its own.
    pub(super) fn retry<'a>(&'a self, client: &'a Retry) -> &'a Retry {
        self.retry.as_deref().unwrap_or(client)
    }

    pub(super) fn retry_state(&mut self) -> &mut RetryState {
        self.retry_state.get_or_insert_default()
    }

    pub(super) fn has_attempts(&self) -> bool {
        self.retry_state.as_ref().is_some_and(|state| !state.attempts.is_empty())
    }

    /// Returns what came of it in the end.
    pub(super) fn into_answer(self) -> Option<Answered> {
        self.retry_state.and_then(|state| state.answered)
    }

    pub(crate) fn key(&self) -> Option<Uuid> {
        self.id.as_ref().and_then(CallId::key)
    }

    /// Tells whether it has a key, or may get one.
    pub(super) fn may_have_key(&self) -> bool {
        self.wants_key || self.key().is_some()
    }

    /// Returns how many bytes the message has, at most.
    pub(super) fn len(&self) -> usize {
        self.request.len() + 56
    }

    /// Takes the message out, for an entry that travels alone.
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

    /// Notes that the entry is about to be sent to a store that is relied upon, or to none.
    pub(super) fn begin(&mut self, relies: bool) {
        // An entry that may have run keeps to the store that may know of it.
        if !self.uncertain {
            self.relies = relies && self.key().is_some();
        }
    }

    /// Notes that its delivery relies upon another store from now on, or upon none.
    pub(super) fn leave_store(&mut self) {
        self.relies &= !self.uncertain;
    }

    /// Tells whether the entry may go again when nobody knows whether it has run, as far as its store remembers.
    pub(super) fn is_repeatable(&self, remembers: bool) -> bool {
        match self.effect {
            Effect::None | Effect::Idempotent => true,
            Effect::Once => self.relies && remembers,
        }
    }

    /// Takes the entry for one that may have run already, at the store that its delivery is pinned to.
    pub(crate) fn redeem(&mut self) {
        (self.relies, self.uncertain) = (true, true);
    }

    /// Ends the entry with what came of its last attempt, seen together with what the others have met, and returns it.
    pub(super) fn settle(&mut self, answered: Answered, judgment: Judgment, start: Instant) -> &Answered {
        let answered = match answered {
            Ok(Answer::Error(error) | Answer::OfRequest(error)) if self.is_doubtful(&error, judgment) => {
                Err(Failure::new(Kind::Server(error)).with_outcome(Outcome::Unknown))
            }
            Ok(answer) => Ok(answer),
            Err(failure) if judgment.outcome == Outcome::Executed || !self.uncertain => {
                Err(failure.with_outcome(judgment.outcome))
            }
            Err(failure) => Err(self.say_why(failure, judgment, start).with_outcome(Outcome::Unknown)),
        };
        let state = self.retry_state();
        let attempts = std::mem::take(&mut state.attempts);
        state.answered.insert(answered.map_err(|failure| failure.with_attempts(attempts)))
    }

    /// Chooses the failure that tells best why nobody knows what became of the call.
    fn say_why(&mut self, last: Failure, judgment: Judgment, start: Instant) -> Failure {
        let timed_out = last.is_timeout() && Instant::now() >= self.deadline;
        if timed_out || (judgment.next == Next::Wait && self.relies) {
            return Failure::new(Kind::Timeout(self.deadline.saturating_duration_since(start)));
        }
        // A call that may have run and could then not even be sent did not fail because of the latter.
        if judgment.outcome == Outcome::Unknown && !last.is_told_unknown() {
            last
        } else {
            self.retry_state().doubt.take().unwrap_or(last)
        }
    }

    /// Tells whether an error says nothing of an earlier attempt that may have run, since it is not the method's own.
    /// Under a key it does, since the server would have given what it kept of that attempt, unless it could not ask its
    /// store.
    fn is_doubtful(&self, error: &ErrorObject, judgment: Judgment) -> bool {
        // These are said before anybody looks the key up.
        let is_early = error.code().meaning().proof == Proof::NotRun;
        // One of the framework's codes that is no failure by now is the handler's.
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

/// Says why an attempt failed, if it did.
pub(super) fn attempt_error(answered: &Answered) -> Option<AttemptError> {
    match answered {
        Ok(Answer::Result(_)) => None,
        Ok(Answer::Error(error) | Answer::OfRequest(error)) => {
            Some(AttemptError { kind: ErrorKind::of_error(error), message: error.to_string() })
        }
        Err(failure) => Some(AttemptError { kind: failure.kind(), message: failure.to_string() }),
    }
}

/// Turns errors with one of the framework's own codes into failures, before anybody takes them for the method's. Such
/// an error under the call's own id is the handler's, unless the server says that it is its own.
pub(super) fn sort_out(answered: Answered, source: Source<'_>) -> Answered {
    match answered {
        Ok(Answer::Error(error)) if error.code().is_framework() && source.is_of_server() => {
            Err(Failure::new(Kind::Server(error)))
        }
        Ok(Answer::OfRequest(error)) if error.code().is_framework() => Err(Failure::new(Kind::Server(error))),
        answered => answered,
    }
}
