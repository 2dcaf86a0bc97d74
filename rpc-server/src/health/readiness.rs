//! Whether a server drains. Each bound address holds a [`ServingAddress`]. The server is draining once all remaining
//! addresses drain. `serve::shutdown` writes it, and the health page and `rpc.health` read it.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

/// Whether a server drains, so that load balancers send it no new calls.
///
/// A server may be bound to several addresses. It does not drain while one of them still serves.
#[derive(Debug, Default)]
pub(crate) struct Readiness {
    serving: AtomicUsize,
    draining: AtomicUsize,
}

impl Readiness {
    pub(crate) fn is_draining(&self) -> bool {
        self.draining.load(Ordering::Acquire) > 0 && self.serving.load(Ordering::Acquire) == 0
    }
}

/// Counts an address as serving until it drains, and as draining until this is dropped.
#[derive(Debug)]
pub(crate) struct ServingAddress {
    readiness: Arc<Readiness>,
    draining: AtomicBool,
}

impl ServingAddress {
    pub(crate) fn begin(readiness: &Arc<Readiness>) -> Self {
        readiness.serving.fetch_add(1, Ordering::AcqRel);
        Self { readiness: Arc::clone(readiness), draining: AtomicBool::new(false) }
    }

    /// Marks this address as draining.
    pub(crate) fn drain(&self) {
        if !self.draining.swap(true, Ordering::AcqRel) {
            self.readiness.draining.fetch_add(1, Ordering::AcqRel);
            self.readiness.serving.fetch_sub(1, Ordering::AcqRel);
        }
    }
}

impl Drop for ServingAddress {
    fn drop(&mut self) {
        let counted = if *self.draining.get_mut() { &self.readiness.draining } else { &self.readiness.serving };
        counted.fetch_sub(1, Ordering::AcqRel);
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::{Readiness, ServingAddress};

    #[test]
    fn a_server_ends_with_the_last_of_its_addresses() {
        let readiness = Arc::new(Readiness::default());
        let (one, other) = (ServingAddress::begin(&readiness), ServingAddress::begin(&readiness));
        one.drain();
        assert!(!readiness.is_draining());
        other.drain();
        other.drain();
        assert!(readiness.is_draining());
        drop((one, other));
        assert!(!readiness.is_draining());
    }

    #[test]
    fn an_address_that_is_cut_off_is_not_served() {
        let readiness = Arc::new(Readiness::default());
        drop(ServingAddress::begin(&readiness));
        let again = ServingAddress::begin(&readiness);
        again.drain();
        assert!(readiness.is_draining());
    }
}
