use std::fmt;
use std::sync::atomic::{AtomicUsize, Ordering};

use super::shard::KEY_BYTES;

/// Counts the bytes that all shards hold.
pub(super) struct Room {
    pub(super) max_bytes: usize,
    held: AtomicUsize,
}

impl Room {
    pub(super) fn new(max_bytes: usize) -> Self {
        Self { max_bytes, held: AtomicUsize::new(0) }
    }

    /// Takes room for a key, and leaves an eighth of all for the answers of those that are there already.
    pub(super) fn take_key(&self) -> bool {
        self.take(KEY_BYTES, self.max_for_keys())
    }

    pub(super) fn take_answer(&self, bytes: usize) -> bool {
        self.take(bytes, self.max_bytes)
    }

    pub(super) fn give_back(&self, bytes: usize) {
        self.held.fetch_sub(bytes, Ordering::Relaxed);
    }

    pub(super) fn has_room_for_key(&self) -> bool {
        self.held.load(Ordering::Relaxed).saturating_add(KEY_BYTES) <= self.max_for_keys()
    }

    #[cfg(test)]
    pub(super) fn held(&self) -> usize {
        self.held.load(Ordering::Relaxed)
    }

    fn max_for_keys(&self) -> usize {
        self.max_bytes - self.max_bytes / 8
    }

    fn take(&self, bytes: usize, max: usize) -> bool {
        let held = |held: usize| held.checked_add(bytes).filter(|held| *held <= max);
        // Nothing else is ordered by this number.
        self.held.fetch_update(Ordering::Relaxed, Ordering::Relaxed, held).is_ok()
    }
}

impl fmt::Debug for Room {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} of {} bytes", self.held.load(Ordering::Relaxed), self.max_bytes)
    }
}
