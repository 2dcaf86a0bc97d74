use std::pin::Pin;
use std::task::Context;

use tokio::time::{Instant, Sleep, sleep_until};

use crate::serve::stop::Listening;

/// A timer that is set only when it is looked at, so that a deadline that moves on with every request costs nothing.
#[derive(Debug, Default)]
pub(super) struct Clock {
    sleep: Option<Pin<Box<Sleep>>>,
    listening: Listening,
}

impl Clock {
    pub(super) fn deadline(&self) -> Option<Instant> {
        self.sleep.as_ref().map(|sleep| sleep.deadline())
    }

    pub(super) fn stop(&mut self) {
        if self.sleep.is_some() {
            *self = Self::default();
        }
    }

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
