//! [`RoundTrips`]: how long calls and requests take, and so which calls gather and for how long. The time is an
//! argument.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use crate::runtime::Instant;

/// How long the calls of each method and the requests of a client take.
#[derive(Debug, Default)]
pub(super) struct RoundTrips(Mutex<Samples>);

#[derive(Debug, Default)]
struct Samples {
    methods: HashMap<String, MethodSamples>,
    /// The median of the methods' means, in seconds.
    median_mean: f64,
    /// When the median was computed last.
    computed: Option<Instant>,
    requests: RecentRequests,
}

/// What is known of a method from calls that went alone. Calls in a batch all take as long as the slowest of them.
#[derive(Debug, Default)]
struct MethodSamples {
    /// The mean in seconds, once a call has ended.
    mean: Option<f64>,
    /// When the oldest call in flight that is watched for its time began.
    begun: Option<Instant>,
    /// When a call last went alone.
    sampled: Option<Instant>,
}

/// The times of the last requests, in microseconds.
#[derive(Debug)]
struct RecentRequests {
    times: [u32; RECENT],
    count: usize,
    median: Duration,
}

/// How many requests count for the median.
const RECENT: usize = 33;

/// How many methods are known. Callers can make names at run time, so their number needs a bound. The calls of other
/// methods go alone.
const MAX_METHODS: usize = 4096;

/// The weight of a new sample.
const SAMPLE: f64 = 0.1;

/// A method is slow if its mean is over the median times this factor.
const SLOW_FACTOR: f64 = 4.0;

/// A call of a slower method goes alone, whatever the other methods take. Its own request costs little in comparison.
const SLOW: f64 = 1.0;

/// A method with a lower mean is not slow. Differences below this bound delay calls no more than gathering does.
const FAST: f64 = 0.001;

/// A call that takes less than four times this is not a sign that calls of its method hang.
const MIN_HANG: f64 = 0.0025;

/// How often a call of a method goes alone, so that the client notices a change.
const SAMPLE_INTERVAL: Duration = Duration::from_secs(1);

/// How often the median of the means is computed, at most.
const COMPUTE_INTERVAL: Duration = Duration::from_millis(100);

/// Up to this number of methods, the median is computed for each new one.
const FEW_METHODS: usize = 32;

/// The bounds of the time for which calls gather.
const MIN_WAIT: Duration = Duration::from_millis(1);
const MAX_WAIT: Duration = Duration::from_millis(100);

/// Whether a call may gather.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Gathering {
    /// It goes alone, since its method is slow, not known yet, or due for a sample.
    Never,
    /// It may gather for this time.
    For(Duration),
}

impl RoundTrips {
    /// Decides whether a call of this method, which must end at `deadline`, may gather.
    pub(super) fn gathering(&self, method: &str, deadline: Instant, now: Instant) -> Gathering {
        let mut samples = self.lock();
        let limit = (SLOW_FACTOR * samples.median_mean).clamp(FAST, SLOW);
        let median = samples.requests.median;
        let Some(known) = samples.methods.get_mut(method) else { return Gathering::Never };
        let Some(mean) = known.mean else { return Gathering::Never };
        // Under load, even a fast method takes as long as other requests.
        let hang = SLOW_FACTOR * limit.max(median.as_secs_f64()).max(MIN_HANG);
        let hangs = known.begun.is_some_and(|begun| (now - begun).as_secs_f64() > hang);
        if mean > limit || hangs {
            return Gathering::Never;
        }
        if known.sampled.is_none_or(|sampled| now - sampled >= SAMPLE_INTERVAL) {
            known.sampled = Some(now);
            return Gathering::Never;
        }
        let wait = median.clamp(MIN_WAIT, MAX_WAIT);
        let is_urgent = deadline.saturating_duration_since(now) < 4 * (wait + median);
        if is_urgent { Gathering::Never } else { Gathering::For(wait) }
    }

