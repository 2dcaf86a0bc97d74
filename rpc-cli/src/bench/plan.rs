//! [`Plan`]: what a run does, as the command line asks for it.

use std::time::Duration;

use super::schedule::Schedule;

/// What a run does.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Plan {
    pub(crate) load: Load,
    /// The largest number of requests in flight. Over HTTP/1.1 each has a connection of its own.
    pub(crate) connections: u64,
    /// The number of calls in a request. 1 means no batches.
    pub(crate) batch: u64,
    /// How long calls run before the measurement begins.
    pub(crate) warmup: Duration,
    /// How long new calls start, from the end of the warm-up. `None` means until the limit is reached.
    pub(crate) duration: Option<Duration>,
    /// The largest number of calls after the warm-up.
    pub(crate) limit: Option<u64>,
}

/// When calls start.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Load {
    /// At a rate in calls per second, however slow the answers are.
    Open { rate: f64 },
    /// When this number of callers have their answers.
    Closed { callers: u64 },
}

impl Plan {
    /// Returns the number of threads that make calls, on a machine with this number of cores.
    pub(crate) fn workers(&self, cores: u64) -> u64 {
        let useful = match self.load {
            Load::Open { .. } => self.connections,
            Load::Closed { callers } => callers.min(self.connections),
        };
        cores.min(useful).max(1)
    }

    /// Returns when the last call may start, as a time since the start.
    pub(crate) fn end(&self) -> Option<Duration> {
        self.duration.map(|duration| duration.saturating_add(self.warmup))
    }

    /// Returns when the plan is over, as a time since the start. The interval of an open loop's last request is part of
    /// the plan.
    pub(crate) fn over(&self) -> Option<Duration> {
        match self.load {
            Load::Open { rate } => Some(self.schedule(rate).end()),
            Load::Closed { .. } => self.end(),
        }
    }

    /// Returns the schedule of an open loop.
    pub(crate) fn schedule(&self, rate: f64) -> Schedule {
        let limit = self.limit.map(|calls| calls.div_ceil(self.batch).saturating_add(self.warmup_requests(rate)));
        Schedule::new(self.request_rate(rate), self.end(), limit)
    }

    /// Returns the number of requests of an open loop that belong to the warm-up.
    pub(crate) fn warmup_requests(&self, rate: f64) -> u64 {
        Schedule::new(self.request_rate(rate), Some(self.warmup), None).count()
    }

    /// Returns whether a request starts after the warm-up, if the server answers in time.
    pub(crate) fn has_measured_requests(&self) -> bool {
        match self.load {
            Load::Open { rate } => self.schedule(rate).count() > self.warmup_requests(rate),
            Load::Closed { .. } => true,
        }
    }

    /// Returns the number of calls of a request. Requests after the warm-up have numbers from 0. Beyond the limit it
    /// returns 0.
    pub(crate) fn calls_of(&self, request: u64) -> u64 {
        let before = request.saturating_mul(self.batch);
        self.limit.map_or(self.batch, |limit| limit.saturating_sub(before).min(self.batch))
    }

    #[expect(clippy::cast_precision_loss, reason = "batches have fewer than 2^53 entries")]
    fn request_rate(&self, rate: f64) -> f64 {
        rate / self.batch as f64
    }
}

/// Returns the share of one worker of a total. The shares differ by one at most.
pub(crate) fn share(total: u64, worker: u64, workers: u64) -> u64 {
    total / workers + u64::from(worker < total % workers)
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::{Load, Plan, share};

    fn plan(load: Load) -> Plan {
        let second = Duration::from_secs(1);
        Plan { load, connections: 256, batch: 1, warmup: second, duration: Some(10 * second), limit: None }
    }

    #[test]
    fn a_thread_has_a_caller_and_a_connection() {
        assert_eq!(plan(Load::Closed { callers: 1 }).workers(8), 1);
        assert_eq!(plan(Load::Closed { callers: 64 }).workers(8), 8);
        assert_eq!(Plan { connections: 2, ..plan(Load::Open { rate: 1.0 }) }.workers(8), 2);
        assert_eq!([0, 1, 2].map(|worker| share(8, worker, 3)), [3, 3, 2]);
    }

    #[test]
    fn the_warm_up_is_no_part_of_limits() {
        let plan = Plan { limit: Some(100), batch: 30, ..plan(Load::Open { rate: 60.0 }) };
        assert_eq!(plan.warmup_requests(60.0), 2);
        assert_eq!(plan.schedule(60.0).count(), 6);
        assert_eq!([0, 1, 2, 3, 4].map(|request| plan.calls_of(request)), [30, 30, 30, 10, 0]);
        assert_eq!(plan.end(), Some(Duration::from_secs(11)));
    }

    #[test]
    fn the_largest_limit_is_no_limit() {
        let plan = Plan { limit: Some(u64::MAX), ..plan(Load::Open { rate: 60.0 }) };
        assert_eq!(plan.schedule(60.0).count(), 660);
        assert_eq!(Plan { duration: None, ..plan }.schedule(60.0).count(), u64::MAX);
    }

    #[test]
    fn a_plan_may_have_no_request_after_the_warm_up() {
        let slow = plan(Load::Open { rate: 0.05 });
        assert!(!slow.has_measured_requests());
        assert!(Plan { warmup: Duration::ZERO, ..slow }.has_measured_requests());
        assert!(Plan { duration: Some(Duration::from_secs(20)), ..slow }.has_measured_requests());
        assert!(Plan { duration: None, limit: Some(1), ..slow }.has_measured_requests());
        assert!(plan(Load::Closed { callers: 1 }).has_measured_requests());
    }
}
