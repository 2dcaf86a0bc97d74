use std::sync::atomic::{AtomicBool, Ordering};

/// Knows whether a server is about to end, so that nobody sends it new calls.
#[derive(Debug, Default)]
pub(crate) struct Readiness {
    draining: AtomicBool,
}

impl Readiness {
    /// Says that the server is about to end. There is no way back.
    pub(crate) fn set_draining(&self) {
        self.draining.store(true, Ordering::Release);
    }

    pub(crate) fn is_draining(&self) -> bool {
        self.draining.load(Ordering::Acquire)
    }
}
