//! The time limit that a handler's calls inherit. [`Inherited`] is thread-local: the server enters it around each poll
//! of a handler, and the client reads it. `scope` carries it to another task.

use std::cell::Cell;
use std::time::{Duration, Instant};

/// How long a handler may run, and with it the calls that it makes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub enum Inherited {
    /// There is no limit.
    #[default]
    Nothing,
    /// This long from now. The handler has only just begun, and the clock has not been read yet.
    Within(Duration),
    /// Until this time.
    Until(Instant),
}

thread_local! {
    static CURRENT: Cell<Inherited> = const { Cell::new(Inherited::Nothing) };
}

impl Inherited {
    /// Sets this as current on this thread until `run` returns.
    #[inline]
    pub fn enter<R>(self, run: impl FnOnce() -> R) -> R {
        let _restore = Restore(CURRENT.replace(self));
        run()
    }

    /// Returns what a call made here and now inherits.
    pub fn current() -> Self {
        CURRENT.get()
    }
}

/// Restores the previous value, even if `run` panics.
struct Restore(Inherited);

impl Drop for Restore {
    #[inline]
    fn drop(&mut self) {
        CURRENT.set(self.0);
    }
}

#[cfg(test)]
mod tests {
    use std::panic::catch_unwind;
    use std::time::Duration;

    use super::Inherited;

    #[test]
    fn what_is_inherited_ends_with_the_handler_whatever_its_end() {
        let (outer, inner) = (Inherited::Within(Duration::from_secs(2)), Inherited::Within(Duration::from_secs(1)));
        outer.enter(|| {
            assert!(catch_unwind(|| inner.enter(|| -> () { panic!("of the handler") })).is_err());
            assert_eq!(inner.enter(Inherited::current), inner);
            assert_eq!(Inherited::current(), outer);
        });
        assert_eq!(Inherited::current(), Inherited::Nothing);
    }
}
