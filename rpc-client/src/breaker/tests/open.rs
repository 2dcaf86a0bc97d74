//! What happens once the circuit has opened: open times, probes, recovery.

use std::thread;

use super::{
    Bench, CircuitBreaker, CircuitState, Duration, Failure, Ignored, Permit, Probe, RateFailure, Success, in_a_row,
    seconds,
};

/// Returns how long the circuit is now open.
fn open_time(bench: &Bench) -> Duration {
    bench.breaker.next_probe().unwrap() - bench.now
}

#[test]
fn open_circuit_assigns_no_probe_before_the_open_time_is_over() {
    let mut bench = Bench::new(in_a_row());
    assert_eq!((bench.try_probe(), bench.breaker.next_probe()), (None, None));
    bench.open();
    assert_eq!(open_time(&bench), seconds(1));
    bench.advance(Duration::from_nanos(999_999_999));
    assert!(!bench.breaker.is_probe_due(bench.now));
    assert_eq!(bench.try_probe(), None);
    assert_eq!(bench.state(), CircuitState::Open);
    bench.advance(Duration::from_nanos(1));
    assert!(bench.breaker.is_probe_due(bench.now));
    assert_eq!(bench.try_probe().unwrap().changed, Some(CircuitState::HalfOpen));
    assert_eq!(bench.state(), CircuitState::HalfOpen);
}

#[test]
fn open_time_is_a_random_one_between_half_and_all_of_its_upper_bound() {
    for (random, millis) in [(0.0, 500), (0.5, 750), (1.0, 1000)] {
        let bench = Bench::new(in_a_row());
        bench.attempts(Failure, 4);
        bench.breaker.record(bench.breaker.begin(), Failure, bench.now, || random);
        assert_eq!(open_time(&bench), Duration::from_millis(millis));
    }
}

#[test]
fn open_time_doubles_with_each_failed_probe_up_to_the_longest() {
    let mut bench = Bench::new(in_a_row());
    bench.open();
    for expected in [1, 2, 4, 8, 16, 32, 60, 60] {
        assert_eq!(open_time(&bench), seconds(expected));
        bench.wait();
        assert_eq!(bench.probe(Failure), Some(CircuitState::Open));
    }
    for _ in 0..100 {
        bench.wait();
        bench.probe(Failure);
    }
    assert_eq!(open_time(&bench), seconds(60));
}

#[test]
fn refused_probe_opens_the_circuit_again_for_longer() {
    let bench = Bench::due(in_a_row());
    assert_eq!(bench.probe(RateFailure), Some(CircuitState::Open));
    assert_eq!(open_time(&bench), seconds(2));
}

#[test]
fn one_probe_is_in_flight_at_a_time_and_a_success_allows_the_next_at_once() {
    let bench = Bench::due(in_a_row());
    let probe = bench.try_probe().unwrap();
    assert!(!bench.breaker.is_probe_due(bench.now));
    assert_eq!(bench.try_probe(), None);
    assert_eq!(bench.record(probe.permit, Success), None);
    assert!(bench.breaker.is_probe_due(bench.now));
    let Probe { changed, .. } = bench.try_probe().unwrap();
    assert_eq!(changed, None);
    assert_eq!(bench.try_probe(), None);
}

#[test]
fn one_of_many_threads_gets_the_probe() {
    let bench = Bench::due(in_a_row());
    let assigned = thread::scope(|scope| {
        let threads: Vec<_> = (0..8).map(|_| scope.spawn(|| bench.try_probe())).collect();
        threads.into_iter().filter_map(|thread| thread.join().unwrap()).count()
    });
    assert_eq!(assigned, 1);
}

#[test]
fn third_success_closes_and_the_counts_start_at_zero() {
    let mut bench = Bench::new(CircuitBreaker::default());
    bench.attempts(Failure, 4);
    bench.open();
    bench.recover();
    assert_eq!(bench.state(), CircuitState::Closed);
    assert_eq!(bench.try_probe(), None);
    bench.attempts(Failure, 4);
    bench.attempts(Success, 20);
    bench.attempts(Failure, 1);
    assert_eq!(bench.attempt(Failure), Some(CircuitState::Open));
}

#[test]
fn failure_between_the_successes_of_probes_starts_their_count_at_zero() {
    let mut bench = Bench::due(in_a_row());
    assert_eq!([bench.probe(Success), bench.probe(Success)], [None, None]);
    assert_eq!(bench.probe(Failure), Some(CircuitState::Open));
    bench.recover();
}

#[test]
fn cancelled_probe_is_given_back_and_changes_no_count() {
    let bench = Bench::due(in_a_row());
    assert_eq!(bench.probe(Ignored), None);
    assert_eq!([bench.probe(Success), bench.probe(Success)], [None, None]);
    assert_eq!(bench.probe(Ignored), None);
    assert_eq!(bench.state(), CircuitState::HalfOpen);
    assert_eq!(bench.probe(Success), Some(CircuitState::Closed));
}

