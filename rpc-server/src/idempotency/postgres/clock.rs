//! Estimates the database's clock between two answers from it. The estimate runs slightly slow, so that it never gets
//! ahead. Clients learn it as the time of the store.

use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

/// What time it was in the database, and when that was heard.
#[derive(Clone, Copy, Debug)]
pub(super) struct Reading {
    time: Duration,
    heard: Instant,
}

impl Reading {
    /// Notes a time that the database has just told, in seconds.
    pub(super) fn new(seconds: f64) -> Self {
        let time = Duration::try_from_secs_f64(seconds).unwrap_or_default();
        Self { time, heard: Instant::now() }
    }

    /// Estimates the time of the database: a little less than it is, since the answer took its time and clocks differ
    /// in pace.
    fn now(&self) -> Duration {
        let passed = self.heard.elapsed();
        self.time + (passed - passed / MAX_DRIFT)
    }
}

/// Which part of the time that passes another clock may be slower: more than a clock that is being corrected is.
const MAX_DRIFT: u32 = 1024;

/// Tells the time of the database without asking it.
#[derive(Debug)]
pub(super) struct Clock(Mutex<Reading>);

impl Clock {
    pub(super) fn new() -> Self {
        Self(Mutex::new(Reading { time: Duration::ZERO, heard: Instant::now() }))
    }

    /// Notes the last time that was heard.
    pub(super) fn set(&self, reading: Reading) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = reading;
    }

    pub(super) fn now(&self) -> Duration {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).now()
    }
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, Instant};

    use super::{Clock, Reading};

    #[test]
    fn the_estimate_stays_behind_a_clock_that_goes_slower() {
        let hour = Duration::from_secs(3600);
        let Some(heard) = Instant::now().checked_sub(hour) else { return };
        let clock = Clock::new();
        clock.set(Reading { time: hour, heard });
        let now = clock.now();
        assert!((2 * hour - Duration::from_secs(4)..2 * hour - Duration::from_secs(1)).contains(&now), "{now:?}");
        clock.set(Reading::new(-1.0));
        assert!(clock.now() < hour);
    }
}
