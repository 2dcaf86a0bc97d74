//! The state of one key in a [`MemoryStore`](super::MemoryStore), and what a repeat of its call gets from it.

use std::sync::Arc;

use tokio::sync::Notify;

use super::time::StoreTime;
use crate::idempotency::{Begin, Fingerprint, Kept, Key};

/// The bytes of a key without its answer: its place in a map that is half full on average, and in a list of due keys.
pub(super) const KEY_BYTES: usize = 2 * size_of::<(Key, KeyEntry)>() + 2 * size_of::<Key>();

/// What the store remembers of a key.
pub(super) struct KeyEntry {
    pub(super) fingerprint: Fingerprint,
    pub(super) lease: u64,
    /// When the key expires. From then on it counts as new. A released key expires at once, but keeps its place.
    pub(super) over: StoreTime,
    /// The earliest time at which the key may expire, however soon its call ends.
    pub(super) kept_until: StoreTime,
    pub(super) state: KeyState,
}

/// The state of a key's call.
pub(super) enum KeyState {
    Running {
        until: StoreTime,
        /// The first waiting repeat makes it.
        ended: Option<Arc<Notify>>,
    },
    Done(Kept),
    /// The call has ended, and there was no room for its answer.
    Executed,
    Unknown,
}

impl KeyEntry {
    /// Returns what the store answers to a repeat of the call.
    pub(super) fn seen(&self, fingerprint: Fingerprint, now: StoreTime) -> Begin {
        if self.fingerprint != fingerprint {
            return Begin::Mismatch;
        }
        match &self.state {
            KeyState::Running { until, .. } if now < *until => Begin::Running,
            KeyState::Running { .. } | KeyState::Unknown => Begin::Unknown,
            KeyState::Done(kept) => Begin::Done(kept.clone()),
            KeyState::Executed => Begin::Done(Kept::without_answer()),
        }
    }

    /// Returns how many bytes the kept answer takes.
    pub(super) fn answer_bytes(&self) -> usize {
        match &self.state {
            KeyState::Done(kept) => kept.outcome.len(),
            KeyState::Running { .. } | KeyState::Executed | KeyState::Unknown => 0,
        }
    }
}
