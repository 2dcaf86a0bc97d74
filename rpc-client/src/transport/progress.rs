//! [`Progress`]: how far a request has got. With it, the client can retry a request that timed out before it was sent.
//! It also keeps a transport from sending a request that the client has given up.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU8, Ordering};

/// Reports how far a request got. The client can then safely retry a request that it gave up before it was sent.
///
/// If a transport reports nothing, the client assumes that the request was sent.
#[derive(Clone, Debug, Default)]
pub struct Progress(Arc<ProgressState>);

#[derive(Debug, Default)]
struct ProgressState {
    step: AtomicU8,
    /// Whether the client itself holds the request back: a layer has not passed it on, or it waits for room.
    is_held_back: AtomicBool,
}

const UNTOLD: u8 = 0;
const HELD: u8 = 1;
const SENT: u8 = 2;
const REVOKED: u8 = 3;
const TIMED_OUT: u8 = 4;

impl Progress {
    /// Promises to call [`sent`](Self::sent) before a server can have the whole request. Until then the request counts
    /// as not sent.
    ///
    /// It has no effect once the request, or a clone of it, was sent.
    pub fn hold(&self) {
        // It fails if more was reported already, which then stays.
        let _ = self.0.step.compare_exchange(UNTOLD, HELD, Ordering::AcqRel, Ordering::Acquire);
    }

    /// Reports that from now on the server may have the whole request. Returns `false` if the client has given the
    /// request up and may retry it. The transport must then hold back the rest of the request.
    #[must_use = "a request that was given up must not be sent"]
    pub fn sent(&self) -> bool {
        let next = |state| match state {
            REVOKED => None,
            TIMED_OUT => Some(TIMED_OUT),
            _ => Some(SENT),
        };
        self.0.step.fetch_update(Ordering::AcqRel, Ordering::Acquire, next).is_ok()
    }

    /// Returns whether the server cannot have the whole request yet.
    pub(crate) fn is_held(&self) -> bool {
        self.0.step.load(Ordering::Acquire) == HELD
    }

    /// Takes back the promise of [`hold`](Self::hold), so that only the transport reports when the request is sent.
    /// Returns `false` if the client has given the request up.
    pub(crate) fn release(&self) -> bool {
        match self.0.step.compare_exchange(HELD, UNTOLD, Ordering::AcqRel, Ordering::Acquire) {
            Ok(_) => true,
            Err(state) => state != REVOKED,
        }
    }

    /// Notes that the client itself holds the request back, so that a delay says nothing about the server.
    pub(crate) fn hold_back(&self) {
        self.0.is_held_back.store(true, Ordering::Relaxed);
    }

    /// Notes that the client no longer holds the request back.
    pub(crate) fn let_go(&self) {
        self.0.is_held_back.store(false, Ordering::Relaxed);
    }

    /// Returns whether the client itself holds the request back.
    pub(crate) fn is_held_back(&self) -> bool {
        self.0.is_held_back.load(Ordering::Relaxed)
    }

    /// Notes that the client has stopped waiting for the answer.
    pub(crate) fn time_out(&self) {
        // A request that is held back is revoked instead.
        let next = |state| if state == HELD { None } else { Some(TIMED_OUT) };
        let _ = self.0.step.fetch_update(Ordering::AcqRel, Ordering::Acquire, next);
    }

    /// Returns whether the client gave the request up itself, not because of a failure.
    pub(crate) fn has_timed_out(&self) -> bool {
        matches!(self.0.step.load(Ordering::Acquire), TIMED_OUT | REVOKED)
    }

    /// Gives the request up, and returns whether it is certain that no server ever gets the whole request. It is one
    /// atomic step, since another thread may be about to hand the request to a connection.
    pub(crate) fn revoke(&self) -> bool {
        self.0.step.compare_exchange(HELD, REVOKED, Ordering::AcqRel, Ordering::Acquire).is_ok()
    }
}

#[cfg(test)]
mod tests {
    use super::Progress;

    #[test]
    fn only_what_is_held_back_by_promise_was_not_sent() {
        let progress = Progress::default();
        assert!(!progress.revoke());
        progress.hold();
        let clone = progress.clone();
        assert!(clone.sent());
        progress.hold();
        assert!(!progress.revoke());
    }

    #[test]
    fn a_request_that_timed_out_may_have_been_sent() {
        let progress = Progress::default();
        progress.hold();
        assert!(progress.sent() && !progress.has_timed_out());
        progress.time_out();
        assert!(progress.has_timed_out() && progress.sent() && progress.has_timed_out());
        assert!(!progress.revoke());
    }

    #[test]
    fn what_was_given_up_before_it_was_sent_is_not_sent_any_more() {
        let progress = Progress::default();
        progress.hold();
        assert!(progress.revoke());
        assert!(!progress.sent());
    }
}
