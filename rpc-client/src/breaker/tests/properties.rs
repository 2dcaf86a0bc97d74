//! Random sequences, compared with a naive model.

use proptest::collection::vec;
use proptest::prelude::{Just, Strategy, prop_oneof};
use proptest::{prop_assert, prop_assert_eq, proptest};

use super::{Bench, CircuitBreaker, CircuitState, Duration, Failure, Ignored, RateFailure, Success, Verdict};

fn verdict() -> impl Strategy<Value = Verdict> {
    prop_oneof![4 => Just(Success), 1 => Just(Failure), 1 => Just(RateFailure), 1 => Just(Ignored)]
}

/// Pauses from none to more than a window, at the edges of buckets too.
fn pause() -> impl Strategy<Value = Duration> {
    prop_oneof![
        6 => Just(Duration::ZERO),
        4 => (0..3000_u64).prop_map(Duration::from_millis),
        1 => (0..15_u64).prop_map(|buckets| Duration::from_secs(3 * buckets)),
        1 => (0..40_000_u64).prop_map(Duration::from_millis),
    ]
}

/// All attempts since the circuit closed, with how long after that each ended.
#[derive(Default)]
struct Model(Vec<(Duration, Verdict)>);

impl Model {
    /// Returns the successes and failures that are in the window at this time.
    fn counts(&self, now: Duration) -> (u64, u64) {
        let bucket = |time: Duration| time.as_nanos() / Duration::from_secs(3).as_nanos();
        let in_window = |time: &Duration| bucket(*time) + 10 > bucket(now);
        let count = |wanted: fn(&Verdict) -> bool| {
            self.0.iter().filter(|(time, verdict)| in_window(time) && wanted(verdict)).count() as u64
        };
        (count(|verdict| *verdict == Success), count(|verdict| matches!(verdict, Failure | RateFailure)))
    }

    /// Returns whether the last attempt opens the circuit.
    fn opens(&self, now: Duration) -> bool {
        let in_a_row = self.0.iter().rev().map(|(_, verdict)| *verdict).take_while(|verdict| *verdict != Success);
        let in_a_row = in_a_row.filter(|verdict| *verdict == Failure).count();
        let (successes, failures) = self.counts(now);
        let is_low = successes + failures >= 5 && successes * 5 < (successes + failures) * 4;
        match self.0.last() {
            Some((_, Failure)) => in_a_row >= 5 || is_low,
            Some((_, RateFailure)) => is_low,
            _ => false,
        }
    }
}

/// A step of any kind: an attempt begins, or one of those that began ends, or is lost without a result.
#[derive(Clone, Copy, Debug)]
enum Step {
    Begin,
    CircuitTest,
    End(usize, Verdict),
    Lose(usize),
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        4 => Just(Step::Begin),
        2 => Just(Step::CircuitTest),
        4 => (0..8_usize, verdict()).prop_map(|(which, verdict)| Step::End(which, verdict)),
        2 => (0..8_usize).prop_map(|which| Step::End(which, Failure)),
        1 => (0..8_usize).prop_map(Step::Lose),
    ]
}

proptest! {
    #[test]
    fn closed_circuit_counts_and_opens_as_the_naive_model_does(
        steps in vec((pause(), verdict(), 0.0..1.0_f64), 1..300),
    ) {
        let mut bench = Bench::new(CircuitBreaker::default());
        let (mut model, mut start) = (Model::default(), bench.now);
        for (pause, verdict, random) in steps {
            bench.advance(pause);
            let age = bench.now - start;
            model.0.push((age, verdict));
            let changed = bench.breaker.record(bench.breaker.begin(), verdict, bench.now, || random);
            prop_assert_eq!(changed, model.opens(age).then_some(CircuitState::Open));
            if verdict != Ignored {
                let counts = bench.breaker.circuit().tally.window.counts();
                prop_assert_eq!((counts.successes, counts.failures), model.counts(age));
            }
            if changed.is_some() {
                bench.recover();
                (model, start) = (Model::default(), bench.now);
            }
        }
    }

    #[test]
    fn success_and_ignored_never_open(
        settings in (0..3_u32, 0.0..2.0_f64, 0..3_u32),
        steps in vec((pause(), prop_oneof![Just(Success), Just(Ignored)]), 1..100),
    ) {
        let (failures, rate, attempts) = settings;
        let settings =
            CircuitBreaker::default().failures_to_open(failures).min_success_rate(rate).min_attempts(attempts);
        let mut bench = Bench::new(settings);
        for (pause, verdict) in steps {
            bench.advance(pause);
            prop_assert_eq!(bench.attempt(verdict), None);
            prop_assert_eq!(bench.try_test(), None);
        }
    }

    #[test]
    fn circuit_closes_after_any_sequence_once_all_tests_succeed(steps in vec((pause(), step()), 1..200)) {
        let mut bench = Bench::new(CircuitBreaker::default());
        let mut in_flight = Vec::new();
        for (pause, step) in steps {
            bench.advance(pause);
            let before = bench.state();
            let mut changed = None;
            match step {
                Step::Begin => in_flight.push(bench.breaker.begin()),
                Step::CircuitTest => {
                    if let Some(test) = bench.try_test() {
                        changed = test.changed;
                        in_flight.push(test.permit);
                    }
                }
                Step::End(which, verdict) if which < in_flight.len() => {
                    changed = bench.record(in_flight.swap_remove(which), verdict);
                }
                Step::Lose(which) if which < in_flight.len() => drop(in_flight.swap_remove(which)),
                Step::End(..) | Step::Lose(_) => {}
            }
            // Each change is reported, and nothing else is.
            prop_assert_eq!(changed, (bench.state() != before).then(|| bench.state()));
            prop_assert_eq!(bench.state() == CircuitState::Closed, bench.breaker.next_test().is_none());
            prop_assert_eq!(bench.state() == CircuitState::Closed, bench.breaker.success_rate() == 1.0);
        }
        for _ in 0..3 {
            if bench.state() == CircuitState::Closed {
                break;
            }
            bench.advance(Duration::from_secs(60));
            bench.test(Success);
        }
        prop_assert!(bench.state() == CircuitState::Closed, "{:?}", bench.breaker);
    }
}
