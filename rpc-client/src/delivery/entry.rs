use rpc_core::headers::StoreInfo;
use rpc_core::{Effect, ErrorObject, Id, IdRef, MethodRef, codec, headers};
use tokio::time::Instant;
use uuid::{NoContext, Timestamp, Uuid};

use crate::ErrorKind;
use crate::Retry;
use crate::error::{Answer, Answered};
use crate::failure::{Failure, Kind, Outcome};
use crate::reliability::attempt::{Attempt, AttemptError};
use crate::reliability::judge::{Judgment, Next};

/// A call or a notification on its way, from the first attempt to what comes of it.
pub(crate) struct Entry {
    /// The JSON text up to where the id will stand.
    pub(crate) request: Vec<u8>,
    /// A notification has none.
    pub(crate) id: Option<CallId>,
    pub(crate) method: MethodRef,
    pub(crate) effect: Effect,
    pub(crate) retry: Retry,
    /// By when it must have ended.
    pub(crate) deadline: Instant,
    /// How many attempts count towards the policy's limit.
    pub(super) spent: u32,
    /// How often it was told that it runs already.
    pub(super) waits: u32,
    /// Which store its key was sent to at first, if that is relied upon.
    pub(super) relies_on: Option<Reliance>,
    /// Whether some attempt may have run it.
    pub(super) uncertain: bool,
    /// What the last of these attempts has met, if it says more than that.
    pub(super) doubt: Option<Failure>,
    pub(super) attempts: Vec<Attempt>,
    pub(super) answered: Option<Answered>,
}

/// What makes a repeat under a key safe.
#[derive(Clone, Copy, Debug)]
pub(super) struct Reliance {
    pub(super) store: Uuid,
    /// Until when the store remembers the key.
    pub(super) until: Instant,
}

/// Identifies a call among those of its client; or everywhere, and then it is its idempotency key, too.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum CallId {
    Number(u64),
    Key(Uuid),
}

impl CallId {
    /// Makes an id that no other call has, anywhere.
    pub(crate) fn mint() -> Self {
        // Without a shared context, which would be a lock. Nobody needs our ids to be in order within a millisecond.
        Self::Key(Uuid::new_v7(Timestamp::now(NoContext)))
    }

    pub(crate) fn key(self) -> Option<Uuid> {
        match self {
            Self::Key(key) => Some(key),
            Self::Number(_) => None,
        }
    }

    /// Reads the id of an answer, if it may be one of ours.
    pub(crate) fn of_reply(id: IdRef<'_>) -> Option<Self> {
        if let Some(number) = id.as_u64() {
            return Some(Self::Number(number));
        }
        let text = id.as_json().strip_prefix('"')?.strip_suffix('"')?;
        headers::uuid_of(text.as_bytes()).map(Self::Key)
    }

    /// Completes a request with the id.
    fn close(self, out: &mut Vec<u8>) {
        match self {
            Self::Number(number) => codec::close_request(out, Some(&Id::from(number))),
            Self::Key(key) => {
                out.extend_from_slice(br#","id":""#);
                out.extend_from_slice(key.hyphenated().encode_lower(&mut Uuid::encode_buffer()).as_bytes());
                out.extend_from_slice(br#""}"#);
            }
        }
    }
}

impl Entry {
    pub(crate) fn new(
        request: Vec<u8>,
        id: Option<CallId>,
        method: MethodRef,
        effect: Effect,
        retry: Retry,
        deadline: Instant,
    ) -> Self {
        Self {
            request,
            id,
            method,
            effect,
            retry,
            deadline,
            spent: 0,
            waits: 0,
            relies_on: None,
            uncertain: false,
            doubt: None,
            attempts: Vec::new(),
            answered: None,
        }
    }

    pub(super) fn is_pending(&self) -> bool {
        self.answered.is_none()
    }

    pub(super) fn key(&self) -> Option<Uuid> {
        self.id.and_then(CallId::key)
    }

    /// Writes the message.
    pub(super) fn write(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(&self.request);
        match self.id {
            Some(id) => id.close(out),
            None => codec::close_request(out, None),
        }
    }

    /// Notes that the entry is about to be sent to this store, if one is relied upon.
    pub(super) fn begin(&mut self, store: Option<StoreInfo>, now: Instant) {
        // An entry that may have run keeps to the store that may know of it.
        if !self.uncertain && self.key().is_some() {
            self.relies_on = store.and_then(|info| {
                // Half of the time is for what is long under way.
                Some(Reliance { store: info.identity, until: now.checked_add(info.ttl / 2)? })
            });
        }
    }

    /// Tells whether the entry may go again when nobody knows whether it has run.
    pub(super) fn is_repeatable(&self, store: Option<StoreInfo>, at: Instant) -> bool {
        match self.effect {
            Effect::None | Effect::Idempotent => true,
            Effect::Once => self.relies_on.is_some_and(|relies_on| {
                relies_on.until > at && store.is_some_and(|info| info.identity == relies_on.store)
            }),
        }
    }

    /// Keeps what an attempt has met.
    pub(super) fn record(&mut self, attempt: Attempt) {
        self.attempts.push(attempt);
    }

    /// Ends the entry with what came of its last attempt, seen together with what the others have met.
    pub(super) fn settle(&mut self, answered: Answered, judgment: Judgment, start: Instant) {
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
        let attempts = std::mem::take(&mut self.attempts);
        self.answered = Some(answered.map_err(|failure| failure.with_attempts(attempts)));
    }

    /// Chooses the failure that tells best why nobody knows what became of the call.
    fn say_why(&mut self, last: Failure, judgment: Judgment, start: Instant) -> Failure {
        let timed_out = matches!(last.kind_of_failure(), Kind::Timeout(_)) && Instant::now() >= self.deadline;
        if timed_out || judgment.next == Next::Wait {
            return Failure::new(Kind::Timeout(self.deadline.saturating_duration_since(start)));
        }
        // A call that may have run and could then not even be sent did not fail because of the latter.
        if judgment.outcome == Outcome::Unknown && !last.is_told_unknown() {
            last
        } else {
            self.doubt.take().unwrap_or(last)
        }
    }

    /// Tells whether an error says nothing of an earlier attempt that may have run, since it is not the method's own. Under a
    /// key it does, since the server would have given what it kept of that attempt.
    fn is_doubtful(&self, error: &ErrorObject, judgment: Judgment) -> bool {
        let own = error.code().is_for_services() && judgment.of_call;
        self.uncertain && self.relies_on.is_none() && !own
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

/// Turns errors with one of the framework's own codes into failures, before anybody takes them for the method's.
pub(super) fn sort_out(answered: Answered) -> Answered {
    match answered {
        Ok(Answer::Error(error) | Answer::OfRequest(error)) if error.code().is_framework() => {
            Err(Failure::new(Kind::Server(error)))
        }
        answered => answered,
    }
}
