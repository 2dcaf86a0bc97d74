//! [`Breaker`]: the circuit breaker of one endpoint, as a state machine. It neither sends anything nor reads a clock:
//! time and randomness are arguments.

mod circuit;
mod permit;
mod settings;
mod state;
mod tally;
mod verdict;
mod window;

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

pub(crate) use self::permit::Permit;
pub use self::settings::CircuitBreaker;
pub(crate) use self::settings::{BUCKETS, nanos};
pub use self::state::CircuitState;
pub(crate) use self::verdict::Verdict;
pub(crate) use self::window::{Counts, Window};

use self::circuit::Circuit;
use self::settings::Terms;
use crate::runtime::Instant;

/// The circuit breaker of one endpoint.
///
/// Each attempt at the endpoint gets a [`Permit`], from [`begin`](Self::begin) or as a test from
/// [`try_test`](Self::try_test), and ends with one [`record`](Self::record).
///
/// In a half-open circuit, only the results of tests count. Other attempts can be in flight at the same time. Some
/// began before the circuit opened. Others use the endpoint because too few endpoints have a closed circuit.
#[derive(Debug)]
pub(crate) struct Breaker {
    start: Instant,
    /// Whether it also guards an endpoint that is the client's only one.
    guards_single: bool,
    circuit: Mutex<Circuit>,
    /// The state in the two lowest bits, and the number of the newest permit above them. One word, so that an attempt
    /// never gets the permit of another state.
    ///
    /// This and the next two fields copy values of the circuit, so that a pick takes no lock. They are written under
    /// the lock, and only if the circuit changed. Readers rely on no other memory because of these values, so relaxed
    /// ordering is enough.
    published: AtomicU64,
    /// When the next test may begin, in nanoseconds since the start.
    due: AtomicU64,
    /// The bits of the success rate.
    success_rate: AtomicU64,
}

/// An attempt that tests the endpoint.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct CircuitTest {
    pub(crate) permit: Permit,
    /// The new state, if the test is the first one since the circuit opened.
    pub(crate) changed: Option<CircuitState>,
}

impl Breaker {
    /// Makes a closed circuit breaker.
    pub(crate) fn new(settings: &CircuitBreaker, now: Instant) -> Self {
        let circuit = Circuit::new(Terms::of(settings), 0);
        let breaker = Self {
            start: now,
            guards_single: settings.single_endpoint,
            published: AtomicU64::default(),
            due: AtomicU64::default(),
            success_rate: AtomicU64::default(),
            circuit: Mutex::new(circuit),
        };
        breaker.publish(&breaker.circuit());
        breaker
    }

    /// Returns whether it also guards an endpoint that is the client's only one.
    pub(crate) fn guards_single(&self) -> bool {
        self.guards_single
    }

    /// Returns the state. Takes no lock.
    pub(crate) fn state(&self) -> CircuitState {
        unpack(self.published.load(Ordering::Relaxed)).0
    }

    /// Returns whether [`try_test`](Self::try_test) probably assigns a test now. Takes no lock.
    pub(crate) fn is_test_due(&self, now: Instant) -> bool {
        self.due.load(Ordering::Relaxed) <= self.at(now)
    }

    /// Returns when the next test may begin, or `None` if the circuit is closed. Takes no lock.
    pub(crate) fn next_test(&self) -> Option<Instant> {
        match self.due.load(Ordering::Relaxed) {
            u64::MAX => None,
            due => self.start.checked_add(Duration::from_nanos(due)),
        }
    }

    /// Returns which share of attempts succeeded, to compare endpoints that are not closed. Takes no lock.
    ///
    /// 1 while the circuit is closed. Otherwise the rate in the window when the circuit opened, or 0 if failures in a
    /// row opened it. Each failed test halves it. Of endpoints with the same rate, the one with the earliest
    /// [`next_test`](Self::next_test) is the least bad: it failed the fewest tests.
    pub(crate) fn success_rate(&self) -> f64 {
        f64::from_bits(self.success_rate.load(Ordering::Relaxed))
    }

    /// Returns the permit of an attempt that begins now and that is no test. Takes no lock.
    pub(crate) fn begin(&self) -> Permit {
        match unpack(self.published.load(Ordering::Relaxed)) {
            (CircuitState::Closed, newest) => newest,
            _ => Permit::UNCOUNTED,
        }
    }

    /// Assigns the next test, if the open time is over and no other test is in flight. Takes a lock only if a test
    /// is due.
    ///
    /// The first test changes the state to half-open. When a test ends with a success, the next one is due at once. A
    /// test that cannot be sent, or that is cancelled, must be recorded as [`Verdict::Ignored`], best by a guard that
    /// drops with the attempt. Then the next test is also due at once. If a test is in flight for longer than
    /// `max_open_time`, a second one is due. Then both count.
    pub(crate) fn try_test(&self, now: Instant) -> Option<CircuitTest> {
        if !self.is_test_due(now) {
            return None;
        }
        let mut circuit = self.circuit();
        let before = circuit.state();
        let permit = circuit.try_test(self.at(now))?;
        self.publish(&circuit);
        Some(CircuitTest { permit, changed: (before != circuit.state()).then(|| circuit.state()) })
    }

    /// Records the result of an attempt, once per permit. Returns the new state if it changed.
    ///
    /// `random` returns a number from 0 to 1. It is called only if the circuit opens.
    pub(crate) fn record(
        &self,
        permit: Permit,
        verdict: Verdict,
        now: Instant,
        random: impl FnOnce() -> f64,
    ) -> Option<CircuitState> {
        if permit == Permit::UNCOUNTED {
            return None;
        }
        let mut circuit = self.circuit();
        let changed = circuit.record(permit, verdict, self.at(now), random);
        // In a closed circuit, results change no published value.
        if changed.is_some() || circuit.state() != CircuitState::Closed {
            self.publish(&circuit);
        }
        changed
    }

    /// Copies what is read without the lock. The caller holds the lock.
    fn publish(&self, circuit: &Circuit) {
        self.published.store(pack(circuit.state(), circuit.newest()), Ordering::Relaxed);
        self.due.store(circuit.due(), Ordering::Relaxed);
        self.success_rate.store(circuit.success_rate().to_bits(), Ordering::Relaxed);
    }

    fn circuit(&self) -> MutexGuard<'_, Circuit> {
        self.circuit.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Returns a time in nanoseconds since the start.
    fn at(&self, now: Instant) -> u64 {
        nanos(now.saturating_duration_since(self.start))
    }
}

fn pack(state: CircuitState, newest: Permit) -> u64 {
    let bits = match state {
        CircuitState::Closed => 0,
        CircuitState::Open => 1,
        CircuitState::HalfOpen => 2,
    };
    newest.0 << 2 | bits
}

fn unpack(published: u64) -> (CircuitState, Permit) {
    let state = match published & 3 {
        0 => CircuitState::Closed,
        1 => CircuitState::Open,
        _ => CircuitState::HalfOpen,
    };
    (state, Permit(published >> 2))
}

#[cfg(test)]
mod tests;
