use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering};

/// Says how far a request got, so that one that was given up before it was sent may safely be sent again.
///
/// A transport that says nothing is taken to have sent it.
#[derive(Clone, Debug, Default)]
pub struct Progress(Arc<AtomicU8>);

const UNTOLD: u8 = 0;
const HELD: u8 = 1;
const SENT: u8 = 2;

impl Progress {
    /// Promises to call [`sent`](Self::sent) before a server can have the whole request. Until then it counts as not sent.
    ///
    /// It changes nothing once the request, or a clone of it, was sent.
    pub fn hold(&self) {
        // If it fails, somebody has said more already.
        let _ = self.0.compare_exchange(UNTOLD, HELD, Ordering::AcqRel, Ordering::Acquire);
    }

    /// Says that from now on the server may have the whole request.
    pub fn sent(&self) {
        self.0.store(SENT, Ordering::Release);
    }

    pub(crate) fn is_held(&self) -> bool {
        self.0.load(Ordering::Acquire) == HELD
    }
}

#[cfg(test)]
mod tests {
    use super::Progress;

    #[test]
    fn only_what_is_held_back_by_promise_was_not_sent() {
        let progress = Progress::default();
        assert!(!progress.is_held());
        progress.hold();
        assert!(progress.is_held());
        let clone = progress.clone();
        clone.sent();
        progress.hold();
        assert!(!progress.is_held());
    }
}
