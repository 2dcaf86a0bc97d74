//! [`Window`]: how many attempts of the last time succeeded and failed, in buckets.

use std::mem;

use super::settings::BUCKETS;

/// The attempts of the current bucket and of the nine before it. Times are nanoseconds since a common start.
#[derive(Debug)]
pub(crate) struct Window {
    buckets: [Counts; BUCKETS],
    /// The sum of all buckets.
    total: Counts,
    /// The index of the bucket that attempts are added to.
    current: usize,
    /// When the current bucket ends.
    end: u64,
    /// How long a bucket is.
    bucket: u64,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Counts {
    pub(crate) successes: u64,
    pub(crate) failures: u64,
}

impl Window {
    /// Makes an empty window whose first bucket begins now.
    pub(crate) fn new(bucket: u64, now: u64) -> Self {
        Self {
            buckets: [Counts::default(); BUCKETS],
            total: Counts::default(),
            current: 0,
            end: now.saturating_add(bucket),
            bucket,
        }
    }

    pub(crate) fn add_success(&mut self, now: u64) {
        self.add(Counts { successes: 1, failures: 0 }, now);
    }

    /// Adds a failure, and returns the counts with it.
    pub(crate) fn add_failure(&mut self, now: u64) -> Counts {
        self.add(Counts { successes: 0, failures: 1 }, now)
    }

    /// Adds attempts, and returns the counts with them.
    pub(crate) fn add(&mut self, counts: Counts, now: u64) -> Counts {
        self.move_on(now);
        for sum in [&mut self.buckets[self.current], &mut self.total] {
            sum.successes += counts.successes;
            sum.failures += counts.failures;
        }
        self.total
    }

    #[cfg(test)]
    pub(crate) fn counts(&self) -> Counts {
        self.total
    }

    /// Empties the buckets that are too old. Threads read the clock before they take the lock, so `now` can be earlier
    /// than the current bucket. It counts as part of that bucket.
    fn move_on(&mut self, now: u64) {
        if now < self.end {
            return;
        }
        let steps = (now - self.end) / self.bucket + 1;
        for _ in 0..steps.min(BUCKETS as u64) {
            self.current = (self.current + 1) % BUCKETS;
            let old = mem::take(&mut self.buckets[self.current]);
            self.total.successes -= old.successes;
            self.total.failures -= old.failures;
        }
        self.end = self.end.saturating_add(steps.saturating_mul(self.bucket));
    }
}

impl Counts {
    pub(crate) fn attempts(self) -> u64 {
        self.successes + self.failures
    }

    #[expect(clippy::cast_precision_loss, reason = "a window has fewer than 2^53 attempts")]
    pub(crate) fn success_rate(self) -> f64 {
        self.successes as f64 / self.attempts() as f64
    }
}
