//! [`Histogram`]: the distribution of the latest response times of one method, in buckets of 9 %. It reads no clock.

use std::time::Duration;

/// The latest response times of a method. Older ones lose their weight: half of it with each 500 samples.
#[derive(Debug)]
pub(super) struct Histogram {
    /// The weight of the samples in each bucket.
    counts: [u16; BUCKETS],
    total: u16,
    /// How the next halving rounds. It alternates, so that a lone sample does not stay forever.
    rounds_up: bool,
}

/// The number of buckets for each doubling of the time. The width of a bucket is 2^(1/8), which is 9 %.
const PER_DOUBLING: f64 = 8.0;

/// The upper bound of the first bucket, in seconds. Differences between shorter times do not matter to hedging.
const LOWEST: f64 = 64e-6;

/// From 64 us to 67 s. The last bucket also has all longer times.
const BUCKETS: usize = 161;

/// The weight at which all counts are halved.
const MAX_TOTAL: u16 = 1000;

impl Histogram {
    pub(super) const EMPTY: Self = Self { counts: [0; BUCKETS], total: 0, rounds_up: false };

    /// Adds a response time.
    pub(super) fn add(&mut self, took: Duration) {
        if self.total >= MAX_TOTAL {
            self.halve();
        }
        self.counts[bucket(took)] += 1;
        self.total += 1;
    }

    /// Returns the number of samples, up to 1,000.
    pub(super) fn samples(&self) -> u32 {
        u32::from(self.total)
    }

    /// Returns a time that this share of the samples does not exceed: the upper bound of a bucket. So samples that are
    /// all alike do not exceed it.
    ///
    /// The share is from 0 to 1. NaN counts as 1. Without samples, the time is the shortest one.
    pub(super) fn percentile(&self, share: f64) -> Duration {
        let share = if share.is_nan() { 1.0 } else { share.clamp(0.0, 1.0) };
        // The tolerance is for shares such as 0.95, which have no exact form.
        let allowed = (1.0 - share) * f64::from(self.total) + 1e-9;
        let mut above = 0;
        let exceeds = |count: &u16| {
            above += count;
            f64::from(above) > allowed
        };
        upper_bound(self.counts.iter().rposition(exceeds).unwrap_or(0))
    }

    /// Halves all counts. It halves their running sums, so that rounding moves no percentile by more than one sample.
    fn halve(&mut self) {
        let (mut sum, mut halved) = (u16::from(self.rounds_up), 0);
        for count in &mut self.counts {
            sum += *count;
            *count = sum / 2 - halved;
            halved += *count;
        }
        self.total = halved;
        self.rounds_up = !self.rounds_up;
    }
}

/// Returns the bucket of a time.
fn bucket(took: Duration) -> usize {
    let position = (took.as_secs_f64() / LOWEST).log2() * PER_DOUBLING;
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "the cast saturates")]
    let bucket = position.ceil().max(0.0) as usize;
    bucket.min(BUCKETS - 1)
}

/// Returns the longest time of a bucket.
fn upper_bound(bucket: usize) -> Duration {
    #[expect(clippy::cast_precision_loss, reason = "there are few buckets")]
    let position = bucket as f64 / PER_DOUBLING;
    Duration::from_secs_f64(LOWEST * position.exp2())
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::Histogram;

    fn of(times: impl IntoIterator<Item = Duration>) -> Histogram {
        let mut histogram = Histogram::EMPTY;
        times.into_iter().for_each(|time| histogram.add(time));
        histogram
    }

    fn micros(micros: u64) -> Duration {
        Duration::from_micros(micros)
    }

    /// Asserts that a percentile is the time, or longer by one bucket at most.
    fn assert_within_a_bucket(found: Duration, exact: Duration) {
        let ratio = found.as_secs_f64() / exact.as_secs_f64();
        assert!((1.0 - 1e-6..1.0906).contains(&ratio), "{found:?} {exact:?}");
    }

    #[test]
    fn percentile_is_exact_to_one_bucket() {
        // A permutation of 1 to 1000, since 7 and 1000 have no common factor.
        let histogram = of((0..1000).map(|n| micros(100 * (1 + n * 7 % 1000))));
        for (share, rank) in [(0.5, 500), (0.9, 900), (0.95, 950), (0.99, 990), (1.0, 1000)] {
            assert_within_a_bucket(histogram.percentile(share), micros(100 * rank));
        }
    }

    #[test]
    fn equal_times_do_not_exceed_their_own_percentile() {
        for time in [64, 65, 100, 1_000, 12_345, 1_000_000, 60_000_000].map(micros) {
            let histogram = of([time; 50]);
            assert_within_a_bucket(histogram.percentile(0.05), time);
            assert_within_a_bucket(histogram.percentile(0.95), time);
        }
    }

    #[test]
    fn of_twenty_samples_one_exceeds_the_95th_percentile() {
        let times = || [micros(1_000); 19].into_iter().chain([micros(90_000)]);
        assert_within_a_bucket(of(times()).percentile(0.95), micros(1_000));
        assert_within_a_bucket(of(times()).percentile(0.96), micros(90_000));
        assert_within_a_bucket(of(times().skip(1)).percentile(0.95), micros(90_000));
    }

    #[test]
    fn percentile_follows_a_change() {
        let mut histogram = of([micros(1_000); 10_000]);
        let add = |histogram: &mut Histogram, time| (0..1_000).for_each(|_| histogram.add(time));
        for _ in 0..3 {
            add(&mut histogram, micros(20_000));
        }
        assert_within_a_bucket(histogram.percentile(0.5), micros(20_000));
        assert_within_a_bucket(histogram.percentile(0.2), micros(20_000));
        // It also forgets: 5 % of the weight is left after 2,200 samples.
        for _ in 0..3 {
            add(&mut histogram, micros(1_000));
        }
        assert_within_a_bucket(histogram.percentile(0.95), micros(1_000));
    }

    #[test]
    fn lone_sample_does_not_stay_forever() {
        let mut histogram = of([micros(50_000)]);
        (0..20_000).for_each(|_| histogram.add(micros(1_000)));
        assert_within_a_bucket(histogram.percentile(1.0), micros(1_000));
    }

    #[test]
    fn weight_stays_within_its_bounds() {
        let mut histogram = Histogram::EMPTY;
        for n in 0..10_000 {
            histogram.add(micros(n * n));
            let sum: u32 = histogram.counts.iter().map(|count| u32::from(*count)).sum();
            assert_eq!(sum, histogram.samples());
            assert!(n < 500 || (500..=1_000).contains(&sum), "{n} {sum}");
        }
    }

    #[test]
    fn any_time_and_any_share_give_a_time() {
        for time in [Duration::ZERO, Duration::from_nanos(1), Duration::MAX] {
            let histogram = of([time; 30]);
            for share in [f64::NAN, f64::NEG_INFINITY, -1.0, 0.0, 0.5, 1.0, 7.0, f64::INFINITY] {
                let found = histogram.percentile(share);
                assert!((micros(64)..Duration::from_secs(68)).contains(&found), "{time:?} {share} {found:?}");
            }
        }
        let histogram = of((1..=100).map(|n| micros(n * 1_000)));
        assert_eq!(histogram.percentile(f64::NAN), histogram.percentile(1.0));
        assert_eq!(histogram.percentile(-1.0), histogram.percentile(0.0));
        assert_eq!(Histogram::EMPTY.percentile(0.95), micros(64));
    }

    #[test]
    fn method_takes_a_few_hundred_bytes() {
        assert!(size_of::<Histogram>() < 400);
    }
}
