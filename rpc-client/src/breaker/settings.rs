//! [`CircuitBreaker`], the settings of the user, and [`Terms`], the same as numbers that the circuit can rely on.

use std::time::Duration;

use rpc_core::__private::settings;

settings! {
    /// A circuit breaker: the client stops using an endpoint that fails, and tests it before it uses it again.
    ///
    /// Each endpoint has a circuit of its own, which is in one of three [states](crate::CircuitState):
    ///
    /// - *Closed*: the client uses the endpoint. The circuit opens after 5 failures in a row, or if fewer than 80 % of
    ///   the attempts of the last 30 s succeeded, from 5 attempts on.
    /// - *Open*: the client uses other endpoints. The first time, the circuit stays open for up to 1 s. That time
    ///   doubles with each further opening, up to 60 s, until the endpoint has recovered.
    /// - *Half-open*: the client tests the endpoint with one call at a time. After 3 successes the circuit closes, and
    ///   all counts start at zero. A failure opens it again.
    ///
    /// The result of each attempt counts as follows:
    ///
    /// | Result | Failures in a row | Success rate |
    /// |---|---|---|
    /// | An answer of the method: a result, a declared error, -32601 or -32602 | start at zero again | success |
    /// | Not sent, no readable answer, or a server timeout (-32093) | one more | failure |
    /// | A refusal (HTTP 429, -32092, -32099), HTTP 404, or an internal error (-32603) | unchanged | failure |
    /// | Any other HTTP 4xx except 408, or a refusal because of the caller | unchanged | not counted |
    /// | Cancelled by the caller, or stopped by a layer or a limit of the client | unchanged | not counted |
    ///
    /// A timeout counts as a failure only if the attempt had at least 1 s, or four times the mean response time of its
    /// method. Otherwise it is not counted.
    ///
    /// A circuit opens only at a failure. Attempts that began before the circuit opened or closed do not count
    /// afterwards.
    ///
    /// # Example
    ///
    /// ```
    /// use std::time::Duration;
    ///
    /// use rpc::CircuitBreaker;
    ///
    /// let breaker = CircuitBreaker::default().failures_to_open(3).max_open_time(Duration::from_secs(20));
    /// assert_eq!(breaker.successes_to_close, 3);
    /// ```
    #[derive(Clone, Copy, Debug, PartialEq)]
    pub struct CircuitBreaker {
        /// The number of failures in a row that opens the circuit. 0 counts as 1. [`u32::MAX`] turns the rule off.
        /// Default: 5.
        pub failures_to_open: u32 = 5,
        /// The lowest success rate, from 0 to 1, that keeps the circuit closed. 0 turns the rule off. Default: 0.8.
        pub min_success_rate: f64 = 0.8,
        /// How far back the success rate looks. The window moves on in ten steps, so it covers between 90 % and 100 %
        /// of this time. Less than 10 ms counts as 10 ms. Default: 30 s.
        pub window: Duration = Duration::from_secs(30),
        /// The number of attempts in the window from which on the success rate counts. Default: 5.
        pub min_attempts: u32 = 5,
        /// The longest time for which the first opening keeps the circuit open. The client picks a random time between
        /// half of it and all of it, so that many clients do not test a server at once. Less than 1 ms counts as 1 ms.
        /// Default: 1 s.
        ///
        /// It doubles with each further opening. After the circuit has stayed closed for one `window`, the next opening
        /// counts as the first one again.
        pub open_time: Duration = Duration::from_secs(1),
        /// The upper bound of each open time. It also bounds how long the client waits for the result of a test call
        /// before it tests the endpoint with a further one. Less than 1 ms counts as 1 ms. Default: 60 s.
        pub max_open_time: Duration = Duration::from_secs(60),
        /// The number of successes that closes a half-open circuit. 0 counts as 1. Default: 3.
        pub successes_to_close: u32 = 3,
        /// Whether a client with one endpoint has a circuit breaker, too. Default: false, since such a client has no
        /// other endpoint to use meanwhile. With several endpoints it changes nothing.
        ///
        /// While the circuit of the only endpoint is not closed, all calls except tests fail at once, with
        /// [`ErrorKind::CircuitOpen`](crate::ErrorKind::CircuitOpen) and
        /// [`Outcome::NotSent`](crate::Outcome::NotSent). The client does not retry them.
        pub single_endpoint: bool = false,
    }
}

/// The number of buckets of the window.
pub(crate) const BUCKETS: usize = 10;

/// The settings, with times in nanoseconds and within their bounds.
#[derive(Clone, Copy, Debug)]
pub(super) struct Terms {
    pub(super) failures_to_open: u32,
    pub(super) min_success_rate: f64,
    /// How long one bucket of the window is.
    pub(super) bucket: u64,
    pub(super) min_attempts: u64,
    open_time: u64,
    pub(super) max_open_time: u64,
    pub(super) successes_to_close: u32,
}

impl Terms {
    pub(super) fn of(settings: &CircuitBreaker) -> Self {
        const MILLISECOND: u64 = 1_000_000;
        Self {
            failures_to_open: settings.failures_to_open.max(1),
            min_success_rate: settings.min_success_rate,
            bucket: (nanos(settings.window) / BUCKETS as u64).max(MILLISECOND),
            min_attempts: u64::from(settings.min_attempts),
            open_time: nanos(settings.open_time).max(MILLISECOND),
            max_open_time: nanos(settings.max_open_time).max(MILLISECOND),
            successes_to_close: settings.successes_to_close.max(1),
        }
    }

    /// Returns how far back the success rate looks.
    pub(super) fn window(&self) -> u64 {
        self.bucket.saturating_mul(BUCKETS as u64)
    }

    /// Returns how long the circuit stays open after this many earlier openings without a recovery. `random` is from 0
    /// to 1.
    pub(super) fn open_time(&self, openings: u32, random: f64) -> u64 {
        let longest = self.open_time.saturating_mul(1 << openings.min(63)).min(self.max_open_time);
        let half = longest / 2;
        #[expect(clippy::cast_possible_truncation, clippy::cast_precision_loss, clippy::cast_sign_loss)]
        let jitter = (half as f64 * random.clamp(0.0, 1.0)) as u64;
        half.saturating_add(jitter)
    }
}

/// Returns a time in nanoseconds. The longest one is 584 years.
pub(crate) fn nanos(time: Duration) -> u64 {
    u64::try_from(time.as_nanos()).unwrap_or(u64::MAX)
}
