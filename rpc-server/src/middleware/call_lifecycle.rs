//! The state of a layered call: an atomic word with named transitions. It decides races between layers that refuse the
//! call and handlers that begin. `HandlerFuture` and the outermost stage write it; clones of a request share it. It
//! starts and stops nothing.

use std::sync::atomic::{AtomicUsize, Ordering};

/// Whether a layered call was refused, and how many of its handlers run. The clones of its request share it: layers may
/// send several of them on, also from other tasks.
///
/// ```text
///              begin_handler               begin_handler: unended + 1
///     New ────────────────────▶ Begun {unended} ⟲
///      │                                   end_handler: unended - 1
///      │ refuse
///      ▼
///   Refused ⟲ refuse
/// ```
///
/// [`begin_handler`](Self::begin_handler) fails once the call is refused. [`refuse`](Self::refuse) fails once a handler
/// has begun. [`end_call`](Self::end_call) is valid in each state, and changes nothing else.
///
/// What calls the transitions:
///
/// - `HandlerFuture` calls `begin_handler` before it starts the handler, and `end_handler` when the handler has
///   answered. A handler that panics, or that is dropped with its `HandlerFuture`, never ends: its outcome is unknown.
/// - The outermost stage refuses the call when its layers answer with a refusal. Then it checks whether all handlers
///   have ended.
/// - The outermost stage ends the call when the server drops it with all of its layers.
///
/// The consequences for layers:
///
/// - A layer sends several clones: each clone begins a handler of its own.
/// - A layer refuses before it sends a clone: the response proves that no handler sees the call. So a clone that the
///   layer sends later is refused as well.
/// - A layer refuses after it has sent a clone: the refusal is an error like any other.
/// - A layer times out, or drops what it has sent for another reason: a handler with an effect continues by itself. An
///   error that the layer answers with does not tell the handler's outcome.
/// - A layer panics: the same holds, and the server answers the call with an internal error.
/// - The server drops a layer because the time limit of the handler is over: the handler is dropped with it.
#[derive(Debug, Default)]
pub(super) struct CallLifecycle(AtomicUsize);

/// The call was refused. The response proves that no handler sees the call, so none may begin.
const REFUSED: usize = 1;
/// A handler has begun.
const BEGUN: usize = 1 << 1;
/// The server has ended the call.
const ENDED: usize = 1 << 2;
/// One handler that has not ended. The upper bits hold the number of such handlers.
const UNENDED: usize = 1 << 3;

impl CallLifecycle {
    /// Notes that a handler begins. Returns false if the call was refused before.
    #[must_use]
    pub(super) fn begin_handler(&self) -> bool {
        self.change(|state| (state & REFUSED == 0).then(|| (state | BEGUN) + UNENDED))
    }

    /// Notes that a handler has ended.
    pub(super) fn end_handler(&self) {
        self.0.fetch_sub(UNENDED, Ordering::Relaxed);
    }

    /// Returns whether a handler has begun and its outcome is not known.
    pub(super) fn has_unended_handler(&self) -> bool {
        self.0.load(Ordering::Relaxed) >= UNENDED
    }

    /// Refuses the call. Returns false if a handler has begun before.
    #[must_use]
    pub(super) fn refuse(&self) -> bool {
        self.change(|state| (state & BEGUN == 0).then_some(state | REFUSED))
    }

    /// Notes that the server has ended the call, so that no handler of it continues.
    pub(super) fn end_call(&self) {
        self.0.fetch_or(ENDED, Ordering::Relaxed);
    }

    /// Returns whether the server has ended the call.
    pub(super) fn is_ended(&self) -> bool {
        self.0.load(Ordering::Relaxed) & ENDED != 0
    }

    fn change(&self, change: impl Fn(usize) -> Option<usize>) -> bool {
        self.0.fetch_update(Ordering::Relaxed, Ordering::Relaxed, change).is_ok()
    }
}

#[cfg(test)]
mod tests {
    use super::CallLifecycle;

    #[test]
    fn a_refused_call_begins_no_handler() {
        let life = CallLifecycle::default();
        assert!(life.refuse());
        assert!(!life.begin_handler());
        assert!(!life.has_unended_handler());
        assert!(life.refuse(), "a second refusal changes nothing");
    }

    #[test]
    fn a_call_is_not_refused_once_a_handler_was_begun_even_if_it_has_ended() {
        let life = CallLifecycle::default();
        assert!(life.begin_handler());
        assert!(!life.refuse());
        life.end_handler();
        assert!(!life.refuse());
        assert!(life.begin_handler(), "a layer may send another clone");
    }

    #[test]
    fn handlers_are_unended_until_the_last_of_them_has_ended() {
        let life = CallLifecycle::default();
        assert!(!life.has_unended_handler());
        assert!(life.begin_handler() && life.begin_handler());
        life.end_handler();
        assert!(life.has_unended_handler());
        life.end_handler();
        assert!(!life.has_unended_handler());
    }

    #[test]
    fn the_end_of_a_call_changes_nothing_else() {
        let life = CallLifecycle::default();
        assert!(!life.is_ended());
        assert!(life.begin_handler());
        life.end_call();
        assert!(life.is_ended() && life.has_unended_handler() && !life.refuse());
        life.end_handler();
        assert!(life.is_ended() && !life.has_unended_handler());

        let refused = CallLifecycle::default();
        refused.end_call();
        assert!(refused.refuse() && !refused.begin_handler() && refused.is_ended());
    }

    #[test]
    fn of_a_refusal_and_a_handler_that_race_one_wins() {
        for _ in 0..200 {
            let life = CallLifecycle::default();
            let (refused, begun) = std::thread::scope(|scope| {
                let refused = scope.spawn(|| life.refuse());
                let begun = scope.spawn(|| life.begin_handler());
                (refused.join().unwrap(), begun.join().unwrap())
            });
            assert!(refused != begun);
        }
    }
}
