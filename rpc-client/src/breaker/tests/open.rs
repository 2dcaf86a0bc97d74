//! What happens once the circuit has opened: open times, tests, recovery.

use std::thread;

use super::{
    Bench, CircuitBreaker, CircuitState, CircuitTest, Duration, Failure, Ignored, Permit, RateFailure, Success,
    in_a_row, seconds,
};

/// Returns how long the circuit is now open.
fn open_time(bench: &Bench) -> Duration {
    bench.breaker.next_test().unwrap() - bench.now
}

#[test]
fn open_circuit_assigns_no_test_before_the_open_time_is_over() {
    let mut bench = Bench::new(in_a_row());
    assert_eq!((bench.try_test(), bench.breaker.next_test()), (None, None));
    bench.open();
    assert_eq!(open_time(&bench), seconds(1));
    bench.advance(Duration::from_nanos(999_999_999));
    assert!(!bench.breaker.is_test_due(bench.now));
    assert_eq!(bench.try_test(), None);
    assert_eq!(bench.state(), CircuitState::Open);
    bench.advance(Duration::from_nanos(1));
    assert!(bench.breaker.is_test_due(bench.now));
    assert_eq!(bench.try_test().unwrap().changed, Some(CircuitState::HalfOpen));
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
fn open_time_doubles_with_each_failed_test_up_to_the_longest() {
    let mut bench = Bench::new(in_a_row());
    bench.open();
    for expected in [1, 2, 4, 8, 16, 32, 60, 60] {
        assert_eq!(open_time(&bench), seconds(expected));
        bench.wait();
        assert_eq!(bench.test(Failure), Some(CircuitState::Open));
    }
    for _ in 0..100 {
        bench.wait();
        bench.test(Failure);
    }
    assert_eq!(open_time(&bench), seconds(60));
}

#[test]
fn refused_test_opens_the_circuit_again_for_longer() {
    let bench = Bench::due(in_a_row());
    assert_eq!(bench.test(RateFailure), Some(CircuitState::Open));
    assert_eq!(open_time(&bench), seconds(2));
}

#[test]
fn one_test_is_in_flight_at_a_time_and_a_success_allows_the_next_at_once() {
    let bench = Bench::due(in_a_row());
    let test = bench.try_test().unwrap();
    assert!(!bench.breaker.is_test_due(bench.now));
    assert_eq!(bench.try_test(), None);
    assert_eq!(bench.record(test.permit, Success), None);
    assert!(bench.breaker.is_test_due(bench.now));
    let CircuitTest { changed, .. } = bench.try_test().unwrap();
    assert_eq!(changed, None);
    assert_eq!(bench.try_test(), None);
}

#[test]
fn one_of_many_threads_gets_the_test() {
    let bench = Bench::due(in_a_row());
    let assigned = thread::scope(|scope| {
        let threads: Vec<_> = (0..8).map(|_| scope.spawn(|| bench.try_test())).collect();
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
    assert_eq!(bench.try_test(), None);
    bench.attempts(Failure, 4);
    bench.attempts(Success, 20);
    bench.attempts(Failure, 1);
    assert_eq!(bench.attempt(Failure), Some(CircuitState::Open));
}

#[test]
fn failure_between_the_successes_of_tests_starts_their_count_at_zero() {
    let mut bench = Bench::due(in_a_row());
    assert_eq!([bench.test(Success), bench.test(Success)], [None, None]);
    assert_eq!(bench.test(Failure), Some(CircuitState::Open));
    bench.recover();
}

#[test]
fn cancelled_test_is_given_back_and_changes_no_count() {
    let bench = Bench::due(in_a_row());
    assert_eq!(bench.test(Ignored), None);
    assert_eq!([bench.test(Success), bench.test(Success)], [None, None]);
    assert_eq!(bench.test(Ignored), None);
    assert_eq!(bench.state(), CircuitState::HalfOpen);
    assert_eq!(bench.test(Success), Some(CircuitState::Closed));
}

#[test]
fn test_that_takes_longer_than_the_longest_open_time_makes_room_for_the_next() {
    let mut bench = Bench::due(in_a_row());
    let slow = bench.try_test().unwrap();
    bench.advance(Duration::from_nanos(59_999_999_999));
    assert_eq!(bench.try_test(), None);
    bench.advance(Duration::from_nanos(1));
    let next = bench.try_test().unwrap();
    assert_eq!(bench.try_test(), None);

    // The slow one still counts, and its end makes room for no third one.
    assert_eq!(bench.record(slow.permit, Success), None);
    assert_eq!(bench.try_test(), None);
    assert_eq!(bench.record(next.permit, Success), None);
    assert_eq!(bench.test(Success), Some(CircuitState::Closed));
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
    let due = bench.breaker.next_test();
    record(&bench, open);
    assert_eq!(bench.breaker.next_test(), due);
    bench.wait();
    let test = bench.try_test().unwrap();
    record(&bench, half_open);
    assert_eq!((bench.state(), bench.try_test()), (CircuitState::HalfOpen, None));
    bench.record(test.permit, Success);
    assert_eq!([bench.test(Success), bench.test(Success)], [None, Some(CircuitState::Closed)]);

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
    let test = bench.try_test().unwrap();
    let of_half_open = bench.breaker.begin();
    bench.attempts(Success, 10);
    bench.attempts(Failure, 10);
    assert_eq!((bench.state(), bench.try_test()), (CircuitState::HalfOpen, None));
    bench.record(test.permit, Success);
    assert_eq!([bench.test(Success), bench.test(Success)], [None, Some(CircuitState::Closed)]);

    bench.attempts(Failure, 4);
    assert_eq!([bench.record(of_open, Failure), bench.record(of_half_open, Failure)], [None, None]);
}

#[test]
fn test_from_before_the_last_opening_never_counts() {
    let mut bench = Bench::due(in_a_row());
    let slow = bench.try_test().unwrap();
    bench.advance(seconds(60));
    bench.test(Failure);
    assert_eq!(bench.record(slow.permit, Success), None);
    bench.wait();
    let test = bench.try_test().unwrap();
    assert_eq!(bench.record(slow.permit, Failure), None);
    assert_eq!((bench.state(), bench.try_test()), (CircuitState::HalfOpen, None));
    assert_eq!(bench.record(test.permit, Success), None);
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
    overloaded.test(Failure);
    assert_eq!(overloaded.breaker.success_rate(), 0.3);

    let dead = Bench::new(CircuitBreaker::default());
    dead.attempts(Success, 100);
    dead.open();
    assert_eq!(dead.breaker.success_rate(), 0.0);

    overloaded.recover();
    assert_eq!(overloaded.breaker.success_rate(), 1.0);
}
