use std::sync::atomic::{AtomicUsize, Ordering};

/// Counts the calls that run.
#[derive(Debug)]
pub(super) struct InFlight {
    free: AtomicUsize,
}

impl InFlight {
    pub(super) fn new(limit: usize) -> Self {
        Self { free: AtomicUsize::new(limit) }
    }

    /// Takes room for so many calls, or none at all.
    pub(super) fn try_acquire(&self, calls: usize) -> Option<Permit<'_>> {
        // The counter guards no other memory, so no order is needed beyond its own.
        self.free
            .fetch_update(Ordering::Relaxed, Ordering::Relaxed, |free| free.checked_sub(calls))
            .ok()
            .map(|_| Permit { in_flight: self, calls })
    }
}

/// Gives the room back when dropped, also when the request is.
pub(super) struct Permit<'a> {
    in_flight: &'a InFlight,
    calls: usize,
}

impl Drop for Permit<'_> {
    fn drop(&mut self) {
        self.in_flight.free.fetch_add(self.calls, Ordering::Relaxed);
    }
}
