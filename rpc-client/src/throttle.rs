//! [`Throttler`]: rejects calls while servers refuse most of them. It neither sends anything nor reads a clock: time
//! and randomness are arguments.

mod settings;

use std::sync::{Mutex, MutexGuard, PoisonError};

pub use self::settings::Throttle;
use crate::breaker::{BUCKETS, Counts, Window, nanos};
use crate::runtime::Instant;

/// The throttle of a client and its clones.
///
/// An attempt counts when it ends. So attempts in flight reject no calls.
#[derive(Debug)]
pub(crate) struct Throttler {
    settings: Throttle,
    start: Instant,
    /// Accepted requests are its successes. All other requests are its failures.
    window: Mutex<Window>,
}

impl Throttler {
    pub(crate) fn new(settings: Throttle, now: Instant) -> Self {
        const MILLISECOND: u64 = 1_000_000;
        let bucket = (nanos(settings.window) / BUCKETS as u64).max(MILLISECOND);
        Self { settings, start: now, window: Mutex::new(Window::new(bucket, 0)) }
    }

    /// Returns whether to reject calls that share a request. `random` is from 0 up to 1, without 1.
    ///
    /// The caller adds the calls that it has rejected.
    pub(crate) fn rejects(&self, now: Instant, random: f64) -> bool {
        random < self.probability(now)
    }

    /// Adds requests that servers have accepted, and others that they have not, or that were rejected.
    pub(crate) fn add(&self, accepted: usize, refused: usize, now: Instant) {
        let counts = Counts { successes: accepted as u64, failures: refused as u64 };
        self.window().add(counts, self.at(now));
    }

    /// Returns the probability with which calls are rejected.
    fn probability(&self, now: Instant) -> f64 {
        let Throttle { requests_per_accept, min_requests, max_rejection, .. } = self.settings;
        let counts = self.window().add(Counts::default(), self.at(now));
        let requests = counts.attempts();
        if requests < u64::from(min_requests) {
            return 0.0;
        }
        #[expect(clippy::cast_precision_loss, reason = "a window has fewer than 2^53 requests")]
        let (requests, accepted) = (requests as f64, counts.successes as f64);
        // `max` and `min` return the other number if one of them is NaN.
        let excess = requests - requests_per_accept.max(1.0) * accepted;
        (excess / (requests + 1.0)).min(max_rejection).max(0.0)
    }

    fn window(&self) -> MutexGuard<'_, Window> {
        self.window.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Returns a time in nanoseconds since the start.
    fn at(&self, now: Instant) -> u64 {
        nanos(now.saturating_duration_since(self.start))
    }
}

#[cfg(test)]
mod tests;
