//! [`EndpointHealth`]: the health of one endpoint, by the results of its checks.

use std::fmt;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use crate::health_check::{CheckPlan, Health, HealthCounter};
use crate::transport::HttpTransport;

/// The health of one endpoint, and the transport to its page.
pub(crate) struct EndpointHealth {
    /// Set if checks get a page.
    pub(super) http: Option<Arc<HttpTransport>>,
    counter: Mutex<HealthCounter>,
    /// A copy of the counter's health, so that readers take no lock. They rely on no other memory because of it, so
    /// relaxed ordering is enough.
    is_healthy: AtomicBool,
    /// Whether a check may renew a rejected credential: one has passed since the last renewal.
    may_renew: AtomicBool,
}

impl EndpointHealth {
    pub(super) fn new(http: Option<Arc<HttpTransport>>) -> Self {
        let (is_healthy, may_renew) = (AtomicBool::new(true), AtomicBool::new(false));
        Self { http, counter: Mutex::new(HealthCounter::new()), is_healthy, may_renew }
    }

    /// Allows a later check to renew a rejected credential.
    pub(super) fn allow_renewal(&self) {
        self.may_renew.store(true, Ordering::Relaxed);
    }

    /// Returns whether a check may renew a rejected credential, once for each time that it was allowed.
    pub(super) fn take_renewal(&self) -> bool {
        self.may_renew.swap(false, Ordering::Relaxed)
    }

    pub(super) fn is_healthy(&self) -> bool {
        self.is_healthy.load(Ordering::Relaxed)
    }

    /// Adds the result of a check. Returns the new health if it changed.
    pub(super) fn record(&self, has_passed: bool, plan: &CheckPlan) -> Option<Health> {
        let mut counter = self.counter.lock().unwrap_or_else(PoisonError::into_inner);
        let changed = counter.record(has_passed, plan.thresholds);
        if let Some(health) = changed {
            self.is_healthy.store(health == Health::Healthy, Ordering::Relaxed);
        }
        changed
    }
}

impl fmt::Debug for EndpointHealth {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("EndpointHealth").field("is_healthy", &self.is_healthy()).finish_non_exhaustive()
    }
}
