//! [`Circuit`]: the state machine that the lock of a [`Breaker`](super::Breaker) guards. Times are nanoseconds since a
//! common start.

use super::permit::Permit;
use super::settings::Terms;
use super::state::CircuitState;
use super::tally::Tally;
use super::verdict::Verdict;

#[derive(Debug)]
pub(super) struct Circuit {
    terms: Terms,
    phase: Phase,
    pub(super) tally: Tally,
    /// The number of the newest permit. Each change of the state and each test takes the next number.
    newest: u64,
    /// The number of the oldest permit that still counts: the first one since the last change of the state.
    oldest: u64,
    /// The number of openings without a recovery in between.
    openings: u32,
    /// See [`Breaker::success_rate`](super::Breaker::success_rate).
    success_rate: f64,
}

/// A state, with what only this state needs.
#[derive(Clone, Copy, Debug)]
enum Phase {
    Closed,
    Open {
        /// When the open time is over.
        due: u64,
    },
    HalfOpen {
        /// The number of tests that succeeded.
        successes: u32,
        /// When the next test may begin: at once, or when the one in flight has taken too long.
        due: u64,
    },
}

impl Circuit {
    pub(super) fn new(terms: Terms, now: u64) -> Self {
        Self {
            terms,
            phase: Phase::Closed,
            tally: Tally::new(&terms, now),
            newest: Permit::FIRST.0,
            oldest: Permit::FIRST.0,
            openings: 0,
            success_rate: 1.0,
        }
    }

    pub(super) fn state(&self) -> CircuitState {
        match self.phase {
            Phase::Closed => CircuitState::Closed,
            Phase::Open { .. } => CircuitState::Open,
            Phase::HalfOpen { .. } => CircuitState::HalfOpen,
        }
    }

    /// Returns when the next test may begin, or `u64::MAX` for a closed circuit, which needs none.
    pub(super) fn due(&self) -> u64 {
        match self.phase {
            Phase::Closed => u64::MAX,
            Phase::Open { due } | Phase::HalfOpen { due, .. } => due,
        }
    }

    pub(super) fn newest(&self) -> Permit {
        Permit(self.newest)
    }

    pub(super) fn success_rate(&self) -> f64 {
        self.success_rate
    }

    /// Returns the permit of the next test, if it may begin now.
    pub(super) fn try_test(&mut self, now: u64) -> Option<Permit> {
        // A test can be a call that takes hours. It must not keep the endpoint out of use for that time.
        let next = now.saturating_add(self.terms.max_open_time);
        match self.phase {
            Phase::Open { due } if due <= now => self.change_to(Phase::HalfOpen { successes: 0, due: next }),
            Phase::HalfOpen { successes, due } if due <= now => {
                self.phase = Phase::HalfOpen { successes, due: next };
                self.newest += 1;
            }
            _ => return None,
        }
        Some(self.newest())
    }

    /// Adds the result of an attempt. Returns the new state if it changed.
    pub(super) fn record(
        &mut self,
        permit: Permit,
        verdict: Verdict,
        now: u64,
        random: impl FnOnce() -> f64,
    ) -> Option<CircuitState> {
        if permit.0 < self.oldest {
            return None;
        }
        match self.phase {
            Phase::Closed => {
                self.success_rate = self.tally.add(verdict, now, &self.terms)?;
                // A server that fails only under load passes all tests. So a closed circuit is no proof of recovery
                // yet.
                if self.tally.age(now) >= self.terms.window() {
                    self.openings = 0;
                }
                self.open(now, random());
            }
            // No attempt has a permit of this state.
            Phase::Open { .. } => return None,
            Phase::HalfOpen { successes, due } => {
                // The end of a test that took too long does not end the next test, which is in flight.
                let due = if permit.0 == self.newest { now } else { due };
                let successes = match verdict {
                    Verdict::Success => successes + 1,
                    Verdict::Ignored => successes,
                    // A refusal also opens the circuit. Otherwise the next test would follow it at once.
                    Verdict::Failure | Verdict::RateFailure => {
                        self.success_rate /= 2.0;
                        self.open(now, random());
                        return Some(CircuitState::Open);
                    }
                };
                if successes < self.terms.successes_to_close {
                    self.phase = Phase::HalfOpen { successes, due };
                    return None;
                }
                self.close(now);
            }
        }
        Some(self.state())
    }

    fn open(&mut self, now: u64, random: f64) {
        let due = now.saturating_add(self.terms.open_time(self.openings, random));
        self.openings = self.openings.saturating_add(1);
        self.change_to(Phase::Open { due });
    }

    fn close(&mut self, now: u64) {
        self.tally = Tally::new(&self.terms, now);
        self.success_rate = 1.0;
        self.change_to(Phase::Closed);
    }

    /// Changes the state. Earlier permits no longer count.
    fn change_to(&mut self, phase: Phase) {
        self.phase = phase;
        self.newest += 1;
        self.oldest = self.newest;
    }
}
