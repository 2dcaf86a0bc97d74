//! A lazy timer. Moving its deadline costs nothing until the connection has nothing else to do.

use std::pin::Pin;
use std::task::{Context, Waker};

use tokio::time::{Instant, Sleep, sleep_until};

/// A timer that is set only when it is polled, so that a deadline that moves with every request costs nothing.
#[derive(Debug, Default)]
pub(super) struct LazyTimer {
    sleep: Option<Pin<Box<Sleep>>>,
    listening: RegisteredWaker,
}

impl LazyTimer {
    /// Returns when the timer fires, if it is set.
    pub(super) fn deadline(&self) -> Option<Instant> {
        self.sleep.as_ref().map(|sleep| sleep.deadline())
    }

    /// Returns whether the timer is set.
    pub(super) fn is_set(&self) -> bool {
        self.sleep.is_some()
    }

    /// Wakes the task, unless the timer will.
    pub(super) fn wake_unless_set(&self, cx: &Context<'_>) {
        if self.sleep.as_ref().is_none_or(|sleep| sleep.is_elapsed()) {
            cx.waker().wake_by_ref();
        }
    }

    pub(super) fn stop(&mut self) {
        if self.sleep.is_some() {
            *self = Self::default();
        }
    }

    /// Returns whether the deadline has passed, and otherwise wakes the task once it has.
    pub(super) fn has_struck(&mut self, cx: &mut Context<'_>, deadline: Instant) -> bool {
        let sleep = self.sleep.get_or_insert_with(|| Box::pin(sleep_until(deadline)));
        let earlier = deadline < sleep.deadline();
        if earlier {
            sleep.as_mut().reset(deadline);
        }
        // A timer that already wakes this task is not polled again until it has fired.
        if !self.listening.begins(cx) && !earlier && !sleep.is_elapsed() {
            return false;
        }
        while sleep.as_mut().poll(cx).is_ready() {
            if sleep.deadline() >= deadline {
                return true;
            }
            sleep.as_mut().reset(deadline);
        }
        false
    }
}

/// The waker that is registered with a future. It saves polling that future again whenever something else wakes the
/// task.
#[derive(Debug, Default)]
struct RegisteredWaker(Option<Waker>);

impl RegisteredWaker {
    /// Returns whether the caller has to register the waker, and records it as registered.
    fn begins(&mut self, cx: &Context<'_>) -> bool {
        let current = self.0.as_ref().is_some_and(|waker| waker.will_wake(cx.waker()));
        if !current {
            self.0 = Some(cx.waker().clone());
        }
        !current
    }
}
