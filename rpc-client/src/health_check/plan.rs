//! [`CheckPlan`]: the checked settings of health checks, and when checks run. Randomness is an argument.

use std::num::NonZeroU32;
use std::time::Duration;

use http::uri::PathAndQuery;

use super::HealthCheck;
use super::counter::HealthThresholds;
use crate::failure::{Failure, FailureKind};

/// The settings of health checks, checked and within their bounds.
#[derive(Clone, Debug)]
pub(crate) struct CheckPlan {
    /// The page to get, or `None` to call the method `rpc.health`.
    pub(crate) page: Option<PathAndQuery>,
    pub(crate) timeout: Duration,
    pub(crate) thresholds: HealthThresholds,
    interval: Duration,
}

/// By which share an interval varies, up and down.
const JITTER: f64 = 0.1;

/// The longest time of an interval and of a check. Clocks can hold it.
const MAX_TIME: Duration = Duration::from_secs(365 * 24 * 60 * 60);

impl CheckPlan {
    /// Checks the settings.
    ///
    /// # Errors
    ///
    /// The path is not a path.
    pub(crate) fn of(settings: &HealthCheck) -> Result<Self, Failure> {
        let bounded = |time: Duration| time.clamp(Duration::from_millis(1), MAX_TIME);
        let at_least_one = |count| NonZeroU32::new(count).unwrap_or(NonZeroU32::MIN);
        Ok(Self {
            page: settings.path.as_deref().map(page).transpose()?,
            timeout: bounded(settings.timeout),
            thresholds: HealthThresholds {
                unhealthy_after: at_least_one(settings.unhealthy_after),
                healthy_after: at_least_one(settings.healthy_after),
            },
            interval: bounded(settings.interval),
        })
    }

    /// Returns the delay before the first check of an endpoint. `random` is from 0 to 1.
    pub(crate) fn first_delay(&self, random: f64) -> Duration {
        self.interval.mul_f64(random)
    }

    /// Returns the time from the start of a check to the start of the next one. `random` is from 0 to 1.
    pub(crate) fn next_delay(&self, random: f64) -> Duration {
        self.interval.mul_f64(1.0 - JITTER + 2.0 * JITTER * random)
    }
}

fn page(path: &str) -> Result<PathAndQuery, Failure> {
    let refused = Failure::new(FailureKind::Builder("the path of a health check must begin with `/` and be valid"));
    if path.starts_with('/') { PathAndQuery::try_from(path).map_err(|_| refused) } else { Err(refused) }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::CheckPlan;
    use crate::HealthCheck;

    #[test]
    fn first_check_falls_within_an_interval_and_later_ones_vary_by_a_tenth() {
        let plan = CheckPlan::of(&HealthCheck::default()).unwrap();
        let seconds = |delay: Duration| delay.as_secs_f64();
        assert_eq!([0.0, 0.25, 1.0].map(|random| seconds(plan.first_delay(random))), [0.0, 2.5, 10.0]);
        assert_eq!([0.0, 0.5, 1.0].map(|random| seconds(plan.next_delay(random))), [9.0, 10.0, 11.0]);
    }

    #[test]
    fn settings_out_of_bounds_are_brought_within() {
        let none = HealthCheck::rpc().interval(Duration::ZERO).timeout(Duration::ZERO);
        let plan = CheckPlan::of(&none.unhealthy_after(0).healthy_after(0)).unwrap();
        assert_eq!((plan.first_delay(1.0), plan.timeout), (Duration::from_millis(1), Duration::from_millis(1)));
        assert_eq!((plan.thresholds.unhealthy_after.get(), plan.thresholds.healthy_after.get()), (1, 1));
        let endless = HealthCheck::rpc().interval(Duration::MAX).timeout(Duration::MAX);
        let plan = CheckPlan::of(&endless).unwrap();
        assert!(std::time::Instant::now().checked_add(plan.next_delay(1.0) + plan.timeout).is_some());
    }

    #[test]
    fn only_a_path_is_a_path() {
        let page = |path| CheckPlan::of(&HealthCheck::path(path)).map(|plan| plan.page.unwrap().to_string());
        assert_eq!(page("/readyz?full=1").unwrap(), "/readyz?full=1");
        for bad in ["", "readyz", "http://10.0.0.1/readyz", "*", "/a b"] {
            assert!(page(bad).unwrap_err().is_builder(), "{bad}");
        }
    }
}
