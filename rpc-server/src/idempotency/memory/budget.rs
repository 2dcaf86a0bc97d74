//! The byte budget of a [`MemoryStore`](super::MemoryStore), in total and per owner of keys, so that no caller can fill
//! it alone. All shards share one [`MemoryBudget`].

use std::collections::HashMap;
use std::fmt;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};

use foldhash::fast::RandomState;
use rpc_core::__private::settings;

use super::entry::KEY_BYTES;
use crate::idempotency::{Key, StoreError};

settings! {
    /// Limits for the memory of keys and their answers.
    pub(super) struct MemoryLimits, set by budget_setters! {
        /// How many bytes keys and answers may take, approximately. Default: 256 MiB.
        pub max_bytes: usize = 256 << 20,
        /// How many of these bytes the keys of all anonymous callers may take together. Default: half of
        /// [`max_bytes`](Self::max_bytes).
        ///
        /// Beyond that, the server refuses their keyed calls with -32096 and the reason `store_unavailable`, until keys
        /// have expired.
        pub max_anonymous_bytes: Option<usize> = None,
        /// How many of these bytes the keys of one principal may take, or those of one owner that
        /// [`idempotency_scope`](crate::ServerBuilder::idempotency_scope) names. Default: a quarter of
        /// [`max_bytes`](Self::max_bytes).
        pub max_scope_bytes: Option<usize> = None,
    }
}

/// The bytes that all shards hold, in total and per owner of keys.
#[derive(Default)]
pub(super) struct MemoryBudget {
    pub(super) limits: MemoryLimits,
    held: AtomicUsize,
    anonymous: AtomicUsize,
    scopes: [Mutex<Scopes>; LOCKS],
}

/// How many bytes each owner holds. Owners that hold none have no entry.
type Scopes = HashMap<[u8; 16], usize, RandomState>;

/// The number of locks for the counts of owners.
const LOCKS: usize = 16;

impl MemoryBudget {
    /// Takes room for a key. Leaves an eighth of the total, and of its owner's share, for the answers of running calls.
    pub(super) fn take_key(&self, key: &Key) -> Result<(), StoreError> {
        self.take(key, KEY_BYTES, most)
    }

    pub(super) fn take_answer(&self, key: &Key, bytes: usize) -> Result<(), StoreError> {
        self.take(key, bytes, |max| max)
    }

    pub(super) fn give_back(&self, key: &Key, bytes: usize) {
        self.held.fetch_sub(bytes, Ordering::Relaxed);
        self.give_back_share(key, bytes);
    }

    pub(super) fn has_room_for_key(&self, key: &Key) -> bool {
        let has_room = |held: usize, max: usize| held.saturating_add(KEY_BYTES) <= most(max);
        has_room(self.held.load(Ordering::Relaxed), self.limits.max_bytes)
            && has_room(self.held_by(key), self.share_of(key))
    }

    #[cfg(test)]
    pub(super) fn held(&self) -> usize {
        self.held.load(Ordering::Relaxed)
    }

    pub(super) fn held_by(&self, key: &Key) -> usize {
        if key.is_anonymous() {
            return self.anonymous.load(Ordering::Relaxed);
        }
        self.with_scopes(key, |scopes| scopes.get(&key.scope()).copied().unwrap_or_default())
    }

    /// Returns how many bytes the owner of a key may hold.
    fn share_of(&self, key: &Key) -> usize {
        if key.is_anonymous() {
            self.limits.max_anonymous_bytes.unwrap_or(self.limits.max_bytes / 2)
        } else {
            self.limits.max_scope_bytes.unwrap_or(self.limits.max_bytes / 4)
        }
    }

    /// Takes bytes from the owner's share and from the total. `part` returns which part of each may be used.
    fn take(&self, key: &Key, bytes: usize, part: fn(usize) -> usize) -> Result<(), StoreError> {
        let share = part(self.share_of(key));
        let is_taken = if key.is_anonymous() {
            add(&self.anonymous, bytes, share)
        } else {
            self.with_scopes(key, |scopes| {
                let held = scopes.get(&key.scope()).copied().unwrap_or_default();
                let sum = held.checked_add(bytes).filter(|sum| *sum <= share);
                sum.map(|sum| scopes.insert(key.scope(), sum)).is_some()
            })
        };
        if !is_taken {
            return Err(StoreError::over_share());
        }
        if !add(&self.held, bytes, part(self.limits.max_bytes)) {
            self.give_back_share(key, bytes);
            return Err(StoreError::full());
        }
        Ok(())
    }

    fn give_back_share(&self, key: &Key, bytes: usize) {
        if key.is_anonymous() {
            self.anonymous.fetch_sub(bytes, Ordering::Relaxed);
            return;
        }
        self.with_scopes(key, |scopes| {
            let held = scopes.remove(&key.scope()).unwrap_or_default();
            if held > bytes {
                scopes.insert(key.scope(), held - bytes);
            }
        });
    }

    fn with_scopes<R>(&self, key: &Key, run: impl FnOnce(&mut Scopes) -> R) -> R {
        // No operation under the lock can panic half-way, so the data is complete even after a panic.
        run(&mut self.scopes[usize::from(key.0[0]) % LOCKS].lock().unwrap_or_else(PoisonError::into_inner))
    }
}

/// Returns the part of a limit that keys may use.
fn most(max: usize) -> usize {
    max - max / 8
}

/// Adds bytes unless the sum exceeds `max`. No other memory access depends on the order of these changes.
fn add(held: &AtomicUsize, bytes: usize, max: usize) -> bool {
    let sum = |held: usize| held.checked_add(bytes).filter(|sum| *sum <= max);
    held.fetch_update(Ordering::Relaxed, Ordering::Relaxed, sum).is_ok()
}

impl fmt::Debug for MemoryBudget {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} of {} bytes", self.held.load(Ordering::Relaxed), self.limits.max_bytes)
    }
}
