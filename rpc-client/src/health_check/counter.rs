//! [`HealthCounter`]: the state machine of an endpoint's health, by results in a row.

use std::num::NonZeroU32;

/// Whether an endpoint is healthy.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Health {
    Healthy,
    Unhealthy,
}

impl Health {
    /// Returns the state as one word, for metrics.
    #[cfg_attr(not(feature = "telemetry"), expect(dead_code, reason = "metrics are not built"))]
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::Healthy => "healthy",
            Self::Unhealthy => "unhealthy",
        }
    }
}

/// The number of results in a row that changes the health of an endpoint.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct HealthThresholds {
    pub(super) unhealthy_after: NonZeroU32,
    pub(super) healthy_after: NonZeroU32,
}

/// Counts the results of the checks of one endpoint. The endpoint begins as healthy.
#[derive(Debug)]
pub(crate) struct HealthCounter {
    health: Health,
    /// The number of results in a row that contradict the health.
    contrary: u32,
}

impl HealthCounter {
    pub(crate) fn new() -> Self {
        Self { health: Health::Healthy, contrary: 0 }
    }

    /// Adds the result of a check. Returns the new health if it changed.
    pub(crate) fn record(&mut self, has_passed: bool, thresholds: HealthThresholds) -> Option<Health> {
        let (other, needed) = match self.health {
            Health::Healthy => (Health::Unhealthy, thresholds.unhealthy_after),
            Health::Unhealthy => (Health::Healthy, thresholds.healthy_after),
        };
        if has_passed == (self.health == Health::Healthy) {
            self.contrary = 0;
            return None;
        }
        self.contrary += 1;
        if self.contrary < needed.get() {
            return None;
        }
        *self = Self { health: other, contrary: 0 };
        Some(other)
    }
}

#[cfg(test)]
mod tests {
    use std::num::NonZeroU32;

    use super::{Health, HealthCounter, HealthThresholds};

    /// Returns the health after each result: `+` for a success, `-` for a failure.
    fn after(results: &str, unhealthy_after: u32, healthy_after: u32) -> String {
        let at_least = |count| NonZeroU32::new(count).unwrap();
        let thresholds =
            HealthThresholds { unhealthy_after: at_least(unhealthy_after), healthy_after: at_least(healthy_after) };
        let (mut counter, mut health) = (HealthCounter::new(), Health::Healthy);
        let step = |result| {
            if let Some(changed) = counter.record(result == '+', thresholds) {
                assert_ne!(changed, health, "each change is to the other state");
                health = changed;
            }
            if health == Health::Healthy { 'h' } else { 'u' }
        };
        results.chars().map(step).collect()
    }

    #[test]
    fn failures_in_a_row_make_an_endpoint_unhealthy_and_successes_in_a_row_healthy_again() {
        assert_eq!(after("+---++", 3, 2), "hhhuuh");
        assert_eq!(after("------", 3, 2), "hhuuuu");
        assert_eq!(after("-+-+-+", 1, 1), "uhuhuh");
    }

    #[test]
    fn opposite_result_starts_the_count_again() {
        assert_eq!(after("--+--+---", 3, 2), "hhhhhhhhu");
        assert_eq!(after("---+-+-++", 3, 2), "hhuuuuuuh");
    }

    #[test]
    fn counts_of_a_state_do_not_carry_over_to_the_next_one() {
        assert_eq!(after("---++--+---", 3, 2), "hhuuhhhhhhu");
    }
}
