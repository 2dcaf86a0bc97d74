use std::time::Duration;

use http::HeaderMap;
use rpc_core::Outcome;
use tokio::time::Instant;

use super::entry::{Entry, attempt_error, sort_out};
use super::{Delivery, MAX_MOVES, Reliance};
use crate::client::{Inner, Settings};
use crate::error::Answered;
use crate::reliability::attempt::{Attempt, AttemptEvent};
use crate::reliability::judge::{Attempted, Judgment, Next, Source, judge};
use crate::reliability::keys::Announced;
use crate::telemetry;

/// How long before its deadline there is a last look at a call that is known to run.
const LAST_LOOK: Duration = Duration::from_millis(100);

/// How long at least a call that is known to run is left alone between two looks at it.
const WAIT_FLOOR: Duration = Duration::from_millis(20);

/// What becomes of an entry after an attempt.
enum Fate {
    /// It has ended.
    Ended,
    /// It goes again after a pause.
    Again(Duration),
}

/// An entry's last attempt, judged.
struct Judged {
    index: usize,
    answered: Answered,
    judgment: Judgment,
    fate: Fate,
}

impl Delivery {
    /// Takes what came of an attempt to each entry. Returns after which pause to send again what is left, if anything is.
    pub(super) fn take(
        &mut self,
        answers: Vec<Answered>,
        headers: Option<&HeaderMap>,
        begun: Instant,
    ) -> Option<Duration> {
        let now = Instant::now();
        let mut judged = Vec::with_capacity(answers.len());
        let pending = self.entries.iter_mut().enumerate().filter(|(_, entry)| entry.is_pending());
        for (place, ((index, entry), answered)) in pending.zip(answers).enumerate() {
            let answered = sort_out(answered);
            let retry = entry.retry(&self.client.inner.settings.retry);
            let call = Attempted { method: &entry.method, effect: entry.effect, relies: entry.relies, retry };
            let judgment = judge(&answered, Source { headers, place }, call);
            entry.uncertain |= judgment.outcome == Outcome::Unknown;
            judged.push(Judged { index, answered, judgment, fate: Fate::Ended });
        }
        self.move_keys(&judged, headers.and_then(Announced::of), now);
        for one in &mut judged {
            one.fate = self.fate(one, now);
        }
        self.carry_out(judged, begun, now)
    }

    /// Relies on another store, or on none, where the server says that the keys are worth nothing as they are.
    fn move_keys(&mut self, judged: &[Judged], announced: Option<Announced>, now: Instant) {
        let any = |next| judged.iter().any(|one| one.judgment.next == next);
        let knowledge = &self.client.inner.knowledge;
        if self.pin.is_some() {
            // Calls with tickets go nowhere else. What the server has announced is noted already.
            if any(Next::GoWithoutKeys) {
                knowledge.keys_are_lost(now);
            }
            return;
        }
        if any(Next::GoWithoutKeys) {
            knowledge.keys_are_lost(now);
            (self.reliance, self.says_keys) = (None, false);
        } else if any(Next::ChangeStore) {
            match announced {
                Some(announced) if self.moves == 0 => {
                    knowledge.replace(announced.clone());
                    self.reliance = Reliance::begin(announced, now);
                }
                _ => {
                    knowledge.there_are_several(now);
                    self.reliance = None;
                }
            }
        } else if any(Next::TellTime) {
            // Our clock has stood still. The next attempt goes by the time that was told, unless it may repeat an older
            // one.
            if let (Some(announced), Some(reliance)) = (announced, &mut self.reliance) {
                knowledge.replace(announced.clone());
                reliance.announced = announced;
            }
            self.times_told += 1;
            return;
        } else {
            return;
        }
        self.moves += 1;
        for entry in &mut self.entries {
            entry.relies &= !entry.uncertain;
        }
    }