    /// Notes that a call of this method leaves alone. Returns whether it is watched while it is in flight.
    pub(super) fn begin(&self, method: &str, now: Instant) -> bool {
        let mut samples = self.lock();
        if !samples.methods.contains_key(method) {
            if samples.methods.len() >= MAX_METHODS {
                return false;
            }
            samples.methods.insert(method.to_owned(), MethodSamples::default());
        }
        let Some(known) = samples.methods.get_mut(method) else { return false };
        known.sampled = Some(now);
        let is_watched = known.begun.is_none();
        known.begun.get_or_insert(now);
        is_watched
    }

    /// Notes that a call that left alone has an answer, or has ended without one.
    pub(super) fn end(&self, method: &str, single: SingleEnd, now: Instant) {
        let SingleEnd { took, is_watched, is_answered } = single;
        let mut samples = self.lock();
        let Some(known) = samples.methods.get_mut(method) else { return };
        if is_watched {
            known.begun = None;
        }
        let took_seconds = took.as_secs_f64();
        // A call without an answer would have taken at least this long.
        if !is_answered && known.mean.map_or(took_seconds < SLOW, |mean| took_seconds < mean) {
            return;
        }
        let is_first = known.mean.is_none();
        let mean = known.mean.map_or(took_seconds, |mean| mean + SAMPLE * (took_seconds - mean));
        known.mean = Some(mean);
        // While there are few means, a new one changes the median much.
        let is_early = is_first && samples.methods.len() <= FEW_METHODS;
        if is_early || samples.computed.is_none_or(|computed| now - computed >= COMPUTE_INTERVAL) {
            samples.compute(now);
        }
        if is_answered && mean <= (SLOW_FACTOR * samples.median_mean).clamp(FAST, SLOW) {
            samples.requests.add(took);
        }
    }

    /// Adds the time of a request with several calls.
    pub(super) fn add_request(&self, took: Duration) {
        self.lock().requests.add(took);
    }

