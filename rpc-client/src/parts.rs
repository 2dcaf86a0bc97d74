//! A call before it is sent, without its types: method, params, headers, deadline, effect and key. [`CallParts`]
//! becomes an `Entry` when the call is awaited. The deadline is resolved at that time, with the time that the handler
//! has left.

use std::fmt;
use std::time::Duration;

use http::{HeaderMap, HeaderName, HeaderValue};
use rpc_core::{Context, Effect, InheritedTimeLimit, MethodRef, Outcome};
use uuid::Uuid;

use crate::call_id::{CallId, CallKey};
use crate::delivery::{Entry, SharedParts};
use crate::engine::Engine;
use crate::failure::{Failure, FailureKind};
use crate::headers::set_header;
use crate::reliability::retry::Retry;
use crate::response_slot::ResponseSlot;
use crate::runtime::Instant;
use crate::stable_hash::stable_hash;
use crate::ticket::Ticket;

/// A call or a notification before it is sent, without its types.
pub(crate) struct CallParts {
    pub(crate) method: MethodRef,
    /// The JSON text up to the position of the id, or why the call cannot be sent.
    pub(crate) request: Result<Vec<u8>, Failure>,
    pub(crate) headers: Option<Box<HeaderMap>>,
    pub(crate) deadline: Option<Duration>,
    /// The time by which it must have ended, whatever the deadline.
    pub(crate) until: CallerDeadline,
    pub(crate) effect: Effect,
    pub(crate) retry: Option<Box<Retry>>,
    pub(crate) identity: CallIdentity,
    /// Where to store the head of the response or the stream, if the caller wants it.
    pub(crate) slot: Option<ResponseSlot>,
    /// The hash of the hash key, if the caller set one.
    pub(crate) hash_key: Option<u64>,
}

/// The id under which a call is sent, and so its idempotency key.
pub(crate) enum CallIdentity {
    /// A new id for this call: a key, if it needs one.
    Own,
    /// The caller's key, without a store.
    Given(Uuid),
    /// The key of a ticket. If the ticket was redeemed, the call may have been sent under it before.
    Ticket { ticket: Box<Ticket>, redeemed: bool },
    /// No id: it is a notification.
    Notification,
}

impl CallParts {
    pub(crate) fn new(method: MethodRef, request: Result<Vec<u8>, Failure>) -> Self {
        let effect = method.effect;
        Self {
            method,
            request,
            headers: None,
            deadline: None,
            until: CallerDeadline::default(),
            effect,
            retry: None,
            identity: CallIdentity::Own,
            slot: None,
            hash_key: None,
        }
    }

    pub(crate) fn set_header<N, V>(&mut self, name: N, value: V)
    where
        N: TryInto<HeaderName>,
        V: TryInto<HeaderValue>,
    {
        if let Err(failure) = set_header(self.headers.get_or_insert_default(), name, value)
            && self.request.is_ok()
        {
            self.request = Err(failure);
        }
    }

    /// Copies the headers that the client propagates from the request of a handler. Headers of the call stay as they
    /// are.
    pub(crate) fn copy_headers(&mut self, engine: &Engine, from: &HeaderMap) {
        let mut headers = self.headers.take().unwrap_or_default();
        engine.propagated.copy(from, &mut headers);
        self.headers = Some(headers).filter(|headers| !headers.is_empty());
    }

    pub(crate) fn set_hash_key(&mut self, key: &[u8]) {
        self.hash_key = Some(stable_hash(key));
    }

    /// Turns the call into a notification.
    pub(crate) fn notify(mut self) -> Self {
        if matches!(self.identity, CallIdentity::Ticket { .. }) {
            self.request = Err(self.unsendable("a notification cannot have a ticket"));
        }
        self.identity = CallIdentity::Notification;
        self
    }

    /// Returns the key that the caller set, if any.
    pub(crate) fn given_key(&self) -> Option<Uuid> {
        match &self.identity {
            CallIdentity::Own | CallIdentity::Notification => None,
            CallIdentity::Given(key) => Some(*key),
            CallIdentity::Ticket { ticket, .. } => Some(ticket.key()),
        }
    }

    /// Makes the failure of a call that cannot be sent. If the call redeems a ticket, the outcome of the first call
    /// stays unknown.
    pub(crate) fn unsendable(&self, why: &'static str) -> Failure {
        self.identity.unsendable(Failure::new(FailureKind::Builder(why)))
    }

