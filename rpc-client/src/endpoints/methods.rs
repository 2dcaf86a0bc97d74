//! [`MethodMeans`]: the mean response time of each method, over all endpoints.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{PoisonError, RwLock};
use std::time::Duration;

/// The mean response time of each method, over all endpoints of a client.
#[derive(Debug, Default)]
pub(super) struct MethodMeans {
    single: RwLock<Means>,
    batch: RwLock<Means>,
}

type Means = HashMap<String, Mean>;

/// How many methods have a mean of their own. Callers can make names at run time, so their number needs a bound.
const MAX_METHODS: usize = 4096;

/// A mean of response times in seconds: the bits of an `f64`. 0 means that there is none yet.
#[derive(Debug, Default)]
struct Mean(AtomicU64);

/// A time that is slow for an answer of any method.
const SLOW: Duration = Duration::from_secs(1);

/// The weight of a new sample.
const SAMPLE: f64 = 0.05;

impl MethodMeans {
    /// Returns whether a time is too long for an answer of this method: at least 1 s, or four times the method's mean.
    pub(super) fn is_slow(&self, method: &str, is_batch: bool, took: Duration) -> bool {
        let all = if is_batch { &self.batch } else { &self.single };
        let mean = all.read().unwrap_or_else(PoisonError::into_inner).get(method).map(Mean::seconds);
        took >= SLOW || mean.is_some_and(|mean| took.as_secs_f64() >= 4.0 * mean)
    }

    /// Adds a response time to the mean of its method. Returns it divided by that mean.
    ///
    /// The mean of a batch is that of batches that begin with the same method.
    pub(super) fn relative(&self, method: &str, is_batch: bool, took: Duration) -> f64 {
        let all = if is_batch { &self.batch } else { &self.single };
        let known = all.read().unwrap_or_else(PoisonError::into_inner).get(method).map(|mean| mean.relative(took));
        if let Some(relative) = known {
            return relative;
        }
        let mut all = all.write().unwrap_or_else(PoisonError::into_inner);
        if all.len() >= MAX_METHODS {
            return 1.0;
        }
        all.entry(method.to_owned()).or_default().relative(took)
    }
}

impl Mean {
    fn seconds(&self) -> f64 {
        f64::from_bits(self.0.load(Ordering::Relaxed))
    }

    /// Adds a sample, and returns it divided by the new mean.
    fn relative(&self, took: Duration) -> f64 {
        // Times below a microsecond depend on the clock's resolution and not on the server.
        let took = took.as_secs_f64().max(1e-6);
        let old = self.seconds();
        let mean = if old > 0.0 { old + SAMPLE * (took - old) } else { took };
        self.0.store(mean.to_bits(), Ordering::Relaxed);
        took / mean
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::MethodMeans;

    #[test]
    fn each_method_is_compared_with_itself() {
        let means = MethodMeans::default();
        let (cheap, dear) = ("cheap", "dear");
        for _ in 0..100 {
            assert!((means.relative(cheap, false, Duration::from_millis(1)) - 1.0).abs() < 1e-9);
            assert!((means.relative(dear, false, Duration::from_millis(200)) - 1.0).abs() < 1e-9);
            assert!((means.relative(cheap, true, Duration::from_millis(50)) - 1.0).abs() < 1e-9);
        }
        assert!(means.relative(cheap, false, Duration::from_millis(20)) > 9.0);
    }
}
