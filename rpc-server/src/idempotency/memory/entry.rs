//! The state of one key in a [`MemoryStore`](super::MemoryStore), and what a retry learns from it.

use std::sync::Arc;

use tokio::sync::Notify;

use super::time::Time;
use crate::idempotency::{Begin, Fingerprint, Kept, Key};

/// What a key takes beside its answer: its place in a map that is half full on average, and in a list of what is due.
pub(super) const KEY_BYTES: usize = 2 * size_of::<(Key, Entry)>() + 2 * size_of::<Key>();

/// What is remembered of a key.
pub(super) struct Entry {
    pub(super) fingerprint: Fingerprint,
    pub(super) lease: u64,
    /// From when on the key is as good as new. A key that is released is so at once, but keeps its place.
    pub(super) over: Time,
    /// Until when it is remembered at least, however soon it ends.
    pub(super) kept_until: Time,
    pub(super) state: State,
}

/// How a key's call stands.
pub(super) enum State {
    Running {
        until: Time,
        /// Is made by the first who waits.
        ended: Option<Arc<Notify>>,
    },
    Done(Kept),
    /// It ended, and there was no room for its answer.
    Executed,
    Unknown,
}

impl Entry {
    /// Returns what a repeat of the call is told.
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
