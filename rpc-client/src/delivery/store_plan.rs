//! The idempotency keys of a delivery: which store it relies on, what its requests say about the store, and when it may
//! switch. Before the first attempt it decides whether entries get keys. `reliability::keys` remembers stores between
//! deliveries.

use std::time::Duration;

use http::{HeaderMap, HeaderValue};
use rpc_core::headers::{KeyScope, Keys, NO_KEYS, StoreInfo};
use uuid::Uuid;

use super::entry::Entry;
use super::payload::Payload;
use super::probe::{Probe, ProbeTime};
use crate::failure::{Failure, FailureKind};
use crate::reliability::judge::RetryDecision;
use crate::reliability::keys::{AnnouncedStore, StoreDiscovery, StoreMatch, StoreStatus};
use crate::runtime::Instant;

/// Which store a delivery relies on for its idempotency keys, and what its requests say about it.
pub(super) struct StorePlan {
    /// The store, time and scope of the calls' tickets. Calls with tickets go to no other store.
    pin: Option<Box<Keys>>,
    stage: StoreStage,
    /// Whether calls have no keys only because the probe got no usable answer.
    in_the_dark: bool,
    /// Whether an attempt has fixed the ids of the calls, and so which of them have keys.
    has_fixed_ids: bool,
    /// How often calls were sent to another store or without keys.
    moves: u32,
    /// How often the store's time was updated because keys seemed too old.
    times_told: u32,
}

/// What was found out about the store. It holds for all attempts of the delivery.
enum StoreStage {
    /// Nothing yet: no entry with a key was sent.
    Unknown,
    /// Requests do not declare ids as keys, since an intermediary changes them.
    Unnamed,
    /// Requests name the keys and rely on no store.
    Named,
    /// Requests name the keys and the store that keeps them.
    Kept(StoreGuarantee),
}

/// How often a delivery may switch to another store or to calls without keys. Two changes of the store already prove
/// that there are several stores.
const MAX_MOVES: u32 = 3;

impl StorePlan {
    pub(super) fn new(pin: Option<Box<Keys>>) -> Self {
        Self { pin, stage: StoreStage::Unknown, in_the_dark: false, has_fixed_ids: false, moves: 0, times_told: 0 }
    }

    /// Returns whether entries have or may get keys, and the delivery does not know yet which store keeps them.
    ///
    /// The store must be known before the first attempt. Only then can a later attempt tell whether it reaches the
    /// store that knows of the first.
    pub(super) fn must_learn(&self, payload: &Payload) -> bool {
        matches!(self.stage, StoreStage::Unknown) && payload.pending().any(Entry::may_have_key)
    }

    /// Finds out which store keeps the keys, and probes the server unless another call has done so. Then decides which
    /// calls get keys. Returns the time after that.
    ///
    /// # Errors
    ///
    /// The probe fails, or the deadline is over.
    pub(super) async fn learn(
        &mut self,
        payload: &mut Payload,
        probe: Probe<'_>,
        time: DeliveryTime,
    ) -> Result<Instant, Failure> {
        let DeliveryTime { start, mut now, deadline } = time;
        if let Some(pin) = &self.pin {
            self.stage = StoreStage::Kept(StoreGuarantee::pinned(pin, now));
            return Ok(now);
        }
        if payload.pending().all(|entry| entry.retry(&probe.engine.settings.retry).is_never()) {
            // Nothing is retried, so the store does not matter here. The keys protect only other callers' calls under
            // the same key.
            self.stage = StoreStage::Named;
            return Ok(now);
        }
        let mut known = probe.endpoint.store.current(now);
        if known == StoreStatus::Nothing {
            known = probe.store(ProbeTime::of_call(now, deadline, deadline - start)).await?;
            now = Instant::now();
        }
        // Many servers accept only numbers as ids, and without a store a key proves nothing.
        self.in_the_dark = matches!(known, StoreStatus::Unheard | StoreStatus::Silent(_));
        if known != StoreStatus::NoStore && !self.in_the_dark && !self.has_fixed_ids {
            payload.give_keys();
        }
        self.has_fixed_ids = true;
        self.stage = match known {
            StoreStatus::Store(announced) => StoreStage::relying(announced, now),
            StoreStatus::NoStore
            | StoreStatus::Unheard
            | StoreStatus::Nothing
            | StoreStatus::Silent(_)
            | StoreStatus::Several(_) => StoreStage::Named,
            // A caller that set the key itself prefers no answer to a second effect.
            StoreStatus::Unkept(_) if payload.pending().any(|entry| entry.has_given_key) => StoreStage::Named,
            StoreStatus::Unkept(_) => StoreStage::Unnamed,
        };
        if deadline > now { Ok(now) } else { Err(Failure::new(FailureKind::Expired)) }
    }

