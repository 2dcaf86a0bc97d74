//! [`Tally`]: what a closed circuit counts, and when that opens it.

use super::settings::Terms;
use super::verdict::Verdict;
use super::window::Window;

/// The attempts since the circuit closed.
#[derive(Debug)]
pub(super) struct Tally {
    /// The number of failures in a row.
    failures: u32,
    pub(super) window: Window,
    /// When the circuit closed.
    since: u64,
}

impl Tally {
    pub(super) fn new(terms: &Terms, now: u64) -> Self {
        Self { failures: 0, window: Window::new(terms.bucket, now), since: now }
    }

    /// Adds an attempt. Returns the success rate if the circuit must open. Successes never open it, although the first
    /// attempts can reach `min_attempts` with a success.
    pub(super) fn add(&mut self, verdict: Verdict, now: u64, terms: &Terms) -> Option<f64> {
        match verdict {
            Verdict::Success => {
                self.failures = 0;
                self.window.add_success(now);
                return None;
            }
            Verdict::Failure => self.failures = self.failures.saturating_add(1),
            Verdict::RateFailure => {}
            Verdict::Ignored => return None,
        }
        let counts = self.window.add_failure(now);
        if self.failures >= terms.failures_to_open {
            // A thousand successes before them say nothing of the endpoint as it is now.
            return Some(0.0);
        }
        let rate = counts.success_rate();
        (counts.attempts() >= terms.min_attempts && rate < terms.min_success_rate).then_some(rate)
    }

    /// Returns how long the circuit has been closed.
    pub(super) fn age(&self, now: u64) -> u64 {
        now.saturating_sub(self.since)
    }
}
