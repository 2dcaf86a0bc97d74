//! Applies the results of an attempt: judges each entry, decides whether it is retried and after which delay, takes
//! retries from the budget, and calls the attempt hook. `reliability::judge` has the rules, and this file applies them.

use std::time::Duration;

use rpc_core::Outcome;

use super::Delivery;
use super::entry::{Entry, attempt_error, sort_out};
use crate::breaker::Verdict;
use crate::engine::Engine;
use crate::error::AnswerResult;
use crate::failure::Failure;
use crate::meta::ResponseMeta;
use crate::reliability::attempt::{Attempt, AttemptEvent};
use crate::reliability::judge::{
    AnswerSource, Judgment, RetryAfter, RetryContext, RetryDecision, UnauthorizedResponse, judge,
};
use crate::reliability::keys::AnnouncedStore;
use crate::reliability::verdict::{of_request, verdict};
use crate::runtime::Instant;
use crate::telemetry;

/// How long before its deadline a running call is polled a last time.
const LAST_LOOK: Duration = Duration::from_millis(100);

/// The shortest delay between two polls of a running call.
const WAIT_FLOOR: Duration = Duration::from_millis(20);

/// What happens to an entry after an attempt.
pub(super) enum EntryStatus {
    /// It has ended.
    Ended,
    /// It has ended, since the throttle rejected its retry.
    Throttled,
    /// It is sent again after this delay.
    Retry(Duration),
    /// It was not sent, and goes to another endpoint at once. This is no retry.
    FailOver,
}

impl EntryStatus {
    /// Returns the delay before the next attempt, if there is one.
    fn pause(&self) -> Option<Duration> {
        match self {
            Self::Retry(pause) => Some(*pause),
            Self::FailOver => Some(Duration::ZERO),
            Self::Ended | Self::Throttled => None,
        }
    }
}

/// An entry's last attempt, judged.
pub(super) struct JudgedEntry {
    index: usize,
    pub(super) answered: AnswerResult,
    pub(super) judgment: Judgment,
    pub(super) status: EntryStatus,
}

impl Delivery {
    /// Applies an attempt's results to the entries. Returns the delay before the next attempt, or `None` when all
    /// entries have ended.
    pub(super) fn settle(
        &mut self,
        answers: Vec<AnswerResult>,
        head: Option<&ResponseMeta>,
        begun: Instant,
    ) -> Option<Duration> {
        let now = Instant::now();
        let mut judged = Vec::with_capacity(answers.len());
        let client_retry = self.engine.settings.retry;
        let credentials = self.engine.credentials.as_ref();
        let headers = head.map(|head| &head.headers);
        let may_renew = credentials.is_some_and(|credentials| self.authorization.may_renew(credentials));
        let unauthorized = if may_renew { head.map(|head| UnauthorizedResponse::of(head, &answers)) } else { None };
        let pending = self.payload.entries_mut().iter_mut().enumerate().filter(|(_, entry)| entry.is_pending());
        for (place, ((index, entry), answered)) in pending.zip(answers).enumerate() {
            let source = AnswerSource { headers, place };
            let answered = sort_out(answered, source);
            let retry = entry.retry(&client_retry);
            let relies = entry.relies || self.plan.wants_proof(entry);
            let call = RetryContext { method: &entry.method, effect: entry.effect, relies, retry };
            let judgment = judge(&answered, source, call);
            let judgment = match &unauthorized {
                Some(unauthorized) if unauthorized.names(&answered, judgment, call) => judgment.renewing(),
                _ => judgment,
            };
            entry.uncertain |= judgment.outcome == Outcome::Unknown;
            judged.push(JudgedEntry { index, answered, judgment, status: EntryStatus::Ended });
        }
        let wanted = |next| judged.iter().any(|one| one.judgment.next == next);
        if let Some(credentials) = credentials.filter(|_| wanted(RetryDecision::Renew)) {
            self.authorization.renew(credentials);
        }
        let announced = headers.and_then(AnnouncedStore::of);
        if self.plan.revise(wanted, announced, &self.endpoint.current.store, now) {
            self.payload.entries_mut().iter_mut().for_each(Entry::leave_store);
        }
        if let Some(hedging) = &self.engine.hedging
            && is_answered(&judged)
        {
            self.add_response_time(hedging);
        }
        let can_fail_over = self.endpoint.is_tracked() && self.end_judged(&judged);
        // All retries of the request are rejected, or none.
        let is_throttled = self.throttles_retry(&judged, now);
        for one in &mut judged {
            one.status = self.status(one, can_fail_over, is_throttled, now);
        }
        self.count_acceptance(&judged, now);
        self.carry_out(judged, begun, now)
    }