    /// Returns when the call must have ended if it is sent now. A batch may have a deadline of its own instead.
    pub(crate) fn deadline(&self, engine: &Engine, now: Instant) -> Instant {
        let budget = self.deadline.or(self.method.timeout).unwrap_or(engine.settings.deadline);
        self.until.bound(deadline(budget, now))
    }

    /// Makes the entry of the call and its shared parts. `retry` is the policy of its batch, if it has one.
    pub(crate) fn into_entry(
        self,
        engine: &Engine,
        retry: Option<&Retry>,
        start: Instant,
    ) -> Result<(Entry, SharedParts), Failure> {
        if matches!(self.identity, CallIdentity::Ticket { .. }) && self.effect != Effect::Once {
            return Err(self.unsendable("a readonly or idempotent call needs no ticket"));
        }
        if !engine.settings.idempotency_keys && self.given_key().is_some() {
            return Err(self.unsendable("the client does not send idempotency keys, by its settings"));
        }
        let deadline = self.deadline(engine, start);
        let request = self.request.map_err(|failure| self.identity.unsendable(failure))?;
        let retry = match (self.retry, retry) {
            (Some(own), _) => Some(own),
            (None, Some(of_batch)) => Some(Box::new(*of_batch)),
            (None, None) => engine.method_retry(&self.method.name).map(|retry| Box::new(*retry)),
        };
        let is_never = retry.as_deref().unwrap_or(&engine.settings.retry).is_never();
        let id = match &self.identity {
            CallIdentity::Given(key) => Some(CallId::Key(CallKey::new(*key))),
            CallIdentity::Ticket { ticket, .. } => Some(CallId::Key(CallKey::new(ticket.key()))),
            CallIdentity::Own => Some(engine.next_id()),
            CallIdentity::Notification => None,
        };
        let mut entry = Entry::new(request, id, self.method, self.effect, retry, deadline);
        entry.slot = self.slot;
        let hash_key = self.hash_key.filter(|_| engine.endpoints.are_many());
        let mut shared = SharedParts { headers: self.headers, pin: None, hash_key };
        match self.identity {
            // A key is only for calls that may be retried.
            CallIdentity::Own => {
                entry.wants_key = self.effect == Effect::Once && !is_never && engine.settings.idempotency_keys;
            }
            CallIdentity::Notification => {}
            CallIdentity::Given(_) => entry.has_given_key = true,
            CallIdentity::Ticket { ticket, redeemed } => {
                entry.has_given_key = true;
                shared.pin = Some(Box::new(ticket.pin()));
                if redeemed {
                    entry.redeem();
                }
            }
        }
        Ok((entry, shared))
    }

    pub(crate) fn debug(&self, mut debug: fmt::DebugStruct<'_, '_>) -> fmt::Result {
        debug.field("method", &self.method.name).field("deadline", &self.deadline).finish_non_exhaustive()
    }
}

/// The instant by which a call must have ended because its result is no longer needed, if any.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct CallerDeadline(Option<Instant>);

impl CallerDeadline {
    /// Also bounds it by the time for which the caller of a handler still waits, if the caller sent a deadline.
    pub(crate) fn of_caller(self, cx: &Context) -> Self {
        let Some(left) = cx.remaining() else { return self };
        Self(Some(self.bound(after(Instant::now(), left))))
    }

    /// Returns the earlier of the two instants.
    pub(crate) fn bound(self, deadline: Instant) -> Instant {
        self.0.map_or(deadline, |until| until.min(deadline))
    }
}

impl CallIdentity {
    fn unsendable(&self, failure: Failure) -> Failure {
        match self {
            Self::Ticket { redeemed: true, .. } => failure.with_outcome(Outcome::Unknown),
            _ => failure,
        }
    }
}

impl fmt::Debug for CallParts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.debug(f.debug_struct("Entry"))
    }
}

/// Returns the end of the budget, or the end of the time that the calling handler has left, if that is earlier.
pub(crate) fn deadline(budget: Duration, now: Instant) -> Instant {
    match InheritedTimeLimit::current() {
        InheritedTimeLimit::Nothing => after(now, budget),
        InheritedTimeLimit::Within(time) => after(now, budget.min(time)),
        InheritedTimeLimit::Until(time) => after(now, budget).min(Instant::from_std(time)),
    }
}

/// Returns `now` plus `time`. If a clock cannot hold the sum, it is a year from now.
fn after(now: Instant, time: Duration) -> Instant {
    now.checked_add(time).unwrap_or_else(|| now + Duration::from_secs(365 * 24 * 60 * 60))
}
