//! [`SharedState`]: the state of a connection, which its handles share with the task that owns the pipe. It is also
//! what sends calls to the peer of a session.

use std::sync::{Mutex, PoisonError};
use std::task::{Context, Poll};

use bytes::Bytes;
use rpc_core::{Outbound, SessionProtocol};

use super::pipe::PipeEnd;
use super::state::State;
use crate::call_numbers::CallNumbers;

/// The state of a connection behind its lock.
#[derive(Debug)]
pub(super) struct SharedState {
    state: Mutex<State>,
    /// The numbers of calls that are made through the peer of a session.
    peer_calls: CallNumbers,
}

impl SharedState {
    /// Makes the state of a connection that begins. Calls through its peer have these numbers.
    pub(super) fn new(protocol: SessionProtocol, peer_calls: CallNumbers) -> Self {
        Self { state: Mutex::new(State::new(protocol)), peer_calls }
    }

    pub(super) fn peer_calls(&self) -> &CallNumbers {
        &self.peer_calls
    }

    /// Reads or changes the state, from the task that owns the pipe.
    pub(super) fn with<T>(&self, change: impl FnOnce(&mut State) -> T) -> T {
        change(&mut self.state.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Changes the state, and wakes the task that owns the pipe.
    pub(super) fn change<T>(&self, change: impl FnOnce(&mut State) -> T) -> T {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        let changed = change(&mut state);
        let driver = state.take_driver();
        // The task takes the lock.
        drop(state);
        if let Some(driver) = driver {
            driver.wake();
        }
        changed
    }
}

impl Outbound for SharedState {
    fn receive(&self, message: &Bytes) -> bool {
        self.with(|state| state.receive(message))
    }

    fn poll_message(&self, cx: &mut Context<'_>, output: &mut Vec<u8>) -> Poll<()> {
        self.with(|state| {
            // The waker is kept before the queue is looked at, so that no later request is missed.
            state.register(cx.waker());
            let Some(message) = state.next_output() else { return Poll::Pending };
            output.extend_from_slice(&message);
            // The transport has room for the message, and does not report when it has left.
            state.flushed();
            Poll::Ready(())
        })
    }

    fn end(&self) {
        self.with(|state| state.end(PipeEnd::failed("the session has ended")));
    }
}