    /// Ends the attempt at its endpoint. Returns whether entries that were not sent can go to another endpoint.
    #[cold]
    fn end_judged(&mut self, judged: &[JudgedEntry]) -> bool {
        if judged.iter().any(|one| one.answered.as_ref().is_err_and(Failure::is_connect)) {
            self.engine.endpoints.connect_failed();
        }
        let timed_out = judged.iter().all(|one| one.answered.as_ref().is_err_and(Failure::has_timed_out));
        let verdict = of_request(judged.iter().map(|one| verdict(&one.answered, one.judgment)));
        let retry_after = judged.iter().filter_map(|one| one.judgment.retry_after).map(RetryAfter::duration).max();
        self.end_attempt(verdict, timed_out, retry_after)
    }

    /// Decides whether an entry is retried. An entry that was not sent goes to another endpoint at once, if there is
    /// one: that costs neither an attempt nor a retry, since the call has cost no server anything yet.
    fn status(&mut self, one: &JudgedEntry, can_fail_over: bool, is_throttled: bool, now: Instant) -> EntryStatus {
        let Judgment { outcome, next, retry_after, .. } = one.judgment;
        let entry = &mut self.payload.entries_mut()[one.index];
        let retry = *entry.retry(&self.engine.settings.retry);
        if entry.is_abandoned() {
            return EntryStatus::Ended;
        }
        let left = entry.deadline.saturating_duration_since(now);
        let is_unsent = next == RetryDecision::Retry && one.answered.as_ref().is_err_and(Failure::is_unsent);
        if can_fail_over && is_unsent && !left.is_zero() {
            return EntryStatus::FailOver;
        }
        let pause = match next {
            RetryDecision::Stop => return EntryStatus::Ended,
            RetryDecision::Renew => return EntryStatus::Retry(Duration::ZERO),
            RetryDecision::ChangeStore | RetryDecision::GoWithoutKeys | RetryDecision::TellTime => {
                return if self.plan.lets_go(next, entry) {
                    EntryStatus::Retry(Duration::ZERO)
                } else {
                    EntryStatus::Ended
                };
            }
            RetryDecision::Wait => {
                let waits = &mut entry.retry_state().waits;
                *waits += 1;
                // The call can end at any time, so it is polled once more before the deadline, whatever the delay.
                let pause = retry.pause(*waits, rand::random()).max(WAIT_FLOOR);
                pause.min(left.saturating_sub(LAST_LOOK).max(left / 2))
            }
            RetryDecision::Retry | RetryDecision::RetryAny => {
                let spent = &mut entry.retry_state().spent;
                *spent += 1;
                if *spent >= retry.max_attempts {
                    return EntryStatus::Ended;
                }
                retry.pause(*spent, rand::random())
            }
        };
        // An attempt that was given up for another one leaves time for it.
        let pause = self.paid.map_or(pause, |turn| pause.min(left / 4).max(turn));
        // Another endpoint has not asked for a pause.
        let asked = retry_after.filter(|_| !(can_fail_over && self.endpoint.has_failed()));
        let Some(asked) = asked.map_or(Some(Duration::ZERO), |after| after.pause(&retry)) else {
            return EntryStatus::Ended;
        };
        let pause = pause.max(asked);
        // An earlier attempt that may have run counts as much as this one.
        let uncertain = entry.uncertain || outcome == Outcome::Unknown;
        let again = pause < left && (!uncertain || entry.is_repeatable(self.plan.remembers(now + pause)));
        if !again {
            return EntryStatus::Ended;
        }
        let is_free = next == RetryDecision::Wait || self.paid.is_some();
        if !is_free && self.endpoint.forbids_retry() {
            return EntryStatus::Ended;
        }
        if !is_free && is_throttled {
            return EntryStatus::Throttled;
        }
        // A retry that waits for the budget's pace is useful only before the deadline.
        let turn = if is_free { Some(Duration::ZERO) } else { self.engine.withdraw(1, now, left) };
        turn.map_or(EntryStatus::Ended, |turn| EntryStatus::Retry(pause.max(turn)))
    }

