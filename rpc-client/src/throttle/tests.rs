use std::time::Duration;

use proptest::collection::vec;
use proptest::{prop_assert, prop_assert_eq, proptest};

use super::{Throttle, Throttler};
use crate::runtime::Instant;

/// A throttler with a clock that the test moves on.
struct Bench {
    throttler: Throttler,
    now: Instant,
    /// The number of the next call, from which its random number is made.
    call: u32,
}

impl Bench {
    fn new(settings: Throttle) -> Self {
        let now = Instant::now();
        Self { throttler: Throttler::new(settings, now), now, call: 0 }
    }

    fn probability(&self) -> f64 {
        self.throttler.probability(self.now)
    }

    fn add(&self, accepted: usize, refused: usize) {
        self.throttler.add(accepted, refused, self.now);
    }

    /// Makes this many calls each second, evenly spread, to a server that accepts or refuses all of them. Returns how
    /// many calls the server got.
    fn run(&mut self, seconds: u32, per_second: u32, accepts: bool) -> u32 {
        let mut sent = 0;
        for _ in 0..seconds * per_second {
            self.now += Duration::from_secs(1) / per_second;
            // The multiples of the golden ratio are spread evenly between 0 and 1.
            let random = (f64::from(self.call) * 0.618_033_988_749_895).fract();
            self.call += 1;
            if self.throttler.rejects(self.now, random) {
                self.add(0, 1);
            } else {
                sent += 1;
                self.add(usize::from(accepts), usize::from(!accepts));
            }
        }
        sent
    }
}

#[test]
fn probability_is_that_of_the_book() {
    let bench = Bench::new(Throttle::default().max_rejection(1.0));
    bench.add(0, 10);
    assert!((bench.probability() - 10.0 / 11.0).abs() < 1e-9);
    bench.add(20, 70);
    assert!((bench.probability() - 60.0 / 101.0).abs() < 1e-9);
    bench.add(30, 0);
    assert!((bench.probability() - 30.0 / 131.0).abs() < 1e-9);
    bench.add(30, 0);
    assert!(bench.probability() <= 0.0);
}

#[test]
fn call_is_rejected_if_its_random_number_is_below_the_probability() {
    let bench = Bench::new(Throttle::default());
    bench.add(25, 75);
    let probability = bench.probability();
    assert!(bench.throttler.rejects(bench.now, 0.0));
    assert!(bench.throttler.rejects(bench.now, probability - 1e-9));
    assert!(!bench.throttler.rejects(bench.now, probability));
    assert!(!Bench::new(Throttle::default()).throttler.rejects(bench.now, 0.0));
}

#[test]
fn few_requests_reject_nothing() {
    let bench = Bench::new(Throttle::default());
    bench.add(0, 9);
    assert!(bench.probability() <= 0.0);
    bench.add(0, 1);
    assert!(bench.probability() > 0.8);
}

#[test]
fn refused_client_sends_one_call_in_ten() {
    let mut bench = Bench::new(Throttle::default());
    bench.run(60, 1000, false);
    let sent = bench.run(60, 1000, false);
    assert!((5900..6100).contains(&sent), "{sent}");
}

#[test]
fn old_requests_count_for_one_window() {
    let mut bench = Bench::new(Throttle::default());
    bench.add(0, 1000);
    bench.now += Duration::from_millis(29_999);
    assert!(bench.probability() > 0.8);
    bench.now += Duration::from_millis(1);
    assert!(bench.probability() <= 0.0);
}

/// Without `max_rejection`, this would take several minutes.
#[test]
fn client_of_a_recovered_server_sends_all_calls_again_within_three_windows() {
    for per_second in [10, 100, 1000] {
        let mut bench = Bench::new(Throttle::default());
        bench.run(60, per_second, false);
        bench.run(90, per_second, true);
        assert_eq!(bench.run(10, per_second, true), 10 * per_second);
    }
}

#[test]
fn server_that_accepts_a_quarter_gets_twice_that() {
    let mut bench = Bench::new(Throttle::default());
    let (mut sent, mut accepted) = (0_u32, 0_u32);
    for second in 0..300 {
        // The server accepts 25 of 100 calls a second.
        let mut room = 25;
        for call in 0..100 {
            bench.now += Duration::from_millis(10);
            let random = (f64::from(second * 100 + call) * 0.618_033_988_749_895).fract();
            if bench.throttler.rejects(bench.now, random) {
                bench.add(0, 1);
                continue;
            }
            let accepts = room > 0;
            room -= i32::from(accepts);
            bench.add(usize::from(accepts), usize::from(!accepts));
            if second >= 100 {
                (sent, accepted) = (sent + 1, accepted + u32::from(accepts));
            }
        }
    }
    let ratio = f64::from(sent) / f64::from(accepted);
    assert!((1.8..2.2).contains(&ratio), "{ratio}");
    // The throttle costs the server no call that it would have accepted.
    assert!(accepted >= 200 * 25 * 95 / 100, "{accepted}");
}

#[test]
fn unusual_settings_have_a_meaning() {
    for ratio in [0.5, f64::NAN, -1.0] {
        let bench = Bench::new(Throttle::default().requests_per_accept(ratio));
        bench.add(100, 0);
        assert!(bench.probability() <= 0.0, "{ratio}");
    }
    let bench = Bench::new(Throttle::default().max_rejection(-1.0));
    bench.add(0, 100);
    assert!(!bench.throttler.rejects(bench.now, 0.0));
    let bench = Bench::new(Throttle::default().min_requests(0));
    assert!(!bench.throttler.rejects(bench.now, 0.0));
    let bench = Bench::new(Throttle::default().window(Duration::ZERO));
    bench.add(0, 100);
    assert!(bench.probability() > 0.8);
}

proptest! {
    #[test]
    fn nothing_is_rejected_while_enough_requests_are_accepted(
        steps in vec((0..50_usize, 0.0..1.0_f64, 0..10_000_u64), 1..100),
        ratio in 1.0..5.0_f64,
    ) {
        let mut bench = Bench::new(Throttle::default().requests_per_accept(ratio).min_requests(0));
        for (requests, share, pause) in steps {
            // In each step the server accepts at least one request in `ratio`.
            #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, clippy::cast_precision_loss)]
            let least = (requests as f64 / ratio).ceil() as usize;
            #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, clippy::cast_precision_loss)]
            let accepted = least + ((requests - least.min(requests)) as f64 * share) as usize;
            bench.add(accepted.min(requests), requests - accepted.min(requests));
            // More than the rounding error.
            prop_assert!(!bench.throttler.rejects(bench.now, 1e-9));
            bench.now += Duration::from_millis(pause);
        }
    }

    #[test]
    fn probability_never_exceeds_its_bound(
        steps in vec((0..50_usize, 0..50_usize, 0..10_000_u64), 1..100),
        most in 0.0..1.0_f64,
    ) {
        let mut bench = Bench::new(Throttle::default().max_rejection(most));
        for (accepted, refused, pause) in steps {
            bench.add(accepted, refused);
            let probability = bench.probability();
            prop_assert!((0.0..=most).contains(&probability), "{probability}");
            prop_assert_eq!(bench.throttler.rejects(bench.now, 1.0), false);
            bench.now += Duration::from_millis(pause);
        }
    }
}