    /// Restarts the keys' time for a retry, if no attempt may have run a call with a key.
    pub(super) fn renew(&mut self, payload: &Payload, now: Instant) {
        let is_bound = || payload.pending().any(|entry| entry.uncertain && entry.key().is_some());
        if let StoreStage::Kept(guarantee) = &self.stage
            && self.pin.is_none()
            && !is_bound()
        {
            self.stage = StoreStage::relying(guarantee.announced.clone(), now);
        }
    }

    /// Returns whether the calls have a ticket, and so a store.
    pub(super) fn is_pinned(&self) -> bool {
        self.pin.is_some()
    }

    /// Returns the store that must know of the keys, if an attempt may have run one of them, or if they have a ticket.
    pub(super) fn required_store(&self, payload: &Payload) -> Option<Uuid> {
        if let Some(pin) = &self.pin {
            return pin.store;
        }
        let is_bound = || payload.pending().any(|entry| entry.uncertain && entry.key().is_some());
        self.guarantee().filter(|_| is_bound()).map(|guarantee| guarantee.announced.info.identity)
    }

    /// Forgets the store before an attempt at another endpoint, unless the endpoint has the same one.
    ///
    /// A key that may have run stays bound to its store, even if the client has learned meanwhile that the endpoint has
    /// another one. The server then refuses the call.
    pub(super) fn move_to(&mut self, payload: &Payload, store: &StoreDiscovery, now: Instant) {
        if self.required_store(payload).is_some() {
            return;
        }
        let is_same =
            |guarantee: &StoreGuarantee| store.matches(guarantee.announced.info.identity, now) == StoreMatch::Same;
        if self.pin.is_none() && !self.guarantee().is_some_and(is_same) {
            self.stage = StoreStage::Unknown;
        }
    }

    fn guarantee(&self) -> Option<&StoreGuarantee> {
        match &self.stage {
            StoreStage::Kept(guarantee) => Some(guarantee),
            StoreStage::Unknown | StoreStage::Unnamed | StoreStage::Named => None,
        }
    }

    /// Returns whether requests declare which ids are keys.
    fn names_keys(&self) -> bool {
        matches!(self.stage, StoreStage::Named | StoreStage::Kept(_))
    }

    /// Returns whether the delivery relies on a store, so that it can retry calls with keys.
    pub(super) fn has_store(&self) -> bool {
        self.guarantee().is_some()
    }

    /// Returns whether a call is sent without a key although its server may keep keys. With a key, a retry would have
    /// had no second effect there. So this call needs stronger proof than others that it did not run.
    pub(super) fn wants_proof(&self, entry: &Entry) -> bool {
        self.in_the_dark && entry.wants_key
    }

    /// Returns whether a retry at this time certainly reaches the store before it forgets the delivery's calls.
    pub(super) fn remembers(&self, at: Instant) -> bool {
        self.guarantee().is_some_and(|guarantee| guarantee.until > at)
    }

    /// Returns the time until which the store may remember what was sent to it.
    pub(super) fn end(&self) -> Option<Instant> {
        self.guarantee().map(|guarantee| guarantee.end)
    }

    /// Returns the value of the header `Rpc-Idempotency` of a request, if it has one.
    pub(super) fn header(&self, payload: &Payload) -> Option<HeaderValue> {
        if !self.names_keys() {
            return None;
        }
        if payload.keys().next().is_none() {
            // Asks for an announcement, since the server may have a store by now.
            return payload.pending().any(|entry| entry.wants_key).then_some(NO_KEYS);
        }
        let keys = Keys::new(payload.keys());
        Some(self.guarantee().map_or_else(|| keys.to_value(), |guarantee| guarantee.value(keys.sum)))
    }

    /// Notes what an answer's headers announce of the store. Servers announce it to requests that name keys but not the
    /// store.
    pub(super) fn note(&self, store: &StoreDiscovery, headers: &HeaderMap) {
        match self.stage {
            StoreStage::Unknown | StoreStage::Unnamed => {}
            StoreStage::Named => store.note_answer(headers),
            StoreStage::Kept(_) => store.note(headers),
        }
    }