    fn lock(&self) -> MutexGuard<'_, Samples> {
        // No user code runs while the lock is held.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// How a call that left alone has ended.
#[derive(Clone, Copy)]
pub(super) struct SingleEnd {
    pub(super) took: Duration,
    pub(super) is_watched: bool,
    pub(super) is_answered: bool,
}

impl Samples {
    /// Computes the median of the means: the lower one of two, so that of two methods the slow one is slow.
    fn compute(&mut self, now: Instant) {
        self.computed = Some(now);
        let mut means: Vec<f64> = self.methods.values().filter_map(|known| known.mean).collect();
        if !means.is_empty() {
            let middle = (means.len() - 1) / 2;
            self.median_mean = *means.select_nth_unstable_by(middle, f64::total_cmp).1;
        }
    }
}

impl RecentRequests {
    fn add(&mut self, took: Duration) {
        self.times[self.count % RECENT] = u32::try_from(took.as_micros()).unwrap_or(u32::MAX);
        self.count += 1;
        // At first each request changes the median much.
        if self.count < RECENT || self.count.is_multiple_of(8) {
            let mut times = self.times;
            let times = &mut times[..self.count.min(RECENT)];
            let middle = times.len() / 2;
            self.median = Duration::from_micros(u64::from(*times.select_nth_unstable(middle).1));
        }
    }
}

impl Default for RecentRequests {
    fn default() -> Self {
        Self { times: [0; RECENT], count: 0, median: Duration::ZERO }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::{Gathering, MAX_METHODS, RoundTrips, SingleEnd};
    use crate::runtime::Instant;

    const MILLISECOND: Duration = Duration::from_millis(1);
    const LONG: Duration = Duration::from_secs(30);

    fn call(trips: &RoundTrips, method: &str, took: Duration, now: Instant) {
        let is_watched = trips.begin(method, now);
        trips.end(method, SingleEnd { took, is_watched, is_answered: true }, now);
    }

    fn gathers(trips: &RoundTrips, method: &str, now: Instant) -> bool {
        trips.gathering(method, now + LONG, now) != Gathering::Never
    }

    #[test]
    fn method_gathers_once_a_call_of_it_was_measured() {
        let (trips, now) = (RoundTrips::default(), Instant::now());
        assert!(!gathers(&trips, "get", now));
        let is_watched = trips.begin("get", now);
        assert!(is_watched && !trips.begin("get", now));
        assert!(!gathers(&trips, "get", now));
        trips.end("get", SingleEnd { took: MILLISECOND, is_watched, is_answered: true }, now);
        assert!(gathers(&trips, "get", now));
    }

    #[test]
    fn calls_gather_for_the_median_within_its_bounds() {
        for (took, wait) in [(1, 1_000), (3_000, 3_000), (900_000, 100_000)] {
            let (trips, now) = (RoundTrips::default(), Instant::now());
            call(&trips, "get", Duration::from_micros(took), now);
            assert_eq!(trips.gathering("get", now + LONG, now), Gathering::For(Duration::from_micros(wait)));
        }
    }

    #[test]
    fn median_follows_the_last_requests() {
        let (trips, now) = (RoundTrips::default(), Instant::now());
        call(&trips, "get", MILLISECOND, now);
        (0..40).for_each(|_| trips.add_request(20 * MILLISECOND));
        assert_eq!(trips.gathering("get", now + LONG, now), Gathering::For(20 * MILLISECOND));
    }

    #[test]
    fn method_over_four_times_the_median_goes_alone() {
        let (trips, now) = (RoundTrips::default(), Instant::now());
        for (method, millis) in [("a", 2), ("b", 2), ("c", 7), ("slow", 9)] {
            call(&trips, method, millis * MILLISECOND, now);
        }
        assert!(["a", "b", "c"].iter().all(|method| gathers(&trips, method, now)));
        assert!(!gathers(&trips, "slow", now));
    }

    #[test]
    fn method_that_takes_a_second_goes_alone_even_if_all_do() {
        let (trips, now) = (RoundTrips::default(), Instant::now());
        ["poll", "other"].iter().for_each(|method| call(&trips, method, 1001 * MILLISECOND, now));
        assert!(!gathers(&trips, "poll", now));
    }

    #[test]
    fn method_with_a_call_that_hangs_goes_alone_until_it_ends() {
        let (trips, now) = (RoundTrips::default(), Instant::now());
        call(&trips, "get", MILLISECOND, now);
        let is_watched = trips.begin("get", now);
        assert!(gathers(&trips, "get", now + 16 * MILLISECOND));
        assert!(!gathers(&trips, "get", now + 17 * MILLISECOND));
        trips.end("get", SingleEnd { took: MILLISECOND, is_watched, is_answered: true }, now + 17 * MILLISECOND);
        assert!(gathers(&trips, "get", now + 17 * MILLISECOND));
    }

    #[test]
    fn call_that_its_caller_gave_up_is_a_sample_only_if_it_was_slow() {
        let (trips, now) = (RoundTrips::default(), Instant::now());
        call(&trips, "get", MILLISECOND, now);
        let gives_up = |took| {
            let is_watched = trips.begin("get", now);
            trips.end("get", SingleEnd { took, is_watched, is_answered: false }, now);
        };
        gives_up(Duration::ZERO);
        assert!(gathers(&trips, "get", now));
        gives_up(Duration::from_secs(30));
        assert!(!gathers(&trips, "get", now));
    }

    #[test]
    fn one_call_a_second_is_a_sample() {
        let (trips, now) = (RoundTrips::default(), Instant::now());
        call(&trips, "get", MILLISECOND, now);
        let later = now + Duration::from_secs(1);
        assert!(!gathers(&trips, "get", later));
        assert!(gathers(&trips, "get", later));
    }

    #[test]
    fn call_with_a_short_deadline_goes_alone() {
        let (trips, now) = (RoundTrips::default(), Instant::now());
        call(&trips, "get", 10 * MILLISECOND, now);
        assert_eq!(trips.gathering("get", now + 79 * MILLISECOND, now), Gathering::Never);
        assert_eq!(trips.gathering("get", now + 80 * MILLISECOND, now), Gathering::For(10 * MILLISECOND));
    }

    #[test]
    fn number_of_methods_is_bounded() {
        let (trips, now) = (RoundTrips::default(), Instant::now());
        (0..MAX_METHODS).for_each(|number| call(&trips, &number.to_string(), MILLISECOND, now));
        call(&trips, "one more", MILLISECOND, now);
        assert!(gathers(&trips, "7", now) && !gathers(&trips, "one more", now));
    }
}
