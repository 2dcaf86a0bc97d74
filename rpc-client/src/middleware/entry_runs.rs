//! Which entries of a layered request may have run. This keeps layers from sending a call with an effect twice, and
//! corrects outcomes that layers report wrongly.

use std::sync::atomic::{AtomicU32, Ordering};

use rpc_core::{Effect, Outcome};

use crate::delivery::Entry;
use crate::error::AnswerResult;

/// How many times each entry of a request, or of its clones, was passed on and may have run.
#[derive(Debug)]
pub(super) struct EntryRuns(Box<[EntryRun]>);

#[derive(Debug)]
struct EntryRun {
    /// The number of deliveries that may have run the entry, or [`CLOSED`].
    doubtful: AtomicU32,
    /// Whether the entry may have run before this request, as a call with a redeemed ticket may.
    was_uncertain: bool,
}

/// The entry was reported to its caller as not sent, so it must not be sent any more.
const CLOSED: u32 = u32::MAX;

impl EntryRuns {
    pub(super) fn of(entries: &[Entry]) -> Self {
        let entry_run = |entry: &Entry| EntryRun { doubtful: AtomicU32::new(0), was_uncertain: entry.uncertain() };
        Self(entries.iter().map(entry_run).collect())
    }

    /// Notes that an entry is about to be sent. Returns false if it must not be sent: either it may have run and a
    /// repeat would have a second effect, or it was reported to its caller as not sent.
    pub(super) fn begin(&self, index: usize, effect: Effect) -> bool {
        let may_begin = |doubtful| doubtful != CLOSED && (doubtful == 0 || effect != Effect::Once);
        let next = |doubtful| may_begin(doubtful).then(|| doubtful + 1);
        self.0[index].doubtful.fetch_update(Ordering::AcqRel, Ordering::Acquire, next).is_ok()
    }

    /// Notes the answer to an entry that was sent.
    pub(super) fn end(&self, index: usize, answered: &AnswerResult) {
        if let Err(failure) = answered
            && matches!(failure.outcome(), Outcome::NotSent | Outcome::Refused)
        {
            self.0[index].doubtful.fetch_sub(1, Ordering::AcqRel);
        }
    }

    /// Corrects the outcome that a failure states for an entry. An entry that was not sent so far is closed and will
    /// not be sent.
    pub(super) fn correct(&self, index: usize, answered: AnswerResult) -> AnswerResult {
        let EntryRun { doubtful, was_uncertain } = &self.0[index];
        answered.map_err(|failure| {
            let closed = doubtful.compare_exchange(0, CLOSED, Ordering::AcqRel, Ordering::Acquire);
            let may_have_run = *was_uncertain || closed.is_err();
            match failure.outcome() {
                Outcome::NotSent | Outcome::Refused if may_have_run => failure.with_outcome(Outcome::Unknown),
                Outcome::Unknown if !may_have_run => failure.with_outcome(Outcome::NotSent),
                _ => failure,
            }
        })
    }

    /// Returns whether no entry was passed on.
    pub(super) fn is_untouched(&self) -> bool {
        self.0.iter().all(|entry_run| entry_run.doubtful.load(Ordering::Acquire) == 0)
    }
}