    /// Switches to another store, or to none, if the server has answered that it cannot use the keys as sent. Returns
    /// whether it has switched.
    pub(super) fn revise(
        &mut self,
        wanted: impl Fn(RetryDecision) -> bool,
        announced: Option<AnnouncedStore>,
        store: &StoreDiscovery,
        now: Instant,
    ) -> bool {
        if self.pin.is_some() {
            // Calls with tickets go to no other store. The announcement is noted already.
            if wanted(RetryDecision::GoWithoutKeys) {
                store.keys_are_lost(now);
            }
            return false;
        }
        if wanted(RetryDecision::GoWithoutKeys) {
            store.keys_are_lost(now);
            self.stage = StoreStage::Unnamed;
        } else if wanted(RetryDecision::ChangeStore) {
            let changed = match announced {
                Some(announced) if self.moves == 0 => {
                    store.replace(announced.clone());
                    StoreStage::relying(announced, now)
                }
                _ => {
                    store.there_are_several(now);
                    StoreStage::Named
                }
            };
            // Another store does not help keys that an intermediary changes.
            if self.names_keys() {
                self.stage = changed;
            }
        } else if wanted(RetryDecision::TellTime) {
            // The client's clock had stopped. The next attempt uses the announced time, unless it may repeat an older
            // attempt.
            if let (Some(announced), StoreStage::Kept(guarantee)) = (announced, &mut self.stage) {
                store.replace(announced.clone());
                guarantee.announced = announced;
            }
            self.times_told += 1;
            return false;
        } else {
            return false;
        }
        self.moves += 1;
        true
    }

    /// Returns whether an entry can be sent elsewhere or without its key, as its last answer demands.
    pub(super) fn lets_go(&self, next: RetryDecision, entry: &Entry) -> bool {
        // A call that may have run elsewhere cannot be looked up here.
        if entry.uncertain || self.pin.is_some() {
            return false;
        }
        match next {
            // If a key is too old even by the announced time, the cause is not a clock.
            RetryDecision::TellTime => self.times_told <= 1,
            // Another caller may have run a call under this key. Without the key, this call might run a second time.
            RetryDecision::GoWithoutKeys => self.moves <= MAX_MOVES && !entry.has_given_key,
            RetryDecision::ChangeStore => self.moves <= MAX_MOVES,
            RetryDecision::Stop
            | RetryDecision::Retry
            | RetryDecision::RetryAny
            | RetryDecision::Wait
            | RetryDecision::Renew => true,
        }
    }
}

impl StoreStage {
    fn relying(announced: AnnouncedStore, now: Instant) -> Self {
        StoreGuarantee::begin(announced, now).map_or(Self::Named, Self::Kept)
    }
}

/// The start, the current time and the deadline of a delivery.
#[derive(Clone, Copy)]
pub(super) struct DeliveryTime {
    pub(super) start: Instant,
    pub(super) now: Instant,
    pub(super) deadline: Instant,
}

/// What makes retries under keys safe.
struct StoreGuarantee {
    /// The store, as announced last.
    announced: AnnouncedStore,
    /// The earliest time at which one of the keys may have been sent, by the store's clock, in milliseconds.
    at: Option<u64>,
    /// The owner of the keys, if tickets name it.
    scope: Option<KeyScope>,
    /// Until when the store certainly remembers what is sent from now on.
    until: Instant,
    /// Until when the store may remember anything.
    end: Instant,
}

impl StoreGuarantee {
    fn begin(announced: AnnouncedStore, now: Instant) -> Option<Self> {
        let ttl = announced.info.ttl;
        if ttl.is_zero() {
            return None;
        }
        // Half of the time is reserved for requests that are in flight for a long time.
        let (until, end) = (now.checked_add(ttl / 2)?, now.checked_add(ttl)?);
        Some(Self { at: announced.time_at(now), announced, scope: None, until, end })
    }

    /// Makes a guarantee from a ticket. The store itself refuses keys that it may have forgotten.
    fn pinned(pin: &Keys, now: Instant) -> Self {
        let ttl = pin.ttl.unwrap_or_default();
        let announced = AnnouncedStore::by_ticket(StoreInfo { identity: pin.store.unwrap_or_default(), ttl });
        let at = pin.at.and_then(|at| u64::try_from(at.as_millis()).ok());
        // Prevents an overflow of the sums below, since a ticket may have any ttl.
        let ttl = ttl.min(LONG);
        Self { announced, at, scope: pin.scope, until: now + ttl / 2, end: now + ttl }
    }

    /// Returns the value of the header `Rpc-Idempotency`.
    fn value(&self, sum: Uuid) -> HeaderValue {
        Keys::write(sum, &self.announced.text, self.at, self.scope)
    }
}

/// Longer than any call takes.
const LONG: Duration = Duration::from_secs(365 * 24 * 60 * 60);

#[cfg(test)]
mod tests;
