//! The user's hook for attempts. Its panics are caught, and the first one is logged.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use rpc_core::contain::contain;
use rpc_core::{MaybeSend, MaybeSync};

use super::attempt::AttemptEvent;
use crate::telemetry;

/// The function that is called after each attempt.
#[derive(Clone)]
pub(crate) struct AttemptHook(Arc<AttemptHookInner>);

struct AttemptHookInner {
    has_panicked: AtomicBool,
    function: Box<dyn AttemptHookFn>,
}

trait AttemptHookFn: Fn(&AttemptEvent<'_>) + MaybeSend + MaybeSync {}

impl<F: Fn(&AttemptEvent<'_>) + MaybeSend + MaybeSync> AttemptHookFn for F {}

impl AttemptHook {
    pub(crate) fn new(hook: impl Fn(&AttemptEvent<'_>) + MaybeSend + MaybeSync + 'static) -> Self {
        Self(Arc::new(AttemptHookInner { has_panicked: AtomicBool::new(false), function: Box::new(hook) }))
    }

    /// Calls the function. A panic is caught, because it must not cost the call its answer.
    pub(crate) fn call(&self, event: &AttemptEvent<'_>) {
        let called = contain(|| (self.0.function)(event));
        if called.is_none() && !self.0.has_panicked.swap(true, Ordering::Relaxed) {
            telemetry::hook_panicked();
        }
    }
}
