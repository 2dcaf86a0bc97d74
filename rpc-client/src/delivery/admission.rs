//! Calls that the client rejects itself instead of sending them, and what it counts for its throttle.

use rpc_core::Outcome;

use super::Delivery;
use super::entry::Entry;
use super::settle::{EntryStatus, JudgedEntry};
use crate::failure::{Failure, FailureKind};
use crate::reliability::judge::{Judgment, RetryDecision};
use crate::reliability::verdict::acceptance;
use crate::runtime::Instant;
use crate::telemetry;

impl Delivery {
    /// Returns whether something can reject the calls before they are sent.
    #[inline]
    pub(super) fn is_guarded(&self) -> bool {
        self.engine.throttler.is_some() || self.endpoint.is_guarded_single
    }

    /// Decides whether the next attempt is rejected. If so, all pending entries end.
    #[cold]
    pub(super) fn is_rejected(&mut self) -> bool {
        if self.endpoint.is_cut_off() {
            self.reject(&Failure::new(FailureKind::CircuitOpen));
            return true;
        }
        let now = Instant::now();
        // `settle` has decided about retries, before it took them from the retry budget.
        if self.sent > 0 || !self.engine.throttles(now) {
            return false;
        }
        self.add_throttled(self.payload.pending().count(), now);
        self.reject(&Failure::new(FailureKind::Throttled));
        true
    }

    /// Ends the joined calls whose callers have gone or whose deadlines are over. Returns whether a call is left.
    ///
    /// Otherwise a call could have its effect long after its caller has dropped it, when the request waited for a
    /// retry, for credentials or for a store.
    #[cold]
    pub(super) fn has_callers(&mut self, now: Instant) -> bool {
        self.end_where(&Failure::new(FailureKind::Expired), |entry| entry.is_abandoned() || entry.deadline <= now);
        self.payload.pending().next().is_some()
    }

    /// Ends all pending entries with this failure, without an attempt.
    fn reject(&mut self, failure: &Failure) {
        self.end_where(failure, |_| true);
    }

    /// Ends some of the pending entries with this failure, without an attempt.
    fn end_where(&mut self, failure: &Failure, ends: impl Fn(&Entry) -> bool) {
        let outcome = failure.outcome();
        let judgment =
            Judgment { outcome, next: RetryDecision::Stop, of_call: false, refused: false, retry_after: None };
        let ended = |entry: &Entry| entry.is_pending() && ends(entry);
        for (index, entry) in self.payload.entries_mut().iter_mut().enumerate().filter(|(_, entry)| ended(entry)) {
            let answered = entry.settle(Err(failure.clone()), judgment, self.start);
            telemetry::settled(&mut self.watching, index, answered);
        }
    }

    /// Returns whether the throttle rejects the retries after an attempt.
    pub(super) fn throttles_retry(&self, judged: &[JudgedEntry], now: Instant) -> bool {
        let is_retry = |one: &JudgedEntry| matches!(one.judgment.next, RetryDecision::Retry | RetryDecision::RetryAny);
        self.engine.throttler.is_some() && judged.iter().any(is_retry) && self.engine.throttles(now)
    }

    /// Counts for the throttle which entries of an attempt a server has accepted, and which retries were rejected.
    pub(super) fn count_acceptance(&self, judged: &[JudgedEntry], now: Instant) {
        let Some(throttler) = &self.engine.throttler else { return };
        let counted = judged.iter().filter(|one| {
            // The client's own limits say nothing about the server. A call that fails over has not ended.
            let held_back = self.endpoint.was_held_back && one.judgment.outcome == Outcome::NotSent;
            !held_back && !matches!(one.status, EntryStatus::FailOver)
        });
        let (mut accepted, mut refused) = (0, 0);
        for is_accepted in counted.filter_map(|one| acceptance(&one.answered, one.judgment)) {
            *(if is_accepted { &mut accepted } else { &mut refused }) += 1;
        }
        throttler.add(accepted, refused, now);
        let rejected = judged.iter().filter(|one| matches!(one.status, EntryStatus::Throttled)).count();
        if rejected > 0 {
            self.add_throttled(rejected, now);
        }
    }

    /// Counts calls or retries that the throttle has rejected.
    fn add_throttled(&self, count: usize, now: Instant) {
        if let Some(throttler) = &self.engine.throttler {
            throttler.add(0, count, now);
        }
        self.engine.observer.meter().throttled(count);
    }
}
