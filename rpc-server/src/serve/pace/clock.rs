//! A lazy timer. Moving its deadline costs nothing until the connection has nothing else to do.

use std::pin::Pin;
use std::task::{Context, Waker};

use tokio::time::{Instant, Sleep, sleep_until};

/// A timer that is set only when it is looked at, so that a deadline that moves on with every request costs nothing.
#[derive(Debug, Default)]
pub(super) struct Clock {
    sleep: Option<Pin<Box<Sleep>>>,
    listening: Listening,
}

impl Clock {
    /// Returns when it strikes, if it is set.
    pub(super) fn deadline(&self) -> Option<Instant> {
        self.sleep.as_ref().map(|sleep| sleep.deadline())
    }

    /// Tells whether it is running.
    pub(super) fn is_set(&self) -> bool {
        self.sleep.is_some()
    }

    /// Wakes the task, unless the clock is going to.
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

    /// Tells whether it is past the deadline, and wakes the task once it is.
    pub(super) fn has_struck(&mut self, cx: &mut Context<'_>, deadline: Instant) -> bool {
        let sleep = self.sleep.get_or_insert_with(|| Box::pin(sleep_until(deadline)));
        let earlier = deadline < sleep.deadline();
        if earlier {
            sleep.as_mut().reset(deadline);
        }
        // A timer that wakes this task already is left alone until it has struck.
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

/// Knows which waker is registered with a future that is woken once, so that the future need not be polled again each
/// time that its task is woken by something else.
#[derive(Debug, Default)]
struct Listening(Option<Waker>);

impl Listening {
    /// Tells whether the waker still has to be registered, and takes it that it will be.
    fn begins(&mut self, cx: &Context<'_>) -> bool {
        let current = self.0.as_ref().is_some_and(|waker| waker.will_wake(cx.waker()));
        if !current {
            self.0 = Some(cx.waker().clone());
        }
        !current
    }
}
