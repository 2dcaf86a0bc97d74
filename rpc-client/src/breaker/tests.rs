use std::time::Duration;

use super::Verdict::{Failure, Ignored, RateFailure, Success};
use super::{Breaker, CircuitBreaker, CircuitState, CircuitTest, Permit, Verdict};
use crate::runtime::Instant;

mod open;
mod properties;

/// A breaker with a clock that the test moves on.
struct Bench {
    breaker: Breaker,
    now: Instant,
}

impl Bench {
    fn new(settings: CircuitBreaker) -> Self {
        let now = Instant::now();
        Self { breaker: Breaker::new(&settings, now), now }
    }

    fn advance(&mut self, time: Duration) {
        self.now += time;
    }

    /// Ends an attempt, with the longest open time if it opens the circuit.
    fn record(&self, permit: Permit, verdict: Verdict) -> Option<CircuitState> {
        self.breaker.record(permit, verdict, self.now, || 1.0)
    }

    /// Makes an attempt, and returns the new state if it changed.
    fn attempt(&self, verdict: Verdict) -> Option<CircuitState> {
        self.record(self.breaker.begin(), verdict)
    }

    fn attempts(&self, verdict: Verdict, count: usize) {
        for index in 0..count {
            assert_eq!(self.attempt(verdict), None, "attempt {index}");
        }
    }

    fn try_test(&self) -> Option<CircuitTest> {
        self.breaker.try_test(self.now)
    }

    fn test(&self, verdict: Verdict) -> Option<CircuitState> {
        self.record(self.try_test().expect("a test is due").permit, verdict)
    }

    fn open(&self) {
        while self.state() == CircuitState::Closed {
            self.attempt(Failure);
        }
    }

    /// Advances to the end of the open time.
    fn wait(&mut self) {
        self.now = self.breaker.next_test().expect("the circuit is not closed");
    }

    /// Opens the circuit and waits until the open time is over.
    fn due(settings: CircuitBreaker) -> Self {
        let mut bench = Self::new(settings);
        bench.open();
        bench.wait();
        bench
    }

    /// Closes the circuit with three tests.
    fn recover(&mut self) {
        self.wait();
        assert_eq!([Success; 3].map(|verdict| self.test(verdict)), [None, None, Some(CircuitState::Closed)]);
    }

    fn state(&self) -> CircuitState {
        self.breaker.state()
    }
}

