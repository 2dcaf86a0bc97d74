//! [`Schedule`]: when each request of an open loop is due, as times since the start. It reads no clock.

use std::time::Duration;

/// When each request of an open loop is due: request `n`, from 0, at `n / rate` seconds after the start.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Schedule {
    /// Requests per second.
    rate: f64,
    /// The number of requests in all.
    count: u64,
    /// The end of the last request's interval.
    end: Duration,
}

impl Schedule {
    /// Makes the schedule of all requests that are due before `end`, and of at most `limit` requests.
    pub(crate) fn new(rate: f64, end: Option<Duration>, limit: Option<u64>) -> Self {
        let before_end = end.map_or(u64::MAX, |end| count(end.as_secs_f64() * rate));
        let count = before_end.min(limit.unwrap_or(u64::MAX));
        let mut schedule = Self { rate, count, end: Duration::ZERO };
        schedule.end = schedule.due_at(count).min(end.unwrap_or(Duration::MAX));
        schedule
    }

    /// Returns the number of requests.
    pub(crate) fn count(&self) -> u64 {
        self.count
    }

    /// Returns when the schedule is over. No request starts after it.
    pub(crate) fn end(&self) -> Duration {
        self.end
    }

    /// Returns when a request is due. The time is computed from the number, so that errors do not add up.
    pub(crate) fn due_at(&self, number: u64) -> Duration {
        #[expect(clippy::cast_precision_loss, reason = "a run makes fewer than 2^53 requests")]
        let seconds = number as f64 / self.rate;
        Duration::try_from_secs_f64(seconds).unwrap_or(Duration::MAX)
    }

    /// Returns how many requests are due at a time.
    pub(crate) fn due_by(&self, now: Duration) -> u64 {
        let mut due = count(now.as_secs_f64() * self.rate).min(self.count);
        // A rounding error moves the result by one at most.
        if due > 0 && self.due_at(due - 1) > now {
            due -= 1;
        } else if due < self.count && self.due_at(due) <= now {
            due += 1;
        }
        due
    }
}

/// Rounds a number of intervals up to a number of requests.
#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a cast to an integer saturates")]
fn count(intervals: f64) -> u64 {
    // 0.1 s at 30 calls/s are 3.0000000000000004 intervals. That is no fourth request.
    // But the first request is due at the start, even if the run has only a small part of an interval.
    ((intervals - 1e-6).ceil() as u64).max(u64::from(intervals > 0.0))
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::Schedule;

    #[test]
    fn a_run_has_as_many_requests_as_rate_times_duration() {
        for (rate, millis, requests) in [(200.0, 3_000, 600), (0.5, 10_000, 5), (30.0, 100, 3), (3.0, 1_100, 4)] {
            let schedule = Schedule::new(rate, Some(Duration::from_millis(millis)), None);
            assert_eq!(schedule.count(), requests, "{rate}/s for {millis} ms");
            assert_eq!(schedule.end(), Duration::from_millis(millis).min(schedule.due_at(requests)));
        }
    }

    #[test]
    fn the_first_request_is_due_at_the_start_of_any_run() {
        let second = Some(Duration::from_secs(1));
        for (rate, end, requests) in [(1e-9, second, 1), (1e-300, second, 1), (1e-9, Some(Duration::ZERO), 0)] {
            assert_eq!(Schedule::new(rate, end, None).count(), requests, "{rate}/s for {end:?}");
        }
        assert_eq!(Schedule::new(1e-9, second, None).due_by(Duration::ZERO), 1);
    }

    #[test]
    fn a_limit_ends_the_schedule_after_the_last_interval() {
        let schedule = Schedule::new(4.0, None, Some(10));
        assert_eq!((schedule.count(), schedule.end()), (10, Duration::from_millis(2_500)));
        assert_eq!(Schedule::new(4.0, Some(Duration::from_secs(1)), Some(10)).count(), 4);
    }

    #[test]
    fn late_requests_are_due_as_precisely_as_early_ones() {
        let schedule = Schedule::new(50_000.0, Some(Duration::from_secs(36_000)), None);
        let nanos = schedule.due_at(1_799_999_999).as_nanos();
        assert!(nanos.abs_diff(35_999_999_980_000) <= 1, "{nanos}");
    }

    #[test]
    fn a_request_is_due_from_its_time_on() {
        let schedule = Schedule::new(3.0, Some(Duration::from_secs(100)), None);
        assert_eq!(schedule.due_by(Duration::ZERO), 1);
        for number in 1..schedule.count() {
            let due = schedule.due_at(number);
            assert_eq!(schedule.due_by(due), number + 1);
            assert_eq!(schedule.due_by(due - Duration::from_nanos(1)), number);
        }
        assert_eq!(schedule.due_by(Duration::from_secs(1_000)), 300);
    }
}