    /// Ends the entries that are not retried. Returns the delay before the next attempt, the longest delay of the
    /// others.
    fn carry_out(&mut self, judged: Vec<JudgedEntry>, begun: Instant, now: Instant) -> Option<Duration> {
        // A single retry needs no delivery of its own.
        let is_splitting = self.is_splitting() && judged.iter().filter_map(|one| one.status.pause()).count() > 1;
        let leaves = |entry: &Entry| is_splitting && Self::can_leave(entry);
        let entries = self.payload.entries();
        let staying = judged.iter().filter(|one| !leaves(&entries[one.index]));
        let longest = staying.filter_map(|one| one.status.pause()).max();
        for JudgedEntry { index, answered, judgment, status } in judged {
            let entry = &mut self.payload.entries_mut()[index];
            let leaves = leaves(entry);
            let pause = if leaves { status.pause() } else { longest };
            // The longest delay may be longer than the entry's own.
            let again = pause.filter(|pause| {
                status.pause().is_some()
                    && now + *pause < entry.deadline
                    && (!entry.uncertain || entry.is_repeatable(self.plan.remembers(now + *pause)))
            });
            let fails_over = again.is_some() && matches!(status, EntryStatus::FailOver);
            self.endpoint.failing_over += usize::from(fails_over && !leaves);
            self.engine.observer.meter().attempts(judgment.outcome, 1);
            let attempt = || Attempt {
                number: self.number,
                took: now - begun,
                outcome: judgment.outcome,
                endpoint: self.endpoint.current.address().cloned(),
                hedged: self.hedged.is_some(),
                error: attempt_error(&answered),
            };
            note(&self.engine, entry, answered.is_ok(), judgment.next, attempt, again);
            match (again, answered) {
                (None, answered) => {
                    let answered = entry.settle(answered, judgment, self.start);
                    telemetry::settled(&mut self.watching, index, answered);
                }
                (Some(_), Err(failure))
                    if judgment.outcome == Outcome::Unknown && judgment.next != RetryDecision::Wait =>
                {
                    entry.retry_state().doubt = Some(failure);
                }
                (Some(_), _) => {}
            }
            if let Some(pause) = again.filter(|_| leaves) {
                if fails_over {
                    self.engine.observer.meter().failovers(1);
                }
                self.split_off(index, pause);
            }
        }
        longest.filter(|_| self.payload.pending().next().is_some())
    }
}

/// Returns whether an attempt was answered, and not refused, so that its response time says how long calls take.
fn is_answered(judged: &[JudgedEntry]) -> bool {
    judged.iter().all(|one| verdict(&one.answered, one.judgment) == Verdict::Success)
}

/// Records an attempt, and calls the hook. Skips an answered first attempt if no hook is set.
fn note(
    engine: &Engine,
    entry: &mut Entry,
    is_answered: bool,
    next: RetryDecision,
    attempt: impl FnOnce() -> Attempt,
    retry_in: Option<Duration>,
) {
    let on_attempt = &engine.on_attempt;
    if is_answered && on_attempt.is_none() && retry_in.is_none() && !entry.has_attempts() {
        return;
    }
    let attempt = attempt();
    if let Some(hook) = on_attempt {
        hook.call(&AttemptEvent { method: &entry.method.name, attempt: &attempt, retry_in });
    }
    let state = entry.retry_state();
    // Of many polls of a running call, only the last one is kept.
    if next == RetryDecision::Wait && state.waits > 1 {
        state.attempts.pop();
    }
    state.attempts.push(attempt);
}
