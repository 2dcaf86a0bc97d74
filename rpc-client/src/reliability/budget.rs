use std::fmt;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

/// Bounds the retries of a client, so that they do not keep a server down that is.
///
/// Of the calls of the last ten seconds a part may go again, by default a fifth, but three at least: a client that
/// calls seldom may still retry. Retries that are over the budget are not made, and the call ends with what it has met.
///
/// Clones share one budget: all clones of a client do, and so do clients that are given clones of one.
///
/// # Example
///
/// ```
/// use rpc::{Client, RetryBudget};
///
/// let budget = RetryBudget::new(0.1, 5);
/// let orders = Client::builder().endpoint("http://127.0.0.1:8080").retry_budget(budget.clone()).build()?;
/// let stock = Client::builder().endpoint("http://127.0.0.1:8081").retry_budget(budget).build()?;
/// # Ok::<(), rpc::Failure>(())
/// ```
#[derive(Clone)]
pub struct RetryBudget(Arc<Inner>);

struct Inner {
    ratio: f64,
    floor: u32,
    start: Instant,
    calls: [Slot; SLOTS],
    /// Only retries take the lock, and so can be counted exactly.
    retries: Mutex<[(u64, u64); SLOTS]>,
}

/// How many slots of time there are, of a second each.
const SLOTS: usize = 10;
const SLOT: Duration = Duration::from_secs(1);

impl RetryBudget {
    /// Makes a budget: of the calls of the last ten seconds this part may go again, but so many at least.
    ///
    /// A ratio that is negative or no number counts as 0.
    pub fn new(ratio: f64, floor: u32) -> Self {
        Self(Arc::new(Inner {
            ratio: if ratio > 0.0 { ratio } else { 0.0 },
            floor,
            start: Instant::now(),
            calls: Default::default(),
            retries: Mutex::default(),
        }))
    }

    /// Makes a budget without a bound, for tests and for peers that never have too much to do.
    pub fn unlimited() -> Self {
        Self::new(f64::INFINITY, u32::MAX)
    }

    /// Counts calls.
    #[inline]
    pub(crate) fn deposit(&self, calls: usize, now: Instant) {
        let epoch = self.0.epoch(now);
        self.0.calls[slot(epoch)].add(epoch, calls as u64);
    }

    /// Takes so many retries out of the budget, or says that there are not as many left.
    pub(crate) fn withdraw(&self, count: usize, now: Instant) -> bool {
        let epoch = self.0.epoch(now);
        let mut retries = self.0.retries.lock().unwrap_or_else(PoisonError::into_inner);
        #[expect(clippy::cast_precision_loss, reason = "nobody makes 2^53 calls in ten seconds")]
        if count as f64 > self.0.left(&retries, epoch) {
            return false;
        }
        let slot = &mut retries[slot(epoch)];
        *slot = if slot.0 == epoch { (epoch, slot.1 + count as u64) } else { (epoch, count as u64) };
        true
    }
}

#[cfg(feature = "telemetry")]
impl RetryBudget {
    /// Returns how many retries there may be at the moment.
    pub(crate) fn remaining(&self, now: Instant) -> f64 {
        let retries = self.0.retries.lock().unwrap_or_else(PoisonError::into_inner);
        self.0.left(&retries, self.0.epoch(now)).max(0.0)
    }

    /// Returns how long there has been this budget.
    pub(crate) fn age(&self, now: Instant) -> Duration {
        now.saturating_duration_since(self.0.start)
    }
}

impl Default for RetryBudget {
    fn default() -> Self {
        Self::new(0.2, 3)
    }
}

impl fmt::Debug for RetryBudget {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RetryBudget").field("ratio", &self.0.ratio).field("floor", &self.0.floor).finish()
    }
}

impl Inner {
    /// Returns how many retries are left, of which there may be less than none.
    #[expect(clippy::cast_precision_loss, reason = "nobody makes 2^53 calls in ten seconds")]
    fn left(&self, retries: &[(u64, u64); SLOTS], epoch: u64) -> f64 {
        let is_recent = |of: u64| of + (SLOTS as u64) > epoch;
        let calls: u64 = self.calls.iter().map(Slot::get).filter(|(of, _)| is_recent(*of)).map(|(_, n)| n).sum();
        let made: u64 = retries.iter().filter(|(of, _)| is_recent(*of)).map(|(_, n)| n).sum();
        (calls as f64 * self.ratio).max(f64::from(self.floor)) - made as f64
    }

    fn epoch(&self, now: Instant) -> u64 {
        now.saturating_duration_since(self.start).as_secs() / SLOT.as_secs()
    }
}

#[expect(clippy::cast_possible_truncation, reason = "the rest of a division by ten is small")]
fn slot(epoch: u64) -> usize {
    (epoch % SLOTS as u64) as usize
}

/// Counts the calls of one second. The second and the count share a number, so that no lock is needed.
#[derive(Default)]
struct Slot(AtomicU64);

impl Slot {
    const COUNT_BITS: u32 = 32;
    const MAX_COUNT: u64 = (1 << Self::COUNT_BITS) - 1;

    fn add(&self, epoch: u64, calls: u64) {
        let mut current = self.0.load(Ordering::Relaxed);
        loop {
            let count = if current >> Self::COUNT_BITS == epoch { current & Self::MAX_COUNT } else { 0 };
            let next = epoch << Self::COUNT_BITS | (count + calls).min(Self::MAX_COUNT);
            match self.0.compare_exchange_weak(current, next, Ordering::Relaxed, Ordering::Relaxed) {
                Ok(_) => return,
                Err(found) => current = found,
            }
        }
    }

    fn get(&self) -> (u64, u64) {
        let current = self.0.load(Ordering::Relaxed);
        (current >> Self::COUNT_BITS, current & Self::MAX_COUNT)
    }
}

#[cfg(test)]
mod tests;
