//! A lazy timer. Moving its deadline costs nothing until the connection has nothing else to do.

use std::pin::Pin;
use std::task::Context;

use tokio::time::{Instant, Sleep, sleep_until};

use crate::registered_waker::RegisteredWaker;

/// A timer that is set only when it is polled, so that a deadline that moves with every request costs nothing.
#[derive(Debug, Default)]
pub(crate) struct LazyTimer {
    sleep: Option<Pin<Box<Sleep>>>,
    listening: RegisteredWaker,
}

impl LazyTimer {
    /// Returns when the timer fires, if it is set.
    pub(crate) fn deadline(&self) -> Option<Instant> {
        self.sleep.as_ref().map(|sleep| sleep.deadline())
    }

    /// Returns whether the timer is set.
    pub(crate) fn is_set(&self) -> bool {
        self.sleep.is_some()
    }

    /// Wakes the task, unless the timer will.
    pub(crate) fn wake_unless_set(&self, cx: &Context<'_>) {
        if self.sleep.as_ref().is_none_or(|sleep| sleep.is_elapsed()) {
            cx.waker().wake_by_ref();
        }
    }

    pub(crate) fn stop(&mut self) {
        if self.sleep.is_some() {
            *self = Self::default();
        }
    }

    /// Returns whether the deadline has passed, and otherwise wakes the task once it has.
    pub(crate) fn has_struck(&mut self, cx: &mut Context<'_>, deadline: Instant) -> bool {
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
