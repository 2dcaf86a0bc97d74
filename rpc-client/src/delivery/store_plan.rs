//! The idempotency keys of a delivery: which store it relies on, what its requests say of it, and when it may switch.
//! It decides before the first attempt whether entries get keys. `reliability::keys` remembers stores between
//! deliveries.

use std::time::Duration;

use http::{HeaderMap, HeaderValue};
use rpc_core::headers::{KeyScope, Keys, NO_KEYS, StoreInfo};
use uuid::Uuid;

use super::entry::Entry;
use super::payload::Payload;
use super::probe::{Probe, ProbeTime};
use crate::failure::{Failure, Kind};
use crate::reliability::judge::Next;
use crate::reliability::keys::{Announced, Knowledge, Known};
use crate::runtime::Instant;

/// Which store a delivery relies upon for its idempotency keys, and what its requests say of them.
pub(super) struct StorePlan {
    /// What the tickets of the calls say of their keys. Such calls go to no other store.
    pin: Option<Box<Keys>>,
    stage: Stage,
    /// Whether calls have no keys only because the server has said nothing of use when it was asked for its store.
    in_the_dark: bool,
    /// How often calls were sent elsewhere or otherwise because of their keys.
    moves: u32,
    /// How often the store's time was told, since keys seemed to be too old.
    times_told: u32,
}

/// What was found out of the store. That holds for all attempts of the delivery.
enum Stage {
    /// Nothing yet: no entry with a key was sent.
    Unknown,
    /// Requests do not say that ids are keys, since something on the way changes them.
    Unnamed,
    /// Requests name the keys and rely upon no store.
    Named,
    /// Requests name the keys and the store that keeps them.
    Kept(Reliance),
}

/// How often the keys of one call may make it go elsewhere. Twice to another store is proof enough that there are
/// several.
const MAX_MOVES: u32 = 3;

impl StorePlan {
    pub(super) fn new(pin: Option<Box<Keys>>) -> Self {
        Self { pin, stage: Stage::Unknown, in_the_dark: false, moves: 0, times_told: 0 }
    }

    /// Tells whether entries have keys and it is not known yet which store keeps them.
    ///
    /// That has to be known before the first attempt, since only then can a later one tell whether it asks the store
    /// that knows of the first.
    pub(super) fn must_learn(&self, payload: &Payload) -> bool {
        matches!(self.stage, Stage::Unknown) && payload.pending().any(Entry::may_have_key)
    }

    /// Finds out which store keeps the keys, and asks the server if no other call has. Then decides which calls have
    /// keys. Returns the time after that.
    pub(super) async fn learn(
        &mut self,
        payload: &mut Payload,
        probe: Probe<'_>,
        time: DeliveryTime,
    ) -> Result<Instant, Failure> {
        let DeliveryTime { start, mut now, deadline } = time;
        if let Some(pin) = &self.pin {
            self.stage = Stage::Kept(Reliance::pinned(pin, now));
            return Ok(now);
        }
        if payload.pending().all(|entry| entry.retry(&probe.engine.settings.retry).is_never()) {
            // Nothing is retried, so it does not matter. The keys were given for somebody else's sake.
            self.stage = Stage::Named;
            return Ok(now);
        }
        let mut known = probe.endpoint.store.current(now);
        if known == Known::Nothing {
            known = probe.store(ProbeTime::of_call(now, deadline, deadline - start)).await?;
            now = Instant::now();
        }
        // Many servers take nothing but numbers as ids, and where nobody keeps a key it proves nothing.
        self.in_the_dark = matches!(known, Known::Unheard | Known::Silent(_));
        if known != Known::NoStore && !self.in_the_dark {
            payload.give_keys();
        }
        self.stage = match known {
            Known::Store(announced) => Stage::relying(announced, now),
            Known::NoStore | Known::Unheard | Known::Nothing | Known::Silent(_) | Known::Several(_) => Stage::Named,
            // Who has given a key would rather have no answer than a second effect.
            Known::Unkept(_) if payload.pending().any(|entry| entry.has_given_key) => Stage::Named,
            Known::Unkept(_) => Stage::Unnamed,
        };
        if deadline > now { Ok(now) } else { Err(Failure::new(Kind::Expired)) }
    }

    /// Lets the time of the keys count anew for a repeat, where no attempt may have run any of them.
    pub(super) fn renew(&mut self, payload: &Payload, now: Instant) {
        let is_bound = || payload.pending().any(|entry| entry.uncertain && entry.key().is_some());
        if let Stage::Kept(reliance) = &self.stage
            && self.pin.is_none()
            && !is_bound()
        {
            self.stage = Stage::relying(reliance.announced.clone(), now);
        }
    }

    fn reliance(&self) -> Option<&Reliance> {
        match &self.stage {
            Stage::Kept(reliance) => Some(reliance),
            Stage::Unknown | Stage::Unnamed | Stage::Named => None,
        }
    }

    /// Tells whether requests say which ids are keys.
    fn names_keys(&self) -> bool {
        matches!(self.stage, Stage::Named | Stage::Kept(_))
    }

    /// Tells whether calls with keys are repeated at a store that keeps these.
    pub(super) fn has_store(&self) -> bool {
        self.reliance().is_some()
    }

    /// Tells whether a call goes without a key although its server may keep keys. With its key, a repeat would have had
    /// no second effect there, so it takes better proof than others that the call did not run.
    pub(super) fn wants_proof(&self, entry: &Entry) -> bool {
        self.in_the_dark && entry.wants_key
    }

    /// Tells whether the store will surely remember at that time what is sent now.
    pub(super) fn remembers(&self, at: Instant) -> bool {
        self.reliance().is_some_and(|reliance| reliance.until > at)
    }

