//! One shard of a [`MemoryStore`](super::MemoryStore): its keys, and a queue that orders them by expiry. The store
//! locks a shard before it calls it, and passes in the time and the byte budget.

use std::collections::hash_map::Entry as Place;
use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;
use std::time::Duration;

use foldhash::fast::RandomState;
use tokio::sync::futures::OwnedNotified;
use uuid::Uuid;

use super::budget::MemoryBudget;
use super::entry::{KEY_BYTES, KeyEntry, KeyState};
use super::time::StoreTime;
use crate::idempotency::{Begin, BeginRequest, End, Key, Lease, StoreError};

/// A part of the keys.
#[derive(Default)]
pub(super) struct Shard {
    /// The hash has a secret, because clients choose their keys. Without it they could choose keys that collide.
    entries: HashMap<Key, KeyEntry, RandomState>,
    /// Each key of `entries` once, under the [`slot`] of the time at which to check whether it has expired.
    due: BTreeMap<u64, Vec<Key>>,
    /// The number of leases so far. Together with its key, the number of a lease is unique.
    leases: u64,
}

impl Shard {
    /// Begins a call, or returns what is known of its key. If there is no room for a new key, it changes nothing.
    pub(super) fn begin(
        &mut self,
        request: &BeginRequest,
        now: StoreTime,
        ttl: Duration,
        room: &MemoryBudget,
    ) -> Result<Begin, StoreError> {
        let BeginRequest { key, fingerprint, lease: time, .. } = *request;
        let until = now.after(time);
        let lease = self.leases + 1;
        let is_forgotten = request.is_forgotten(now.since_start(), ttl);
        let kept_until = StoreTime::default().after(request.remembered_from(now.since_start())).after(ttl);
        // As long as no end is noted, the call may run to the end of its lease. So the entry expires `ttl` after that.
        let over = until.after(ttl).max(kept_until);
        let entry = KeyEntry { fingerprint, lease, over, kept_until, state: KeyState::Running { until, ended: None } };
        match self.entries.entry(key) {
            Place::Occupied(place) if now < place.get().over => return Ok(place.get().seen(fingerprint, now)),
            _ if is_forgotten => return Ok(Begin::Forgotten),
            // The old entry has expired. The key keeps its room and its place in `due`.
            Place::Occupied(mut place) => room.give_back(&key, place.insert(entry).answer_bytes()),
            Place::Vacant(place) => {
                room.take_key(&key)?;
                place.insert(entry);
                // Nearly all calls end at once. So the check at this time is mostly the only one.
                file(&mut self.due, key, now.after(ttl), ttl);
            }
        }
        self.leases = lease;
        Ok(Begin::Fresh(Lease { key, token: Uuid::from_u128(lease.into()) }))
    }

    /// Notes how a call ended, and until when the store remembers that. Only the first end counts.
    pub(super) fn finish(
        &mut self,
        lease: Lease,
        end: End,
        over: StoreTime,
        room: &MemoryBudget,
    ) -> Result<(), StoreError> {
        let Some(entry) = self.entries.get_mut(&lease.key) else { return Ok(()) };
        let KeyState::Running { ended, .. } = &mut entry.state else { return Ok(()) };
        if lease.token.as_u128() != u128::from(entry.lease) {
            return Ok(());
        }
        let ended = ended.take();
        let mut finished = Ok(());
        entry.over = over.max(entry.kept_until);
        entry.state = match end {
            End::Kept(kept) => {
                finished = room.take_answer(&lease.key, kept.outcome.len());
                if finished.is_ok() { KeyState::Done(kept) } else { KeyState::Executed }
            }
            End::Unknown => KeyState::Unknown,
            End::Released => {
                // Expired at once, so that the next call under the key is fresh.
                entry.over = StoreTime::default();
                KeyState::Unknown
            }
        };
        if let Some(ended) = ended {
            ended.notify_waiters();
        }
        finished
    }

    /// Returns a future for the end of a running call, and the remaining time of its lease.
    pub(super) fn wait(&mut self, key: &Key, now: StoreTime) -> Option<(OwnedNotified, Duration)> {
        let KeyState::Running { until, ended } = &mut self.entries.get_mut(key)?.state else { return None };
        // The future sees the call's end even if that comes before its first poll. So it misses no end.
        let heard = Arc::clone(ended.get_or_insert_default()).notified_owned();
        Some((heard, now.until(*until)))
    }

    /// Forgets expired keys. Checks at most `at_most` keys.
    pub(super) fn clear(&mut self, now: StoreTime, ttl: Duration, at_most: usize, room: &MemoryBudget) {
        for _ in 0..at_most {
            let Some(mut due) = self.due.first_entry() else { return };
            if *due.key() >= slot(now, ttl) {
                return;
            }
            let Some(key) = due.get_mut().pop() else {
                due.remove();
                continue;
            };
            let Place::Occupied(place) = self.entries.entry(key) else { continue };
            if place.get().over <= now {
                room.give_back(&key, KEY_BYTES + place.remove().answer_bytes());
            } else {
                // Within `ttl` at the latest, since an end may move `over` to an earlier time.
                file(&mut self.due, key, place.get().over.min(now.after(ttl)), ttl);
            }
        }
    }
}

/// Files a key so that `clear` finds it soon after a time.
fn file(due: &mut BTreeMap<u64, Vec<Key>>, key: Key, time: StoreTime, ttl: Duration) {
    due.entry(slot(time, ttl)).or_default().push(key);
}

/// Returns the slot of a time. A slot is a sixteenth of the time that keys are remembered.
fn slot(time: StoreTime, ttl: Duration) -> u64 {
    let width = u64::try_from(ttl.as_nanos() / 16).unwrap_or(u64::MAX);
    // At least 1 ms: with a very short `ttl`, a map of many slots would be slow.
    time.0 / width.max(1_000_000)
}
