//! [`ResponseTimes`]: the distribution of the response times of each method, over all endpoints.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError, RwLock};
use std::time::Duration;

use super::histogram::Histogram;

/// The response times of each method, over all endpoints of a client.
#[derive(Debug, Default)]
pub(super) struct ResponseTimes {
    single: RwLock<Methods>,
    batch: RwLock<Methods>,
}

type Methods = HashMap<Box<str>, Box<Mutex<Histogram>>>;

/// How many methods have a histogram. Callers can make names at run time, so their number needs a bound.
const MAX_METHODS: usize = 1024;

impl ResponseTimes {
    /// Returns a time that this share of the method's calls does not exceed, or `None` if there are too few samples.
    ///
    /// The samples of a batch are those of batches that begin with the same method.
    pub(super) fn percentile(&self, method: &str, is_batch: bool, share: f64, min_samples: u32) -> Option<Duration> {
        let methods = self.methods(is_batch).read().unwrap_or_else(PoisonError::into_inner);
        let histogram = lock(methods.get(method)?);
        (histogram.samples() >= min_samples.max(1)).then(|| histogram.percentile(share))
    }

    /// Adds a response time of a method.
    pub(super) fn add(&self, method: &str, is_batch: bool, took: Duration) {
        let methods = self.methods(is_batch);
        if let Some(histogram) = methods.read().unwrap_or_else(PoisonError::into_inner).get(method) {
            lock(histogram).add(took);
            return;
        }
        let mut methods = methods.write().unwrap_or_else(PoisonError::into_inner);
        if methods.len() < MAX_METHODS {
            let histogram = methods.entry(method.into()).or_insert_with(|| Box::new(Mutex::new(Histogram::EMPTY)));
            lock(histogram).add(took);
        }
    }

    fn methods(&self, is_batch: bool) -> &RwLock<Methods> {
        if is_batch { &self.batch } else { &self.single }
    }
}

fn lock(histogram: &Mutex<Histogram>) -> MutexGuard<'_, Histogram> {
    histogram.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::{MAX_METHODS, ResponseTimes};

    const MILLISECOND: Duration = Duration::from_millis(1);

    #[test]
    fn each_method_needs_its_own_samples() {
        let times = ResponseTimes::default();
        let percentile = |method, is_batch| times.percentile(method, is_batch, 0.95, 20);
        for _ in 0..19 {
            times.add("read", false, MILLISECOND);
        }
        assert_eq!(percentile("read", false), None);
        times.add("read", false, MILLISECOND);
        assert!(percentile("read", false).is_some_and(|time| time < 2 * MILLISECOND));
        assert_eq!((percentile("read", true), percentile("other", false)), (None, None));
        assert_eq!(times.percentile("other", false, 0.95, 0), None);
    }

    #[test]
    fn number_of_methods_is_bounded() {
        let times = ResponseTimes::default();
        for number in 0..=MAX_METHODS {
            times.add(&number.to_string(), false, MILLISECOND);
        }
        let is_known = |number: usize| times.percentile(&number.to_string(), false, 0.95, 1).is_some();
        assert!(is_known(MAX_METHODS - 1) && !is_known(MAX_METHODS));
    }
}