    /// Decides whether an entry goes again.
    fn fate(&mut self, one: &Judged, now: Instant) -> Fate {
        let Judgment { outcome, next, retry_after, .. } = one.judgment;
        let settings = &self.client.inner.settings;
        let entry = &mut self.entries[one.index];
        let retry = *entry.retry(&settings.retry);
        let left = entry.deadline.saturating_duration_since(now);
        let pause = match next {
            Next::Stop => return Fate::Ended,
            // What may have run elsewhere cannot be asked after here.
            Next::ChangeStore | Next::GoWithoutKeys | Next::TellTime if entry.uncertain || self.pin.is_some() => {
                return Fate::Ended;
            }
            Next::ChangeStore | Next::GoWithoutKeys if self.moves > MAX_MOVES => return Fate::Ended,
            // What is too old by the time that was just told is not so because of a clock.
            Next::TellTime if self.times_told > 1 => return Fate::Ended,
            // Without its key the call might run although it has run for somebody else, which the caller's key forbids.
            Next::GoWithoutKeys if entry.has_given_key => return Fate::Ended,
            Next::ChangeStore | Next::GoWithoutKeys | Next::TellTime => return Fate::Again(Duration::ZERO),
            Next::Wait => {
                let waits = &mut entry.trouble().waits;
                *waits += 1;
                // It may be over at any time, so there is another look at it before the deadline, whatever the pause.
                let pause = retry.pause(*waits, rand::random()).max(WAIT_FLOOR);
                pause.min(left.saturating_sub(LAST_LOOK).max(left / 2))
            }
            Next::Retry | Next::RetryAny => {
                let spent = &mut entry.trouble().spent;
                *spent += 1;
                if *spent >= retry.max_attempts {
                    return Fate::Ended;
                }
                retry.pause(*spent, rand::random())
            }
        };
        // An attempt that was given up for another one leaves time for it.
        let pause = self.paid.map_or(pause, |turn| pause.min(left / 4).max(turn));
        let Some(asked) = retry_after.map_or(Some(Duration::ZERO), |after| after.pause(&retry)) else {
            return Fate::Ended;
        };
        let pause = pause.max(asked);
        // What an earlier attempt may have done counts as much as what this one may have.
        let uncertain = entry.uncertain || outcome == Outcome::Unknown;
        let remembers = || self.reliance.as_ref().is_some_and(|reliance| reliance.remembers(now + pause));
        let again = pause < left && (!uncertain || entry.is_repeatable(remembers()));
        if !again {
            return Fate::Ended;
        }
        let is_free = next == Next::Wait || self.paid.is_some();
        // A retry that waits for the budget's pace is of use only before the deadline.
        let turn = if is_free { Some(Duration::ZERO) } else { settings.withdraw(1, now, left) };
        turn.map_or(Fate::Ended, |turn| Fate::Again(pause.max(turn)))
    }

    /// Ends the entries that do not go again, and returns the pause for the others, which is that of the most patient.
    fn carry_out(&mut self, judged: Vec<Judged>, begun: Instant, now: Instant) -> Option<Duration> {
        let pauses = judged.iter().filter_map(|one| match one.fate {
            Fate::Again(pause) => Some(pause),
            Fate::Ended => None,
        });
        let pause = pauses.max();
        for Judged { index, answered, judgment, fate } in judged {
            let entry = &mut self.entries[index];
            // The pause may be longer than the entry's own, since it is that of the most patient.
            let remembers = |at| self.reliance.as_ref().is_some_and(|reliance| reliance.remembers(at));
            let again = pause.filter(|pause| {
                matches!(fate, Fate::Again(_))
                    && now + *pause < entry.deadline
                    && (!entry.uncertain || entry.is_repeatable(remembers(now + *pause)))
            });
            self.client.inner.settings.observer.meter().attempts(judgment.outcome, 1);
            note(&self.client.inner, entry, &answered, judgment, self.sent, (begun, now), again);
            match (again, answered) {
                (None, answered) => {
                    let answered = entry.settle(answered, judgment, self.start);
                    telemetry::settled(&mut self.watching, index, answered);
                }
                (Some(_), Err(failure)) if judgment.outcome == Outcome::Unknown && judgment.next != Next::Wait => {
                    entry.trouble().doubt = Some(failure);
                }
                (Some(_), _) => {}
            }
        }
        pause.filter(|_| self.entries.iter().any(Entry::is_pending))
    }
}

/// Records an attempt, where it failed or where somebody watches.
fn note(
    client: &Inner,
    entry: &mut Entry,
    answered: &Answered,
    judgment: Judgment,
    number: u32,
    (begun, now): (Instant, Instant),
    retry_in: Option<Duration>,
) {
    let Settings { on_attempt, .. } = &client.settings;
    if answered.is_ok() && on_attempt.is_none() && retry_in.is_none() && !entry.has_attempts() {
        return;
    }
    let attempt = Attempt { number, took: now - begun, outcome: judgment.outcome, error: attempt_error(answered) };
    if let Some(hook) = on_attempt {
        hook.call(&AttemptEvent { method: &entry.method.name, attempt: &attempt, retry_in });
    }
    let trouble = entry.trouble();
    // Of many looks at a call that runs, the last one says as much as all.
    if judgment.next == Next::Wait && trouble.waits > 1 {
        trouble.attempts.pop();
    }
    trouble.attempts.push(attempt);
}