    /// Returns until when the store remembers at all what was sent to it.
    pub(super) fn end(&self) -> Option<Instant> {
        self.reliance().map(|reliance| reliance.end)
    }

    /// Writes what a request says of the keys in it, if it says anything.
    pub(super) fn header(&self, payload: &Payload) -> Option<HeaderValue> {
        if !self.names_keys() {
            return None;
        }
        if payload.keys().next().is_none() {
            // A server that has a store by now says so.
            return payload.pending().any(|entry| entry.wants_key).then_some(NO_KEYS);
        }
        let keys = Keys::new(payload.keys());
        Some(self.reliance().map_or_else(|| keys.to_value(), |reliance| reliance.value(keys.sum)))
    }

    /// Notes what an answer's headers say of the store. Servers say it to those who name keys and do not know it.
    pub(super) fn note(&self, store: &Knowledge, headers: &HeaderMap) {
        match self.stage {
            Stage::Unknown | Stage::Unnamed => {}
            Stage::Named => store.note_answer(headers),
            Stage::Kept(_) => store.note(headers),
        }
    }

    /// Relies upon another store, or upon none, where the server has said that the keys are worth nothing as they are.
    /// Tells whether it does.
    pub(super) fn revise(
        &mut self,
        wanted: impl Fn(Next) -> bool,
        announced: Option<Announced>,
        store: &Knowledge,
        now: Instant,
    ) -> bool {
        if self.pin.is_some() {
            // Calls with tickets go nowhere else. What the server has announced is noted already.
            if wanted(Next::GoWithoutKeys) {
                store.keys_are_lost(now);
            }
            return false;
        }
        if wanted(Next::GoWithoutKeys) {
            store.keys_are_lost(now);
            self.stage = Stage::Unnamed;
        } else if wanted(Next::ChangeStore) {
            let changed = match announced {
                Some(announced) if self.moves == 0 => {
                    store.replace(announced.clone());
                    Stage::relying(announced, now)
                }
                _ => {
                    store.there_are_several(now);
                    Stage::Named
                }
            };
            // Another store does not help keys that something on the way changes.
            if self.names_keys() {
                self.stage = changed;
            }
        } else if wanted(Next::TellTime) {
            // Our clock has stood still. The next attempt goes by the time that was told, unless it may repeat an older
            // one.
            if let (Some(announced), Stage::Kept(reliance)) = (announced, &mut self.stage) {
                store.replace(announced.clone());
                reliance.announced = announced;
            }
            self.times_told += 1;
            return false;
        } else {
            return false;
        }
        self.moves += 1;
        true
    }

    /// Tells whether an entry may be sent elsewhere or otherwise, as its last answer wants it to be.
    pub(super) fn lets_go(&self, next: Next, entry: &Entry) -> bool {
        // What may have run elsewhere cannot be asked after here.
        if entry.uncertain || self.pin.is_some() {
            return false;
        }
        match next {
            // What is too old by the time that was just told is not so because of a clock.
            Next::TellTime => self.times_told <= 1,
            // Without its key the call might run although it has run for somebody else, which the caller's key forbids.
            Next::GoWithoutKeys => self.moves <= MAX_MOVES && !entry.has_given_key,
            Next::ChangeStore => self.moves <= MAX_MOVES,
            Next::Stop | Next::Retry | Next::RetryAny | Next::Wait | Next::Renew => true,
        }
    }
}

impl Stage {
    fn relying(announced: Announced, now: Instant) -> Self {
        Reliance::begin(announced, now).map_or(Self::Named, Self::Kept)
    }
}

/// When a delivery was begun, what time it is, and when it must have ended.
#[derive(Clone, Copy)]
pub(super) struct DeliveryTime {
    pub(super) start: Instant,
    pub(super) now: Instant,
    pub(super) deadline: Instant,
}

/// What makes repeats under keys safe.
struct Reliance {
    /// The store, as it was announced last.
    announced: Announced,
    /// The earliest time at which one of the keys may have been sent, by the store's clock, in milliseconds.
    at: Option<u64>,
    /// To whom the keys belong, where tickets say it.
    scope: Option<KeyScope>,
    /// Until when it surely remembers what is sent from now on.
    until: Instant,
    /// Until when it remembers at all.
    end: Instant,
}

impl Reliance {
    fn begin(announced: Announced, now: Instant) -> Option<Self> {
        let ttl = announced.info.ttl;
        if ttl.is_zero() {
            return None;
        }
        // Half of the time is for what is long under way.
        let (until, end) = (now.checked_add(ttl / 2)?, now.checked_add(ttl)?);
        Some(Self { at: announced.time_at(now), announced, scope: None, until, end })
    }

    /// Relies on what tickets say. The store itself refuses them when it may have forgotten their keys.
    fn pinned(pin: &Keys, now: Instant) -> Self {
        let ttl = pin.ttl.unwrap_or_default();
        let announced = Announced::by_ticket(StoreInfo { identity: pin.store.unwrap_or_default(), ttl });
        let at = pin.at.and_then(|at| u64::try_from(at.as_millis()).ok());
        // What a clock cannot hold is a very long time.
        let ttl = ttl.min(LONG);
        Self { announced, at, scope: pin.scope, until: now + ttl / 2, end: now + ttl }
    }

    /// Writes what a request says of its keys.
    fn value(&self, sum: Uuid) -> HeaderValue {
        Keys::write(sum, &self.announced.text, self.at, self.scope)
    }
}

/// A time that is longer than any call takes.
const LONG: Duration = Duration::from_secs(365 * 24 * 60 * 60);

#[cfg(test)]
mod tests;
