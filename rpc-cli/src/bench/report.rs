//! [`Report`]: what a run has measured, before it is printed as text or as JSON.

use std::time::Duration;

use super::plan::{Load, Plan};
use super::run::Ended;
use crate::exit::Exit;

/// What a run has measured, and how it ran.
#[derive(Debug)]
pub(crate) struct Report {
    /// Host and port.
    pub(crate) server: String,
    pub(crate) method: String,
    pub(crate) plan: Plan,
    pub(crate) ended: Ended,
    /// The number of attempts, if failed calls were retried.
    pub(crate) attempts: Option<u64>,
}

/// The quantiles that are reported, with the names that both forms use.
pub(crate) const QUANTILES: [(&str, f64); 5] =
    [("p50", 0.5), ("p90", 0.9), ("p95", 0.95), ("p99", 0.99), ("p99.9", 0.999)];

impl Report {
    /// Returns the exit code: that of the gravest failure, and success only if at least one call had a result.
    pub(crate) fn exit(&self) -> Exit {
        let measured = &self.ended.measured;
        match measured.failures.groups().first() {
            Some(gravest) => gravest.exit,
            None if !measured.results.is_empty() => Exit::Success,
            None if self.ended.unfinished > 0 => Exit::Unknown,
            None => Exit::NotSent,
        }
    }

    /// Returns the number of calls that ended per second. In an open loop, the interval of the last call counts too.
    /// Otherwise ten calls at ten calls per second, which take 0.9 s, would have a higher rate.
    pub(crate) fn calls_per_second(&self) -> f64 {
        let elapsed = match self.plan.load {
            Load::Open { rate } if !self.ended.is_interrupted => {
                self.ended.elapsed.max(self.plan.schedule(rate).end().saturating_sub(self.plan.warmup))
            }
            Load::Open { .. } | Load::Closed { .. } => self.ended.elapsed,
        };
        per_second(self.ended.measured.calls(), elapsed)
    }

    /// Returns the rate of an open loop.
    pub(crate) fn wanted_rate(&self) -> Option<f64> {
        match self.plan.load {
            Load::Open { rate } => Some(rate),
            Load::Closed { .. } => None,
        }
    }
}

#[expect(clippy::cast_precision_loss, reason = "a run makes fewer than 2^53 calls")]
fn per_second(count: u64, time: Duration) -> f64 {
    if time.is_zero() { 0.0 } else { count as f64 / time.as_secs_f64() }
}
