//! Estimates the database's clock between two of its answers. The estimate runs slightly slow, so that it never gets
//! ahead. The server sends it to clients as the time of the store.

use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

/// A time of the database, and when the server received it.
#[derive(Clone, Copy, Debug)]
pub(super) struct ClockReading {
    time: Duration,
    heard: Instant,
}

impl ClockReading {
    /// Stores a time that the database has just sent, in seconds.
    pub(super) fn new(seconds: f64) -> Self {
        let time = Duration::try_from_secs_f64(seconds).unwrap_or_default();
        Self { time, heard: Instant::now() }
    }

    /// Estimates the time of the database. The estimate is slightly behind, because the answer took time and clocks
    /// differ in speed.
    fn now(&self) -> Duration {
        let passed = self.heard.elapsed();
        self.time + (passed - passed / MAX_DRIFT)
    }
}

/// The divisor for the drift: the database's clock may be slower by this part of the passed time. Even a clock under
/// correction drifts less.
const MAX_DRIFT: u32 = 1024;

/// An estimate of the database's time that does not ask the database.
#[derive(Debug)]
pub(super) struct DatabaseClock(Mutex<ClockReading>);

impl DatabaseClock {
    pub(super) fn new() -> Self {
        Self(Mutex::new(ClockReading { time: Duration::ZERO, heard: Instant::now() }))
    }

    /// Stores the latest reading.
    pub(super) fn set(&self, reading: ClockReading) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = reading;
    }

    pub(super) fn now(&self) -> Duration {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).now()
    }
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, Instant};

    use super::{ClockReading, DatabaseClock};

    #[test]
    fn the_estimate_stays_behind_a_clock_that_goes_slower() {
        let hour = Duration::from_secs(3600);
        let Some(heard) = Instant::now().checked_sub(hour) else { return };
        let clock = DatabaseClock::new();
        clock.set(ClockReading { time: hour, heard });
        let now = clock.now();
        assert!((2 * hour - Duration::from_secs(4)..2 * hour - Duration::from_secs(1)).contains(&now), "{now:?}");
        clock.set(ClockReading::new(-1.0));
        assert!(clock.now() < hour);
    }
}
