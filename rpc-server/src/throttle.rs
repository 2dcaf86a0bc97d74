//! A rate limit for log lines that callers can cause.

use std::sync::LazyLock;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Instant;

/// Lets a number of log lines pass each second, and counts those that it suppresses.
///
/// The clock is the real one, since logs are written in real time.
#[derive(Debug)]
pub(crate) struct Throttle {
    per_second: u64,
    /// The second in the upper half, and how many lines have passed in that second in the lower half.
    passed: AtomicU64,
    suppressed: AtomicU64,
}

impl Throttle {
    /// Lets one line a second pass.
    pub(crate) const fn new() -> Self {
        Self::with(1)
    }

    /// Lets this many lines a second pass.
    pub(crate) const fn with(per_second: u32) -> Self {
        Self { per_second: per_second as u64, passed: AtomicU64::new(0), suppressed: AtomicU64::new(0) }
    }

    /// Returns how many lines were suppressed since the last one that passed, if any. Returns `None` if this line is
    /// suppressed, too.
    pub(crate) fn pass(&self) -> Option<Option<u64>> {
        static START: LazyLock<Instant> = LazyLock::new(Instant::now);
        self.pass_in(START.elapsed().as_secs() + 1)
    }

    fn pass_in(&self, second: u64) -> Option<Option<u64>> {
        let next = |passed: u64| {
            if passed >> 32 != second & u64::from(u32::MAX) {
                return Some(second << 32 | 1);
            }
            (passed & u64::from(u32::MAX) < self.per_second).then(|| passed + 1)
        };
        if self.passed.fetch_update(Ordering::Relaxed, Ordering::Relaxed, next).is_err() {
            self.suppressed.fetch_add(1, Ordering::Relaxed);
            return None;
        }
        let suppressed = self.suppressed.swap(0, Ordering::Relaxed);
        Some((suppressed > 0).then_some(suppressed))
    }
}

impl Default for Throttle {
    fn default() -> Self {
        Self::new()
    }
}

#[cfg(test)]
mod tests {
    use super::Throttle;

    #[test]
    fn so_many_lines_pass_each_second_and_the_next_one_tells_how_many_did_not() {
        let throttle = Throttle::with(2);
        assert_eq!([7, 7, 7, 7].map(|second| throttle.pass_in(second)), [Some(None), Some(None), None, None]);
        assert_eq!([8, 8, 8].map(|second| throttle.pass_in(second)), [Some(Some(2)), Some(None), None]);
        assert_eq!(throttle.pass_in(20), Some(Some(1)));
    }

    #[test]
    fn the_first_line_passes() {
        assert_eq!(Throttle::new().pass(), Some(None));
    }
}
