//! [`OrderedQueue`]: the ordered notifications of a session. One runs, and the others wait in the order in which they
//! came.

use std::collections::VecDeque;

use bytes::Bytes;
use rpc_core::RequestContext;

use crate::load::ByteRoom;

/// How many ordered notifications begin in one poll after the first one. Other tasks then have their turn.
pub(super) const ORDERED_AT_A_TIME: usize = 32;

/// The ordered notifications of a session.
#[derive(Default)]
pub(super) struct OrderedQueue {
    /// The key of the notification that runs, among the calls of the session.
    running: Option<usize>,
    waiting: VecDeque<OrderedNotification>,
}

/// A notification that was admitted and has not begun.
pub(super) struct OrderedNotification {
    pub(super) body: Bytes,
    pub(super) context: RequestContext,
    /// The room of its bytes.
    pub(super) room: ByteRoom,
}

impl OrderedQueue {
    /// Returns how many notifications wait.
    pub(super) fn waiting(&self) -> usize {
        self.waiting.len()
    }

    /// Takes a notification that has come. Returns it if none runs, so that it begins.
    pub(super) fn push(&mut self, notification: OrderedNotification) -> Option<OrderedNotification> {
        if self.running.is_none() {
            return Some(notification);
        }
        self.waiting.push_back(notification);
        None
    }

    /// Notes that the notification with this key runs.
    pub(super) fn note_begun(&mut self, key: usize) {
        self.running = Some(key);
    }

    /// Notes that a call of the session has ended. Returns the notification that begins, if it was an ordered one.
    pub(super) fn next_after(&mut self, ended: usize) -> Option<OrderedNotification> {
        if self.running != Some(ended) {
            return None;
        }
        self.running = None;
        let next = self.waiting.pop_front();
        if next.is_none() {
            // An idle session keeps no memory for messages.
            self.waiting = VecDeque::new();
        }
        next
    }
}
