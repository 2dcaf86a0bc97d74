//! [`PortShared`]: what the two ends of a stream share, the items that wait and how the handler has ended.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context as TaskContext, Poll, Waker};

use rpc_core::{ErrorObject, Lag, StreamEnd};

use super::form::ItemForm;
use super::item_writer::ItemWriter;
use super::queue::{EncodedItem, ItemQueue, TakenItem};
use crate::load::ConnectionLoad;

/// What the two ends of a stream share.
#[derive(Debug)]
pub(super) struct PortShared {
    state: Mutex<PortState>,
    /// The maximum size of an item, in bytes.
    limit: usize,
}

#[derive(Debug)]
struct PortState {
    is_accepted: bool,
    queue: ItemQueue,
    /// How the handler has ended, if it runs on a task of its own.
    ended: Option<Result<(), ErrorObject>>,
    /// The waker of the transport, if the handler runs on a task of its own.
    reader: Option<Waker>,
}

impl PortShared {
    pub(super) fn new(lag: Lag, limit: usize, load: &Arc<ConnectionLoad>) -> Arc<Self> {
        let state = PortState { is_accepted: false, queue: ItemQueue::new(lag, load), ended: None, reader: None };
        Arc::new(Self { state: Mutex::new(state), limit })
    }

    fn state(&self) -> MutexGuard<'_, PortState> {
        // The user's code may panic while it writes an item. The item is lost then, and the stream ends.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn accept(&self) {
        self.state().is_accepted = true;
    }

    pub(super) fn is_accepted(&self) -> bool {
        self.state().is_accepted
    }

    /// Writes an item into the queue. Returns whether the handler must not be asked for another one now.
    #[inline]
    pub(super) fn push<I, F: ItemForm<I>>(&self, item: I, form: F) -> Result<bool, ErrorObject> {
        let mut encoded = EncodedItem { text: self.state().queue.buffer(), cursor: None, is_after_gap: false };
        // User code writes the item, so it must not run under the lock.
        form.write(item, &mut ItemWriter { item: &mut encoded, limit: self.limit })?;
        self.push_encoded(encoded)
    }

    fn push_encoded(&self, item: EncodedItem) -> Result<bool, ErrorObject> {
        let mut state = self.state();
        state.queue.push(item);
        let reader = state.reader.take();
        let (is_full, is_overrun) = (state.queue.is_full(), state.queue.is_overrun());
        drop(state);
        if let Some(reader) = reader {
            reader.wake();
        }
        if is_overrun { Err(StreamEnd::Lagged.to_error_object()) } else { Ok(is_full) }
    }

    /// Passes the next item to `write`, which must not run user code. Returns `None` if there is none.
    pub(super) fn pop<R>(&self, write: impl FnOnce(&TakenItem) -> R) -> Option<R> {
        self.state().queue.pop_into(write)
    }

    /// Records how a handler on a task of its own has ended.
    pub(super) fn end(&self, result: Result<(), ErrorObject>) {
        let mut state = self.state();
        state.ended = Some(result);
        let reader = state.reader.take();
        drop(state);
        if let Some(reader) = reader {
            reader.wake();
        }
    }

    /// Passes the next item of a handler on a task of its own to `write`, which must not run user code. Returns the
    /// result with which the handler has ended, if it has.
    pub(super) fn poll_pop<R>(
        &self,
        cx: &mut TaskContext<'_>,
        write: impl FnOnce(&TakenItem) -> R,
    ) -> Poll<Result<R, Result<(), ErrorObject>>> {
        let mut state = self.state();
        if let Some(written) = state.queue.pop_into(write) {
            return Poll::Ready(Ok(written));
        }
        if let Some(ended) = state.ended.take() {
            return Poll::Ready(Err(ended));
        }
        match &mut state.reader {
            Some(reader) => reader.clone_from(cx.waker()),
            reader => *reader = Some(cx.waker().clone()),
        }
        Poll::Pending
    }
}
