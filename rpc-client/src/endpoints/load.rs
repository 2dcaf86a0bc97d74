//! [`Load`]: how slow an endpoint is compared with the others, for [`Balance::peak_ewma`](crate::Balance::peak_ewma).

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use crate::breaker::nanos;
use crate::runtime::Instant;

/// The response time of an endpoint, as an exponentially weighted moving average that follows peaks at once.
///
/// Samples are relative: a response time divided by the mean of its method over all endpoints. So cheap calls do not
/// make an endpoint look fast.
///
/// Concurrent updates may overwrite each other. A lost sample does no harm, since the next one follows.
#[derive(Debug)]
pub(crate) struct Load {
    start: Instant,
    /// The average as of `at`: the bits of an `f64`.
    average: AtomicU64,
    /// Nanoseconds since `start`.
    at: AtomicU64,
    /// Until when the endpoint is penalized, in nanoseconds since `start`.
    penalized_until: AtomicU64,
}

/// The time in which an old sample loses 63 % of its weight.
const DECAY: Duration = Duration::from_secs(10);

/// The penalty for a failure without `Retry-After`. Errors are often faster than answers. Without a penalty, they would
/// attract calls.
const PENALTY: Duration = Duration::from_secs(5);

/// The longest penalty that a server can ask for.
const MAX_PENALTY: Duration = Duration::from_secs(60);

/// By how much a penalized endpoint looks slower than it is.
const PENALTY_FACTOR: f64 = 1000.0;

impl Load {
    pub(crate) fn new(now: Instant) -> Self {
        Self {
            start: now,
            average: AtomicU64::new(1.0_f64.to_bits()),
            at: AtomicU64::new(0),
            penalized_until: AtomicU64::new(0),
        }
    }

    /// Sets the load with which a new endpoint begins.
    pub(crate) fn begin_at(&self, average: f64, now: Instant) {
        self.average.store(average.to_bits(), Ordering::Relaxed);
        self.at.store(self.nanos(now), Ordering::Relaxed);
    }

    /// Adds the relative response time of an answered attempt.
    pub(crate) fn add(&self, relative: f64, now: Instant) {
        let now = self.nanos(now);
        let weight = self.weight_at(now);
        let average = self.last_average() * weight;
        let next = if relative > average { relative } else { average + (1.0 - weight) * relative };
        self.average.store(next.to_bits(), Ordering::Relaxed);
        self.at.store(now, Ordering::Relaxed);
    }

    /// Adds a failed attempt. `asked` is how long the server asks to wait.
    pub(crate) fn penalize(&self, asked: Option<Duration>, now: Instant) {
        let penalty = asked.map_or(PENALTY, |asked| asked.min(MAX_PENALTY));
        self.penalized_until.fetch_max(self.nanos(now + penalty), Ordering::Relaxed);
    }

    /// Ends the penalty: the endpoint is known to answer again.
    pub(crate) fn end_penalty(&self) {
        self.penalized_until.store(0, Ordering::Relaxed);
    }

    /// Returns whether the endpoint has failed a short time ago.
    pub(crate) fn is_penalized(&self, now: Instant) -> bool {
        self.nanos(now) < self.penalized_until.load(Ordering::Relaxed)
    }

    /// Returns the load of one attempt in flight. 1 is the average of all endpoints.
    ///
    /// The load of an idle endpoint decays, so that a slow endpoint is tried again.
    pub(crate) fn get(&self, now: Instant) -> f64 {
        let now = self.nanos(now);
        let average = self.last_average() * self.weight_at(now);
        let is_penalized = now < self.penalized_until.load(Ordering::Relaxed);
        if is_penalized { (average + 1.0) * PENALTY_FACTOR } else { average }
    }

    /// Returns the average, decayed until now.
    pub(crate) fn average(&self, now: Instant) -> f64 {
        self.last_average() * self.weight_at(self.nanos(now))
    }

    /// Returns the average as of the last sample.
    fn last_average(&self) -> f64 {
        f64::from_bits(self.average.load(Ordering::Relaxed))
    }

    /// Returns the weight that the stored average has left. `now` is in nanoseconds since the start.
    fn weight_at(&self, now: u64) -> f64 {
        let passed = now.saturating_sub(self.at.load(Ordering::Relaxed));
        (passed as f64 / -(DECAY.as_nanos() as f64)).exp()
    }

    fn nanos(&self, at: Instant) -> u64 {
        nanos(at.saturating_duration_since(self.start))
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::Load;
    use crate::runtime::Instant;

    fn seconds(seconds: f64) -> Duration {
        Duration::from_secs_f64(seconds)
    }

    #[test]
    fn peak_counts_at_once_and_fades_within_half_a_minute() {
        let now = Instant::now();
        let load = Load::new(now);
        load.add(20.0, now);
        assert!((load.get(now) - 20.0).abs() < 1e-9);
        // A single good sample does not remove the peak.
        load.add(1.0, now + seconds(0.1));
        assert!(load.get(now + seconds(0.1)) > 19.0);
        assert!(load.get(now + seconds(30.1)) < 1.1);
    }

    #[test]
    fn average_follows_the_samples() {
        let now = Instant::now();
        let load = Load::new(now);
        let mut at = now;
        for _ in 0..1000 {
            at += seconds(0.1);
            load.add(0.5, at);
        }
        assert!((load.get(at) - 0.5).abs() < 0.01, "{}", load.get(at));
    }

    #[test]
    fn failure_penalizes_for_five_seconds_or_as_long_as_the_server_asks_up_to_a_minute() {
        let now = Instant::now();
        let load = Load::new(now);
        for (asked, lasts) in [(None, 5), (Some(seconds(20.0)), 20), (Some(seconds(3600.0)), 80)] {
            let begun = now + seconds(f64::from(if lasts == 80 { 20 } else { 0 }));
            load.penalize(asked, begun);
            let end = now + seconds(f64::from(lasts));
            assert!(load.get(end - seconds(0.001)) > 100.0, "{asked:?}");
            assert!(load.get(end) < 2.0, "{asked:?}");
        }
    }
}
