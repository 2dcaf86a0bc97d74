//! What the caller of a coalesced call shares with the request that carries the call: [`JoinedCall`] takes the answer,
//! and [`JoinedRequest`] counts the callers that still wait.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering, fence};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::task::{Context, Poll, Waker};

use crate::error::AnswerResult;
use crate::runtime::AbortHandle;

/// A call that may share a request with calls of other callers.
#[derive(Default)]
pub(crate) struct JoinedCall {
    state: Mutex<JoinedState>,
    /// The request that carries the call, once the call has left.
    request: OnceLock<Arc<JoinedRequest>>,
}

#[derive(Default)]
struct JoinedState {
    answer: Option<AnswerResult>,
    is_answered: bool,
    /// Whether the caller must look at the call's place among the gathered calls.
    is_notified: bool,
    /// Whether the caller has gone.
    is_abandoned: bool,
    /// Whether a delivery of its own retries the call.
    is_split_off: bool,
    waker: Option<Waker>,
}

/// What a caller learns while it waits.
pub(crate) enum JoinedEvent {
    Answered(AnswerResult),
    /// The call's place among the gathered calls may have changed.
    Notified,
}

impl JoinedCall {
    /// Hands the answer to the caller. The first answer counts.
    pub(crate) fn answer(&self, answer: impl FnOnce() -> AnswerResult) {
        let mut state = self.lock();
        if !state.is_answered {
            (state.is_answered, state.answer) = (true, Some(answer()));
            wake(state);
        }
    }

    /// Makes the caller look at the call's place.
    pub(crate) fn notify(&self) {
        let mut state = self.lock();
        state.is_notified = true;
        wake(state);
    }

    pub(crate) fn poll(&self, cx: &mut Context<'_>) -> Poll<JoinedEvent> {
        let mut state = self.lock();
        if let Some(answer) = state.answer.take() {
            return Poll::Ready(JoinedEvent::Answered(answer));
        }
        if std::mem::take(&mut state.is_notified) {
            return Poll::Ready(JoinedEvent::Notified);
        }
        let is_same = state.waker.as_ref().is_some_and(|waker| waker.will_wake(cx.waker()));
        let old = if is_same { None } else { state.waker.replace(cx.waker().clone()) };
        // Dropping a waker may run code of the executor, and of a task that it keeps.
        drop(state);
        drop(old);
        Poll::Pending
    }

    /// Notes that the caller has gone, so that the call is not retried.
    pub(crate) fn abandon(&self) {
        self.lock().is_abandoned = true;
    }

    pub(crate) fn is_abandoned(&self) -> bool {
        self.lock().is_abandoned
    }

    /// Returns whether the call has its answer.
    pub(crate) fn is_answered(&self) -> bool {
        self.lock().is_answered
    }

    /// Notes that the call has left its request, and is retried by a delivery of its own.
    pub(crate) fn split_off(&self) {
        self.lock().is_split_off = true;
    }

    /// Returns whether a delivery of its own retries the call.
    pub(crate) fn is_split_off(&self) -> bool {
        self.lock().is_split_off
    }

    /// Puts the call into a request.
    pub(crate) fn join(&self, request: &Arc<JoinedRequest>) {
        let joined = self.request.set(Arc::clone(request));
        debug_assert!(joined.is_ok(), "a call leaves once");
    }

    /// Returns the request that carries the call, if the call has left.
    pub(crate) fn request(&self) -> Option<&Arc<JoinedRequest>> {
        self.request.get()
    }

    fn lock(&self) -> MutexGuard<'_, JoinedState> {
        // Only the waker of the caller's executor runs while the lock is held, to be cloned.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Wakes the caller after it has released the lock, since a waker may run code of the executor.
fn wake(mut state: MutexGuard<'_, JoinedState>) {
    let waker = state.waker.take();
    drop(state);
    if let Some(waker) = waker {
        waker.wake();
    }
}

/// A request that carries gathered calls. It runs in a task of its own.
pub(crate) struct JoinedRequest {
    /// The number of callers that still wait.
    waiting: AtomicUsize,
    /// Whether it takes one of the slots of its lane.
    has_slot: AtomicBool,
    task: OnceLock<AbortHandle>,
}

impl JoinedRequest {
    pub(crate) fn new(calls: usize, has_slot: bool) -> Self {
        Self { waiting: AtomicUsize::new(calls), has_slot: AtomicBool::new(has_slot), task: OnceLock::new() }
    }

    /// Sets the task that runs the request.
    pub(crate) fn run_by(&self, task: AbortHandle) {
        let set = self.task.set(task);
        debug_assert!(set.is_ok(), "a request has one task");
        // The last caller may have gone before the task was set. Of this function and `leave`, at least one sees what
        // the other has done.
        fence(Ordering::SeqCst);
        if self.waiting.load(Ordering::SeqCst) == 0 {
            self.abort();
        }
    }

    fn abort(&self) {
        if let Some(task) = self.task.get() {
            task.abort();
        }
    }

    /// Notes that a caller has gone, with or without an answer. The last one cancels the request. That does nothing if
    /// the request has ended.
    pub(crate) fn leave(&self) {
        if self.waiting.fetch_sub(1, Ordering::SeqCst) == 1 {
            fence(Ordering::SeqCst);
            self.abort();
        }
    }

    /// Returns whether the request had a slot, which the caller of this function gives back.
    pub(crate) fn take_slot(&self) -> bool {
        self.has_slot.swap(false, Ordering::AcqRel)
    }
}
