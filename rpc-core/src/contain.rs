//! Contains panics of user code: hooks, futures, and values that are dropped while requests are answered. Server and
//! client use it. It logs nothing; its callers do.

use std::any::Any;
use std::fmt;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::Pin;
use std::task::{Context, Poll};

/// Runs a hook. Returns `None` if it panics.
///
/// Callers must not use state that the hook may have left half done. Only then is `AssertUnwindSafe` right.
pub fn contain<R>(hook: impl FnOnce() -> R) -> Option<R> {
    catch_unwind(AssertUnwindSafe(hook)).map_err(defuse).ok()
}

/// Drops a panic payload. It can be any value, and its own drop may panic. The payload of that second panic is leaked,
/// because dropping it might panic as well.
pub fn defuse(payload: Box<dyn Any + Send>) {
    if let Err(again) = catch_unwind(AssertUnwindSafe(|| drop(payload))) {
        std::mem::forget(again);
    }
}

/// A value whose drop may panic. Dropping this wrapper contains the panic.
pub struct CatchDropPanic<T>(Option<T>);

impl<T> CatchDropPanic<T> {
    /// Wraps a value.
    pub fn new(value: T) -> Self {
        Self(Some(value))
    }

    /// Returns the value.
    pub fn get(&self) -> Option<&T> {
        self.0.as_ref()
    }

    /// Returns the value mutably.
    pub fn get_mut(&mut self) -> Option<&mut T> {
        self.0.as_mut()
    }
}

impl<F: Future + Unpin> Future for CatchDropPanic<F> {
    type Output = F::Output;

    /// Polls the future. Panics of the future itself are not contained.
    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<F::Output> {
        match &mut self.0 {
            Some(future) => Pin::new(future).poll(cx),
            None => Poll::Pending,
        }
    }
}

impl<T> Unpin for CatchDropPanic<T> {}

impl<T> Drop for CatchDropPanic<T> {
    fn drop(&mut self) {
        contain(|| drop(self.0.take()));
    }
}

impl<T> fmt::Debug for CatchDropPanic<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Contained").finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::{CatchDropPanic, contain};

    struct PanicsOnDrop;

    impl Drop for PanicsOnDrop {
        fn drop(&mut self) {
            panic!("while it was dropped")
        }
    }

    #[test]
    fn a_panic_goes_no_further() {
        drop(CatchDropPanic::new(PanicsOnDrop));
        assert_eq!(contain(|| 1), Some(1));
        assert_eq!(contain(|| panic!("in a hook")), None::<()>);
        // The panic payload is dropped, too.
        assert_eq!(contain(|| std::panic::panic_any(PanicsOnDrop)), None::<()>);
    }

    #[test]
    fn a_panic_while_another_one_unwinds_is_contained() {
        let unwound = contain(|| {
            let _held = CatchDropPanic::new(PanicsOnDrop);
            panic!("first")
        });
        assert_eq!(unwound, None::<()>);
    }
}
