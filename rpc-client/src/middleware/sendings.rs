//! Which entries of a layered request may have run. It keeps layers from sending a call with an effect twice, and
//! corrects outcomes that layers report wrongly.

use std::sync::atomic::{AtomicU32, Ordering};

use rpc_core::{Effect, Outcome};

use crate::delivery::Entry;
use crate::error::Answered;

/// What is known of the entries of a request and its clones: how many times each was passed on and may have run.
#[derive(Debug)]
pub(super) struct Sendings(Box<[Sending]>);

#[derive(Debug)]
struct Sending {
    /// How many of its deliveries may have run it, or [`CLOSED`].
    doubtful: AtomicU32,
    /// Whether it may have run before this request, as a call with a redeemed ticket may.
    was_uncertain: bool,
}

/// The caller is told that it was not sent, and so it may not be any more.
const CLOSED: u32 = u32::MAX;

impl Sendings {
    pub(super) fn of(entries: &[Entry]) -> Self {
        let sending = |entry: &Entry| Sending { doubtful: AtomicU32::new(0), was_uncertain: entry.uncertain() };
        Self(entries.iter().map(sending).collect())
    }

    /// Notes that an entry is about to be sent. Returns false if it must not be: it may have run already, and repeating
    /// it would matter, or its caller is told that it was not sent.
    pub(super) fn begin(&self, index: usize, effect: Effect) -> bool {
        let may_begin = |doubtful| doubtful != CLOSED && (doubtful == 0 || effect != Effect::Once);
        let next = |doubtful| may_begin(doubtful).then(|| doubtful + 1);
        self.0[index].doubtful.fetch_update(Ordering::AcqRel, Ordering::Acquire, next).is_ok()
    }

    /// Notes what came of an entry that was sent.
    pub(super) fn end(&self, index: usize, answered: &Answered) {
        if let Err(failure) = answered
            && matches!(failure.outcome(), Outcome::NotSent | Outcome::Refused)
        {
            self.0[index].doubtful.fetch_sub(1, Ordering::AcqRel);
        }
    }

    /// Corrects what a failure says of an entry's outcome by what is known. An entry that was not sent by now will not
    /// be.
    pub(super) fn correct(&self, index: usize, answered: Answered) -> Answered {
        let Sending { doubtful, was_uncertain } = &self.0[index];
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

    /// Tells whether no entry was passed on.
    pub(super) fn is_untouched(&self) -> bool {
        self.0.iter().all(|sending| sending.doubtful.load(Ordering::Acquire) == 0)
    }
}