#[test]
fn probe_that_takes_longer_than_the_longest_open_time_makes_room_for_the_next() {
    let mut bench = Bench::due(in_a_row());
    let slow = bench.try_probe().unwrap();
    bench.advance(Duration::from_nanos(59_999_999_999));
    assert_eq!(bench.try_probe(), None);
    bench.advance(Duration::from_nanos(1));
    let next = bench.try_probe().unwrap();
    assert_eq!(bench.try_probe(), None);

    // The slow one still counts, and its end makes room for no third one.
    assert_eq!(bench.record(slow.permit, Success), None);
    assert_eq!(bench.try_probe(), None);
    assert_eq!(bench.record(next.permit, Success), None);
    assert_eq!(bench.probe(Success), Some(CircuitState::Closed));
}

#[test]
fn late_results_of_attempts_from_before_the_opening_never_count() {
    let mut bench = Bench::new(in_a_row());
    let late: Vec<_> = (0..30).map(|_| bench.breaker.begin()).collect();
    let (open, rest) = late.split_at(10);
    let (half_open, closed) = rest.split_at(10);
    bench.open();
    let record = |bench: &Bench, late: &[Permit]| {
        for (permit, verdict) in late.iter().zip([Success, Failure].into_iter().cycle()) {
            assert_eq!(bench.record(*permit, verdict), None);
        }
    };
    let due = bench.breaker.next_probe();
    record(&bench, open);
    assert_eq!(bench.breaker.next_probe(), due);
    bench.wait();
    let probe = bench.try_probe().unwrap();
    record(&bench, half_open);
    assert_eq!((bench.state(), bench.try_probe()), (CircuitState::HalfOpen, None));
    bench.record(probe.permit, Success);
    assert_eq!([bench.probe(Success), bench.probe(Success)], [None, Some(CircuitState::Closed)]);

    bench.attempts(Failure, 4);
    record(&bench, closed);
    assert_eq!(bench.attempt(Failure), Some(CircuitState::Open));
}

#[test]
fn attempts_at_an_endpoint_that_is_not_closed_never_count() {
    let mut bench = Bench::new(in_a_row());
    bench.open();
    let of_open = bench.breaker.begin();
    bench.attempts(Failure, 10);
    assert_eq!(open_time(&bench), seconds(1));
    bench.wait();
    let probe = bench.try_probe().unwrap();
    let of_half_open = bench.breaker.begin();
    bench.attempts(Success, 10);
    bench.attempts(Failure, 10);
    assert_eq!((bench.state(), bench.try_probe()), (CircuitState::HalfOpen, None));
    bench.record(probe.permit, Success);
    assert_eq!([bench.probe(Success), bench.probe(Success)], [None, Some(CircuitState::Closed)]);

    bench.attempts(Failure, 4);
    assert_eq!([bench.record(of_open, Failure), bench.record(of_half_open, Failure)], [None, None]);
}

#[test]
fn probe_from_before_the_last_opening_never_counts() {
    let mut bench = Bench::due(in_a_row());
    let slow = bench.try_probe().unwrap();
    bench.advance(seconds(60));
    bench.probe(Failure);
    assert_eq!(bench.record(slow.permit, Success), None);
    bench.wait();
    let probe = bench.try_probe().unwrap();
    assert_eq!(bench.record(slow.permit, Failure), None);
    assert_eq!((bench.state(), bench.try_probe()), (CircuitState::HalfOpen, None));
    assert_eq!(bench.record(probe.permit, Success), None);
}

#[test]
fn opening_soon_after_closing_goes_on_doubling() {
    let mut bench = Bench::new(in_a_row());
    for expected in [1, 2, 4] {
        bench.open();
        assert_eq!(open_time(&bench), seconds(expected));
        bench.recover();
        bench.advance(Duration::from_millis(29_999));
    }
    bench.advance(Duration::from_millis(1));
    bench.open();
    assert_eq!(open_time(&bench), seconds(1));
}

#[test]
fn success_rate_tells_how_bad_an_endpoint_is() {
    let closed = Bench::new(CircuitBreaker::default());
    closed.attempts(Failure, 4);
    assert_eq!(closed.breaker.success_rate(), 1.0);

    let mut overloaded = Bench::new(CircuitBreaker::default());
    overloaded.attempts(Success, 3);
    overloaded.attempts(RateFailure, 1);
    overloaded.open();
    assert_eq!(overloaded.breaker.success_rate(), 0.6);
    overloaded.wait();
    overloaded.probe(Failure);
    assert_eq!(overloaded.breaker.success_rate(), 0.3);

    let dead = Bench::new(CircuitBreaker::default());
    dead.attempts(Success, 100);
    dead.open();
    assert_eq!(dead.breaker.success_rate(), 0.0);

    overloaded.recover();
    assert_eq!(overloaded.breaker.success_rate(), 1.0);
}
