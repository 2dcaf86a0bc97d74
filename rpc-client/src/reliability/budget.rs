//! [`RetryBudget`]: bounds the retries of a client, with a pace and with a reserve that successes and time refill.
//! Calls without retries take no lock.

use std::fmt;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use crate::runtime::Instant;

/// Bounds the retries of a client, so that retries do not prolong an overload of the server.
///
/// The budget is a reserve of retries. It starts full, with 100, and each retry of a call takes one. In a batch each
/// retried entry takes one. When the reserve is empty, a call ends with the result of its last attempt.
///
/// Two things refill the reserve, up to its size:
///
/// - Each call that ends with an answer adds 0.2 ([`per_success`](Self::per_success)), whichever attempt was answered.
///   An answer is a result, or an error of the method or of JSON-RPC under the call's own id. Refusals, such as for
///   overload, and failures without an answer add nothing.
/// - Time adds one retry each 10 s ([`refill_every`](Self::refill_every)).
///
/// A pace bounds how fast retries can use the reserve: 10 retries at once, then 10 per second
/// ([`per_second`](Self::per_second)). A retry above the pace waits for its turn, if its deadline allows that.
/// Successes add the same amount to the pace as to the reserve. So a client with mostly successful calls can retry 20 %
/// of them at any rate.
///
/// The defaults cover a burst of 100 failed calls, a few failures now and then, and the permanent failure of one
/// attempt in six. A client of a dead server spends its reserve once, over 10 s. Then it sends one retry each 10 s.
///
/// Clones share one budget. All clones of a client share it, and so do all clients that got a clone of one budget.
///
/// # Example
///
/// ```
/// use rpc::{Client, RetryBudget};
///
/// let budget = RetryBudget::new(50).per_second(5.0).per_success(0.1);
/// let orders = Client::builder().endpoint("http://127.0.0.1:8080").retry_budget(budget.clone()).build()?;
/// let stock = Client::builder().endpoint("http://127.0.0.1:8081").retry_budget(budget).build()?;
/// # Ok::<(), rpc::Failure>(())
/// ```
#[derive(Clone)]
pub struct RetryBudget(Arc<RetryBudgetInner>);

struct RetryBudgetInner {
    settings: BudgetSettings,
    #[cfg(feature = "telemetry")]
    start: Instant,
    /// Answered calls that the account does not include yet. Answers touch only this counter, so a call without retries
    /// takes no lock.
    answered: AtomicU64,
    balance: Mutex<BudgetBalance>,
}

/// The settings of the user.
#[derive(Clone, Copy)]
struct BudgetSettings {
    /// Infinite for an unlimited budget.
    reserve: f64,
    per_second: f64,
    per_success: f64,
    refill_every: Duration,
}

/// The balance at the time `at`.
struct BudgetBalance {
    reserve: f64,
    /// Retries that the pace allows at once. Negative while retries wait for their turn.
    pace: f64,
    at: Instant,
}

/// Rounding errors of sums of fractions stay below this.
const ROUNDING: f64 = 1e-6;

impl RetryBudget {
    /// Makes a budget with a full reserve of this many retries. Default: 100. 0 allows no retries.
    ///
    /// # Example
    ///
    /// ```
    /// use rpc::{Client, RetryBudget};
    ///
    /// # #[tokio::main(flavor = "current_thread", start_paused = true)]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// // No server listens at port 1, so each call needs two retries.
    /// let budget = RetryBudget::new(3);
    /// let client = Client::builder().endpoint("http://127.0.0.1:1").retry_budget(budget).build()?;
    /// for attempts in [3, 2, 1] {
    ///     assert_eq!(client.call::<u64>("count", ()).await.unwrap_err().attempts().len(), attempts);
    /// }
    /// # Ok(())
    /// # }
    /// ```
    pub fn new(reserve: u32) -> Self {
        Self::with_settings(BudgetSettings {
            reserve: f64::from(reserve),
            per_second: 10.0,
            per_success: 0.2,
            refill_every: Duration::from_secs(10),
        })
    }

    /// Makes a budget without a bound, for tests and for peers that cannot be overloaded.
    ///
    /// # Example
    ///
    /// ```
    /// use std::time::Duration;
    ///
    /// use rpc::{Client, Retry, RetryBudget};
    ///
    /// # #[tokio::main(flavor = "current_thread", start_paused = true)]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// // No server listens at port 1. The default budget would end the call after 101 attempts.
    /// let client = Client::builder()
    ///     .endpoint("http://127.0.0.1:1")
    ///     .retry(Retry::exponential().max_attempts(150).base(Duration::ZERO))
    ///     .retry_budget(RetryBudget::unlimited())
    ///     .build()?;
    /// assert_eq!(client.call::<u64>("count", ()).await.unwrap_err().attempts().len(), 150);
    /// # Ok(())
    /// # }
    /// ```
    pub fn unlimited() -> Self {
        Self::with_settings(BudgetSettings { reserve: f64::INFINITY, ..Self::new(0).0.settings })
    }

