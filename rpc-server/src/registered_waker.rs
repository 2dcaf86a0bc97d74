//! [`RegisteredWaker`]: the waker that is registered with a future.

use std::task::{Context, Waker};

/// The waker that is registered with a future. It saves polling that future again whenever something else wakes the
/// task.
#[derive(Debug, Default)]
pub(crate) struct RegisteredWaker(Option<Waker>);

impl RegisteredWaker {
    /// Returns whether the caller has to register the waker, and records it as registered.
    #[inline]
    pub(crate) fn begins(&mut self, cx: &Context<'_>) -> bool {
        let current = self.0.as_ref().is_some_and(|waker| waker.will_wake(cx.waker()));
        if !current {
            self.0 = Some(cx.waker().clone());
        }
        !current
    }
}