fn seconds(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

/// Settings whose success rate opens nothing.
fn in_a_row() -> CircuitBreaker {
    CircuitBreaker::default().min_success_rate(0.0)
}

#[test]
fn defaults_are_those_of_the_documentation() {
    let settings = CircuitBreaker::default();
    assert_eq!((settings.failures_to_open, settings.min_attempts, settings.successes_to_close), (5, 5, 3));
    assert_eq!((settings.window, settings.open_time, settings.max_open_time), (seconds(30), seconds(1), seconds(60)));
    assert_eq!(settings.min_success_rate, 0.8);
}

#[test]
fn each_state_has_a_name() {
    let states = [CircuitState::Closed, CircuitState::Open, CircuitState::HalfOpen];
    assert_eq!(states.map(CircuitState::as_str), ["closed", "open", "half_open"]);
}

#[test]
fn breaker_takes_less_than_half_a_kibibyte() {
    assert!(size_of::<Breaker>() < 512, "{}", size_of::<Breaker>());
}

#[test]
fn fifth_failure_in_a_row_opens() {
    let bench = Bench::new(in_a_row());
    bench.attempts(Failure, 4);
    assert_eq!(bench.attempt(Failure), Some(CircuitState::Open));
    assert_eq!(bench.state(), CircuitState::Open);
}

#[test]
fn failures_in_a_row_can_be_any_time_apart() {
    let mut bench = Bench::new(in_a_row());
    bench.attempts(Failure, 4);
    bench.advance(seconds(3600));
    assert_eq!(bench.attempt(Failure), Some(CircuitState::Open));
}

#[test]
fn success_ends_the_failures_in_a_row() {
    let bench = Bench::new(in_a_row());
    bench.attempts(Failure, 4);
    bench.attempts(Success, 1);
    bench.attempts(Failure, 4);
    assert_eq!(bench.attempt(Failure), Some(CircuitState::Open));
}

#[test]
fn rate_failure_neither_adds_to_the_failures_in_a_row_nor_ends_them() {
    let bench = Bench::new(in_a_row());
    bench.attempts(RateFailure, 100);
    bench.attempts(Failure, 4);
    bench.attempts(RateFailure, 100);
    assert_eq!(bench.attempt(Failure), Some(CircuitState::Open));
}

#[test]
fn ignored_neither_adds_to_the_failures_in_a_row_nor_ends_them() {
    let bench = Bench::new(in_a_row());
    bench.attempts(Ignored, 100);
    bench.attempts(Failure, 4);
    bench.attempts(Ignored, 100);
    assert_eq!(bench.attempt(Failure), Some(CircuitState::Open));
}

#[test]
fn success_rate_below_the_minimum_opens_and_the_minimum_itself_does_not() {
    let bench = Bench::new(CircuitBreaker::default());
    for _ in 0..20 {
        bench.attempts(Success, 4);
        bench.attempts(RateFailure, 1);
    }
    assert_eq!(bench.attempt(RateFailure), Some(CircuitState::Open));
}

#[test]
fn success_rate_counts_from_the_fifth_attempt_on() {
    let bench = Bench::new(CircuitBreaker::default());
    bench.attempts(RateFailure, 4);
    assert_eq!(bench.attempt(RateFailure), Some(CircuitState::Open));
}

#[test]
fn ignored_attempts_are_not_among_the_five() {
    let bench = Bench::new(CircuitBreaker::default());
    bench.attempts(RateFailure, 4);
    bench.attempts(Ignored, 100);
    assert_eq!(bench.attempt(RateFailure), Some(CircuitState::Open));
}

#[test]
fn success_does_not_open_even_as_the_fifth_attempt() {
    let bench = Bench::new(CircuitBreaker::default());
    bench.attempts(RateFailure, 4);
    bench.attempts(Success, 2);
    assert_eq!(bench.attempt(RateFailure), Some(CircuitState::Open));
}

#[test]
fn attempts_leave_the_window_bucket_by_bucket() {
    let mut bench = Bench::new(CircuitBreaker::default());
    bench.attempts(RateFailure, 4);
    bench.advance(Duration::from_millis(29_999));
    assert_eq!(bench.attempt(RateFailure), Some(CircuitState::Open));

    let mut bench = Bench::new(CircuitBreaker::default());
    bench.attempts(RateFailure, 4);
    bench.advance(seconds(3));
    bench.attempts(Success, 4);
    bench.advance(seconds(27));
    // The four failures are too old, and the successes are not.
    bench.attempts(RateFailure, 1);
    assert_eq!(bench.attempt(RateFailure), Some(CircuitState::Open));
}

#[test]
fn long_silence_empties_the_window() {
    for silence in [30, 31, 3600, 1_000_000_000] {
        let mut bench = Bench::new(CircuitBreaker::default());
        bench.attempts(RateFailure, 4);
        bench.advance(seconds(silence));
        bench.attempts(RateFailure, 4);
        assert_eq!(bench.attempt(RateFailure), Some(CircuitState::Open), "{silence} s");
    }
}

#[test]
fn result_with_an_earlier_time_counts_in_the_current_bucket() {
    let mut bench = Bench::new(CircuitBreaker::default());
    bench.advance(seconds(10));
    bench.attempts(RateFailure, 2);
    bench.now -= seconds(20);
    bench.attempts(RateFailure, 2);
    assert_eq!(bench.attempt(RateFailure), Some(CircuitState::Open));
}

#[test]
fn randomness_is_asked_for_only_when_the_circuit_opens() {
    let bench = Bench::new(CircuitBreaker::default());
    for verdict in [Success, Ignored, RateFailure, Failure] {
        bench.breaker.record(bench.breaker.begin(), verdict, bench.now, || panic!("{verdict:?}"));
    }
}

#[test]
fn settings_beyond_all_bounds_are_harmless() {
    let least = CircuitBreaker::default()
        .failures_to_open(0)
        .window(Duration::ZERO)
        .min_attempts(0)
        .open_time(Duration::ZERO)
        .max_open_time(Duration::ZERO)
        .successes_to_close(0);
    let most = CircuitBreaker::default()
        .failures_to_open(2)
        .window(Duration::MAX)
        .open_time(Duration::MAX)
        .max_open_time(Duration::MAX)
        .min_attempts(u32::MAX)
        .successes_to_close(u32::MAX);
    for settings in [least, most, least.min_success_rate(f64::NAN), most.min_success_rate(f64::INFINITY)] {
        let mut bench = Bench::new(settings);
        for random in [0.0, 1.0, -7.0, 7.0, f64::NAN] {
            for verdict in [Ignored, RateFailure, Success, Failure, Failure] {
                bench.breaker.record(bench.breaker.begin(), verdict, bench.now, || random);
                bench.advance(seconds(100));
                if let Some(test) = bench.try_test() {
                    bench.record(test.permit, Success);
                }
            }
        }
    }
    let mut bench = Bench::due(least);
    assert_eq!(bench.test(Success), Some(CircuitState::Closed));
    assert_eq!(bench.attempt(Failure), Some(CircuitState::Open));
    bench.advance(Duration::from_millis(1));
    assert!(bench.try_test().is_some());
}