    /// Sets the pace, in retries per second. Default: 10. The retries of one second, and at least one, can happen at
    /// once. 0, a negative number and NaN allow no retries; 10^9 and more set no pace.
    ///
    /// Returns a new, full budget that shares nothing with earlier clones. The other setters do the same.
    ///
    /// # Example
    ///
    /// ```
    /// use std::time::Duration;
    ///
    /// use rpc::{Client, RetryBudget};
    /// use tokio::time::Instant;
    ///
    /// # #[tokio::main(flavor = "current_thread", start_paused = true)]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// // No server listens at port 1, so the call is retried twice. The second retry waits for its turn.
    /// let budget = RetryBudget::new(50).per_second(1.0);
    /// let client = Client::builder().endpoint("http://127.0.0.1:1").retry_budget(budget).build()?;
    /// let start = Instant::now();
    /// assert_eq!(client.call::<u64>("count", ()).await.unwrap_err().attempts().len(), 3);
    /// assert!(start.elapsed() >= Duration::from_millis(900));
    /// # Ok(())
    /// # }
    /// ```
    #[must_use]
    pub fn per_second(self, retries: f64) -> Self {
        Self::with_settings(BudgetSettings { per_second: rate(retries), ..self.0.settings })
    }

    /// Sets how many retries each answered call adds. Default: 0.2. A negative number and NaN count as 0.
    #[must_use]
    pub fn per_success(self, retries: f64) -> Self {
        Self::with_settings(BudgetSettings { per_success: rate(retries), ..self.0.settings })
    }

    /// Sets the interval at which time adds one retry. Default: 10 s. [`Duration::MAX`] means never; less than 1 ms
    /// counts as 1 ms.
    #[must_use]
    pub fn refill_every(self, interval: Duration) -> Self {
        Self::with_settings(BudgetSettings { refill_every: interval.max(Duration::from_millis(1)), ..self.0.settings })
    }

    fn with_settings(settings: BudgetSettings) -> Self {
        let now = Instant::now();
        let balance = BudgetBalance { reserve: settings.reserve, pace: settings.burst(), at: now };
        Self(Arc::new(RetryBudgetInner {
            settings,
            #[cfg(feature = "telemetry")]
            start: now,
            answered: AtomicU64::new(0),
            balance: Mutex::new(balance),
        }))
    }

    /// Adds calls that ended with an answer.
    #[inline]
    pub(crate) fn deposit(&self, answered: usize) {
        self.0.answered.fetch_add(answered as u64, Ordering::Relaxed);
    }

    /// Takes this many retries, and returns how long they wait for their turn. Returns `None`, and takes nothing, if
    /// fewer are left or the wait would be longer than `longest`.
    pub(crate) fn withdraw(&self, count: usize, now: Instant, longest: Duration) -> Option<Duration> {
        let RetryBudgetInner { settings, .. } = &*self.0;
        if settings.reserve.is_infinite() {
            return Some(Duration::ZERO);
        }
        #[expect(clippy::cast_precision_loss, reason = "a batch has fewer than 2^53 entries")]
        let count = count as f64;
        let mut balance = self.0.balance(now);
        let (reserve, pace) = (balance.reserve - count, balance.pace - count);
        if reserve < -ROUNDING || settings.per_second <= 0.0 {
            return None;
        }
        // A large batch can need more retries than the pace allows in a second. They wait until the pace is no longer
        // negative.
        let wait = if pace < -ROUNDING {
            Duration::try_from_secs_f64(-pace / settings.per_second).ok()?
        } else {
            Duration::ZERO
        };
        if wait > longest {
            return None;
        }
        (balance.reserve, balance.pace) = (reserve, pace);
        Some(wait)
    }
}

#[cfg(feature = "telemetry")]
impl RetryBudget {
    /// Returns how many whole retries the reserve holds.
    pub(crate) fn remaining(&self, now: Instant) -> f64 {
        (self.0.balance(now).reserve + ROUNDING).floor().max(0.0)
    }

    /// Returns how long ago the budget was made.
    pub(crate) fn age(&self, now: Instant) -> Duration {
        now.saturating_duration_since(self.0.start)
    }
}

impl Default for RetryBudget {
    fn default() -> Self {
        Self::new(100)
    }
}

impl fmt::Debug for RetryBudget {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let BudgetSettings { reserve, per_second, per_success, refill_every } = self.0.settings;
        f.debug_struct("RetryBudget")
            .field("reserve", &reserve)
            .field("per_second", &per_second)
            .field("per_success", &per_success)
            .field("refill_every", &refill_every)
            .finish()
    }
}

impl RetryBudgetInner {
    /// Returns the account, after adding what successes and time have earned.
    fn balance(&self, now: Instant) -> std::sync::MutexGuard<'_, BudgetBalance> {
        let settings = &self.settings;
        let mut balance = self.balance.lock().unwrap_or_else(PoisonError::into_inner);
        #[expect(clippy::cast_precision_loss, reason = "nobody makes 2^53 calls between two retries")]
        let earned = self.answered.swap(0, Ordering::Relaxed) as f64 * settings.per_success;
        let passed = now.saturating_duration_since(balance.at);
        let by_time = passed.as_secs_f64() / settings.refill_every.as_secs_f64();
        balance.reserve = (balance.reserve + earned + by_time).min(settings.reserve);
        balance.pace = (balance.pace + earned + passed.as_secs_f64() * settings.per_second).min(settings.burst());
        balance.at = balance.at.max(now);
        balance
    }
}

impl BudgetSettings {
    /// Returns how many retries can happen at once.
    fn burst(&self) -> f64 {
        self.per_second.max(1.0)
    }
}

/// Clamps a rate, so that no sum of rates is infinite or NaN.
fn rate(number: f64) -> f64 {
    if number > 0.0 { number.min(1e9) } else { 0.0 }
}

#[cfg(test)]
mod tests;
