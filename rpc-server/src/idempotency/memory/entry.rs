//! The state of one key in a [`MemoryStore`](super::MemoryStore), and what a repeat of its call gets from it.

use std::sync::Arc;

use tokio::sync::Notify;

use super::time::Time;
use crate::idempotency::{Begin, Fingerprint, Kept, Key};

/// The bytes of a key without its answer: its place in a map that is half full on average, and in a list of due keys.
pub(super) const KEY_BYTES: usize = 2 * size_of::<(Key, Entry)>() + 2 * size_of::<Key>();

/// What the store remembers of a key.
pub(super) struct Entry {
    pub(super) fingerprint: Fingerprint,
    pub(super) lease: u64,
    /// When the key expires. From then on it counts as new. A released key expires at once, but keeps its place.
    pub(super) over: Time,
    /// The earliest time at which the key may expire, however soon its call ends.
    pub(super) kept_until: Time,
    pub(super) state: State,
}

/// The state of a key's call.
pub(super) enum State {
    Running {
        until: Time,
        /// The first waiting repeat makes it.
        ended: Option<Arc<Notify>>,
    },
    Done(Kept),
    /// The call has ended, and there was no room for its answer.
    Executed,
    Unknown,
}

impl Entry {
    /// Returns what the store answers to a repeat of the call.
    pub(super) fn seen(&self, fingerprint: Fingerprint, now: Time) -> Begin {
        if self.fingerprint != fingerprint {
            return Begin::Mismatch;
        }
        match &self.state {
            State::Running { until, .. } if now < *until => Begin::Running,
            State::Running { .. } | State::Unknown => Begin::Unknown,
            State::Done(kept) => Begin::Done(kept.clone()),
            State::Executed => Begin::Done(Kept::without_answer()),
        }
    }

    /// Returns how many bytes the kept answer takes.
    pub(super) fn answer_bytes(&self) -> usize {
        match &self.state {
            State::Done(kept) => kept.outcome.len(),
            State::Running { .. } | State::Executed | State::Unknown => 0,
        }
    }
}
