//! A call before it is sent, without its types: method, params, headers, deadline, effect and key. [`Parts`] becomes an
//! `Entry` when the call is awaited; the deadline is resolved then, with what the handler has left.

use std::fmt;
use std::time::Duration;

use http::{HeaderMap, HeaderName, HeaderValue};
use rpc_core::{Context, Effect, Inherited, MethodRef, Outcome};
use uuid::Uuid;

use crate::call_id::{CallId, Key};
use crate::delivery::{Entry, Manner};
use crate::engine::Engine;
use crate::failure::{Failure, Kind};
use crate::headers::set_header;
use crate::meta::MetaSlot;
use crate::reliability::retry::Retry;
use crate::runtime::Instant;
use crate::ticket::Ticket;

/// What a call or a notification is before it is sent, whatever its types.
pub(crate) struct Parts {
    pub(crate) method: MethodRef,
    /// The JSON text up to where the id will stand, or why the call cannot be sent.
    pub(crate) request: Result<Vec<u8>, Failure>,
    pub(crate) headers: Option<Box<HeaderMap>>,
    pub(crate) deadline: Option<Duration>,
    /// By when it must have ended, whatever the deadline.
    pub(crate) until: Until,
    pub(crate) effect: Effect,
    pub(crate) retry: Option<Box<Retry>>,
    pub(crate) identity: Identity,
    /// Where the head of the response goes, if the caller wants it.
    pub(crate) meta: Option<MetaSlot>,
}

/// Under which id a call is sent, and so under which idempotency key.
pub(crate) enum Identity {
    /// One that is made for it: a key, if it needs one.
    Own,
    /// The caller's key, of which nothing else is known.
    Given(Uuid),
    /// The key of a ticket. If the ticket was redeemed, the call may have been made under it before.
    Ticket { ticket: Box<Ticket>, redeemed: bool },
    /// None: it is a notification.
    Notification,
}

impl Parts {
    pub(crate) fn new(method: MethodRef, request: Result<Vec<u8>, Failure>) -> Self {
        let effect = method.effect;
        Self {
            method,
            request,
            headers: None,
            deadline: None,
            until: Until::default(),
            effect,
            retry: None,
            identity: Identity::Own,
            meta: None,
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

    /// Makes a notification of the call.
    pub(crate) fn notify(mut self) -> Self {
        if matches!(self.identity, Identity::Ticket { .. }) {
            self.request = Err(self.unsendable("a notification cannot have a ticket"));
        }
        self.identity = Identity::Notification;
        self
    }

    /// Returns the key that the caller has given, if any.
    pub(crate) fn given_key(&self) -> Option<Uuid> {
        match &self.identity {
            Identity::Own | Identity::Notification => None,
            Identity::Given(key) => Some(*key),
            Identity::Ticket { ticket, .. } => Some(ticket.key()),
        }
    }

    /// Says that the call cannot be sent. What became of the one that its ticket was issued for stays unknown.
    pub(crate) fn unsendable(&self, why: &'static str) -> Failure {
        self.identity.unsendable(Failure::new(Kind::Builder(why)))
    }

    /// Returns when the call must have ended if it is sent now. A batch may have a deadline of its own instead.
    pub(crate) fn deadline(&self, engine: &Engine, now: Instant) -> Instant {
        let budget = self.deadline.or(self.method.timeout).unwrap_or(engine.settings.deadline);
        self.until.bound(deadline(budget, now))
    }

    /// Makes what is sent of the call, and says in which manner. `retry` is the policy of its batch, if that has one.
    pub(crate) fn into_entry(
        self,
        engine: &Engine,
        retry: Option<&Retry>,
        start: Instant,
    ) -> Result<(Entry, Manner), Failure> {
        if matches!(self.identity, Identity::Ticket { .. }) && self.effect != Effect::Once {
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
            Identity::Given(key) => Some(CallId::Key(Key::new(*key))),
            Identity::Ticket { ticket, .. } => Some(CallId::Key(Key::new(ticket.key()))),
            Identity::Own => Some(engine.next_id()),
            Identity::Notification => None,
        };
        let mut entry = Entry::new(request, id, self.method, self.effect, retry, deadline);
        entry.meta = self.meta;
        let mut manner = Manner { headers: self.headers, pin: None };
        match self.identity {
            // A key is for calls that may be retried.
            Identity::Own => {
                entry.wants_key = self.effect == Effect::Once && !is_never && engine.settings.idempotency_keys;
            }
            Identity::Notification => {}
            Identity::Given(_) => entry.has_given_key = true,
            Identity::Ticket { ticket, redeemed } => {
                entry.has_given_key = true;
                manner.pin = Some(Box::new(ticket.pin()));
                if redeemed {
                    entry.redeem();
                }
            }
        }
        Ok((entry, manner))
    }

    pub(crate) fn debug(&self, mut debug: fmt::DebugStruct<'_, '_>) -> fmt::Result {
        debug.field("method", &self.method.name).field("deadline", &self.deadline).finish_non_exhaustive()
    }
}

/// The instant, if any, by which a call must have ended since somebody else does not wait any longer.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Until(Option<Instant>);

impl Until {
    /// Bounds it by the time as well for which the caller of a handler still waits, if that says.
    pub(crate) fn of_caller(self, cx: &Context) -> Self {
        let Some(left) = cx.remaining() else { return self };
        Self(Some(self.bound(after(Instant::now(), left))))
    }

    /// Returns the earlier one of both instants.
    pub(crate) fn bound(self, deadline: Instant) -> Instant {
        self.0.map_or(deadline, |until| until.min(deadline))
    }
}

impl Identity {
    fn unsendable(&self, failure: Failure) -> Failure {
        match self {
            Self::Ticket { redeemed: true, .. } => failure.with_outcome(Outcome::Unknown),
            _ => failure,
        }
    }
}

impl fmt::Debug for Parts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.debug(f.debug_struct("Entry"))
    }
}

/// Returns when so much time has passed, or what is left to a handler that makes the call, if that is less.
pub(crate) fn deadline(budget: Duration, now: Instant) -> Instant {
    match Inherited::current() {
        Inherited::Nothing => after(now, budget),
        Inherited::Within(time) => after(now, budget.min(time)),
        Inherited::Until(time) => after(now, budget).min(Instant::from_std(time)),
    }
}

/// Returns when so much time has passed. What a clock cannot hold is a very long time, and a year is one.
fn after(now: Instant, time: Duration) -> Instant {
    now.checked_add(time).unwrap_or_else(|| now + Duration::from_secs(365 * 24 * 60 * 60))
}
