//! [`Quota`]: a lock-free counter of the remaining amount of a limited resource. `in_flight` counts calls with it, and
//! `load` counts bytes and calls. Nothing waits here: taking more than is left fails.

use std::sync::atomic::{AtomicIsize, Ordering};

/// The remaining amount of a limited resource, such as bytes or calls.
///
/// Callers never wait for it, since the server rejects what exceeds it. So it is a number and not a semaphore, which
/// would cost a lock.
///
/// The number is negative while it is overdrawn for calls or answers that can no longer be rejected.
#[derive(Debug)]
pub(crate) struct Quota(AtomicIsize);

impl Quota {
    pub(crate) fn new(amount: usize) -> Self {
        Self(AtomicIsize::new(signed(amount)))
    }

    /// Takes an amount until the guard is dropped, or fails if less is left.
    pub(crate) fn take(&self, amount: usize) -> Result<QuotaGuard<'_>, QuotaExhausted> {
        self.take_leaving(amount, 0)?;
        Ok(QuotaGuard { quota: self, amount })
    }

    /// Takes an amount if at least `rest` is left then. The caller has to return it.
    #[inline]
    pub(crate) fn take_leaving(&self, amount: usize, rest: usize) -> Result<(), QuotaExhausted> {
        let (wanted, rest) = (signed(amount), signed(rest));
        let less = |left: isize| (left.saturating_sub(wanted) >= rest).then(|| left - wanted);
        let left = self.0.fetch_update(Ordering::Relaxed, Ordering::Relaxed, less);
        left.map(drop).map_err(|_| QuotaExhausted)
    }

    /// Takes up to this amount and leaves at least `rest`. Returns how much it took. The caller has to return it.
    pub(crate) fn take_up_to(&self, amount: usize, rest: usize) -> usize {
        let part = |left: isize| left.saturating_sub(signed(rest)).max(0).min(signed(amount));
        let left = self.0.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |left| Some(left - part(left)));
        left.map_or(0, |left| part(left).unsigned_abs())
    }

    /// Takes an amount even if less is left. Until enough is returned, all other attempts fail.
    pub(crate) fn overdraw(&self, amount: usize) {
        self.0.fetch_sub(signed(amount), Ordering::Relaxed);
    }

    /// Returns how much is left, or zero if it is overdrawn.
    pub(crate) fn left(&self) -> usize {
        self.0.load(Ordering::Relaxed).max(0).unsigned_abs()
    }

    /// Returns whether more is taken than the quota has.
    pub(crate) fn is_overdrawn(&self) -> bool {
        self.0.load(Ordering::Relaxed) < 0
    }

    /// Returns whether nothing is left.
    pub(crate) fn is_exhausted(&self) -> bool {
        self.0.load(Ordering::Relaxed) <= 0
    }

    pub(crate) fn give_back(&self, amount: usize) {
        self.0.fetch_add(signed(amount), Ordering::Relaxed);
    }
}

fn signed(amount: usize) -> isize {
    isize::try_from(amount).unwrap_or(isize::MAX)
}

/// The error for a quota that has too little left.
#[derive(Debug)]
pub(crate) struct QuotaExhausted;

/// An amount taken from a quota. It is returned when this is dropped.
#[derive(Debug)]
pub(crate) struct QuotaGuard<'a> {
    quota: &'a Quota,
    amount: usize,
}

impl Drop for QuotaGuard<'_> {
    fn drop(&mut self) {
        self.quota.give_back(self.amount);
    }
}

#[cfg(test)]
mod tests {
    use super::Quota;

    #[test]
    fn what_is_taken_is_given_back() {
        let quota = Quota::new(10);
        let taken = [quota.take(4).unwrap(), quota.take(6).unwrap()];
        assert!(quota.take(1).is_err());
        drop(taken);
        assert!(quota.take(11).is_err() && quota.take(10).is_ok());
    }

    #[test]
    fn a_rest_is_left_to_others() {
        let quota = Quota::new(10);
        assert!(quota.take_leaving(7, 4).is_err());
        quota.take_leaving(6, 4).unwrap();
        assert!(quota.take_leaving(1, 4).is_err() && quota.take(4).is_ok() && quota.take(5).is_err());
        quota.give_back(6);
        assert!(quota.take(10).is_ok());
    }

    #[test]
    fn what_is_overdrawn_is_given_back_before_others_get_any() {
        let quota = Quota::new(1);
        let taken = quota.take(1).unwrap();
        quota.overdraw(1);
        drop(taken);
        assert!(quota.is_exhausted() && !quota.is_overdrawn() && quota.take(1).is_err());
        quota.overdraw(1);
        assert!(quota.is_overdrawn() && quota.is_exhausted() && quota.take_up_to(1, 0) == 0 && quota.take(0).is_err());
        quota.give_back(2);
        assert!(quota.take(1).is_ok());
    }

    #[test]
    fn what_is_taken_without_a_limit_is_no_more_than_is_left() {
        let quota = Quota::new(10);
        assert_eq!((quota.take_up_to(7, 0), quota.take_up_to(8, 2), quota.take_up_to(8, 2)), (7, 1, 0));
        assert_eq!((quota.left(), quota.take_up_to(8, 0), quota.take_up_to(8, 0)), (2, 2, 0));
        quota.give_back(10);
        assert!(quota.take(10).is_ok());
    }
}
