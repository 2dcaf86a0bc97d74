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
/// With the defaults a client can handle a burst of 100 failed calls, or a permanent failure rate of up to 20 %. A slow
/// trickle of failures is no problem either. A client of a dead server spends its reserve once, over 10 s, and then
/// sends one retry each 10 s.
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
pub struct RetryBudget(Arc<Inner>);

struct Inner {
    terms: Terms,
    #[cfg(feature = "telemetry")]
    start: Instant,
    /// Answered calls that the account does not include yet. Answers touch only this counter, so a call without retries
    /// takes no lock.
    answered: AtomicU64,
    account: Mutex<Account>,
}

/// The settings of the user.
#[derive(Clone, Copy)]
struct Terms {
    /// Infinite for an unlimited budget.
    reserve: f64,
    per_second: f64,
    per_success: f64,
    refill_every: Duration,
}

/// The balance at the time `at`.
struct Account {
    reserve: f64,
    /// Retries that the pace allows at once. Negative while retries wait for their turn.
    pace: f64,
    at: Instant,
}

/// Rounding errors of sums of fractions stay below this.
const ROUNDING: f64 = 1e-6;

impl RetryBudget {
    /// Makes a budget with a full reserve of this many retries. Default: 100. 0 allows no retries.
    pub fn new(reserve: u32) -> Self {
        Self::with_terms(Terms {
            reserve: f64::from(reserve),
            per_second: 10.0,
            per_success: 0.2,
            refill_every: Duration::from_secs(10),
        })
    }

    /// Makes a budget without a bound, for tests and for peers that cannot be overloaded.
    pub fn unlimited() -> Self {
        Self::with_terms(Terms { reserve: f64::INFINITY, ..Self::new(0).0.terms })
    }

    /// Sets the pace, in retries per second. Default: 10. The retries of one second, and at least one, can happen at
    /// once. 0, a negative number and NaN allow no retries; 10^9 and more set no pace.
    ///
    /// Returns a new, full budget that shares nothing with earlier clones. The other setters do the same.
    #[must_use]
    pub fn per_second(self, retries: f64) -> Self {
        Self::with_terms(Terms { per_second: rate(retries), ..self.0.terms })
    }

    /// Sets how many retries each answered call adds. Default: 0.2. A negative number and NaN count as 0.
    #[must_use]
    pub fn per_success(self, retries: f64) -> Self {
        Self::with_terms(Terms { per_success: rate(retries), ..self.0.terms })
    }

    /// Sets the interval at which time adds one retry. Default: 10 s. [`Duration::MAX`] means never; less than 1 ms
    /// counts as 1 ms.
    #[must_use]
    pub fn refill_every(self, interval: Duration) -> Self {
        Self::with_terms(Terms { refill_every: interval.max(Duration::from_millis(1)), ..self.0.terms })
    }

    fn with_terms(terms: Terms) -> Self {
        let now = Instant::now();
        let account = Account { reserve: terms.reserve, pace: terms.burst(), at: now };
        Self(Arc::new(Inner {
            terms,
            #[cfg(feature = "telemetry")]
            start: now,
            answered: AtomicU64::new(0),
            account: Mutex::new(account),
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
        let Inner { terms, .. } = &*self.0;
        if terms.reserve.is_infinite() {
            return Some(Duration::ZERO);
        }
        #[expect(clippy::cast_precision_loss, reason = "a batch has fewer than 2^53 entries")]
        let count = count as f64;
        let mut account = self.0.account(now);
        let (reserve, pace) = (account.reserve - count, account.pace - count);
        if reserve < -ROUNDING || terms.per_second <= 0.0 {
            return None;
        }
        // A large batch can need more retries than the pace allows in a second. They wait until the pace is no longer
        // negative.
        let wait =
            if pace < -ROUNDING { Duration::try_from_secs_f64(-pace / terms.per_second).ok()? } else { Duration::ZERO };
        if wait > longest {
            return None;
        }
        (account.reserve, account.pace) = (reserve, pace);
        Some(wait)
    }
}

#[cfg(feature = "telemetry")]
impl RetryBudget {
    /// Returns how many whole retries the reserve holds.
    pub(crate) fn remaining(&self, now: Instant) -> f64 {
        (self.0.account(now).reserve + ROUNDING).floor().max(0.0)
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
        let Terms { reserve, per_second, per_success, refill_every } = self.0.terms;
        f.debug_struct("RetryBudget")
            .field("reserve", &reserve)
            .field("per_second", &per_second)
            .field("per_success", &per_success)
            .field("refill_every", &refill_every)
            .finish()
    }
}

impl Inner {
    /// Returns the account, after adding what successes and time have earned.
    fn account(&self, now: Instant) -> std::sync::MutexGuard<'_, Account> {
        let terms = &self.terms;
        let mut account = self.account.lock().unwrap_or_else(PoisonError::into_inner);
        #[expect(clippy::cast_precision_loss, reason = "nobody makes 2^53 calls between two retries")]
        let earned = self.answered.swap(0, Ordering::Relaxed) as f64 * terms.per_success;
        let passed = now.saturating_duration_since(account.at);
        let by_time = passed.as_secs_f64() / terms.refill_every.as_secs_f64();
        account.reserve = (account.reserve + earned + by_time).min(terms.reserve);
        account.pace = (account.pace + earned + passed.as_secs_f64() * terms.per_second).min(terms.burst());
        account.at = account.at.max(now);
        account
    }
}

impl Terms {
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
