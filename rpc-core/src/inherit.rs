//! The time limit that a handler's calls inherit. [`InheritedTimeLimit`] is thread-local: the server enters it around
//! each poll of a handler, and the client reads it. `scope` carries it to another task.

use std::cell::Cell;
use std::time::{Duration, Instant};

/// How long a handler may run, and with it the calls that it makes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub enum InheritedTimeLimit {
    /// There is no limit.
    #[default]
    Nothing,
    /// This long from now. The handler has only just begun, and the clock has not been read yet.
    Within(Duration),
    /// Until this time.
    Until(Instant),
}

thread_local! {
    static CURRENT: Cell<InheritedTimeLimit> = const { Cell::new(InheritedTimeLimit::Nothing) };
}

impl InheritedTimeLimit {
    /// Sets this as current on this thread until `run` returns.
    #[inline]
    pub fn enter<R>(self, run: impl FnOnce() -> R) -> R {
        let _restore = TimeLimitGuard(CURRENT.replace(self));
        run()
    }

    /// Returns what a call made here and now inherits.
    pub fn current() -> Self {
        CURRENT.get()
    }
}

/// Restores the previous value, even if `run` panics.
struct TimeLimitGuard(InheritedTimeLimit);

impl Drop for TimeLimitGuard {
    #[inline]
    fn drop(&mut self) {
        CURRENT.set(self.0);
    }
}

#[cfg(test)]
mod tests {
    use std::panic::catch_unwind;
    use std::time::Duration;

    use super::InheritedTimeLimit;

    #[test]
    fn what_is_inherited_ends_with_the_handler_whatever_its_end() {
        let (outer, inner) =
            (InheritedTimeLimit::Within(Duration::from_secs(2)), InheritedTimeLimit::Within(Duration::from_secs(1)));
        outer.enter(|| {
            assert!(catch_unwind(|| inner.enter(|| -> () { panic!("of the handler") })).is_err());
            assert_eq!(inner.enter(InheritedTimeLimit::current), inner);
            assert_eq!(InheritedTimeLimit::current(), outer);
        });
        assert_eq!(InheritedTimeLimit::current(), InheritedTimeLimit::Nothing);
    }
}
