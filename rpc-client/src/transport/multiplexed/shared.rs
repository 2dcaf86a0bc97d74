//! [`SharedState`]: the state of a connection, which its handle shares with the task that owns the pipe.

use std::sync::{Mutex, PoisonError};

use rpc_core::SessionProtocol;

use super::state::State;

/// The state of a connection behind its lock.
#[derive(Debug)]
pub(super) struct SharedState(Mutex<State>);

impl SharedState {
    pub(super) fn new(protocol: SessionProtocol) -> Self {
        Self(Mutex::new(State::new(protocol)))
    }

    /// Reads or changes the state, from the task that owns the pipe.
    pub(super) fn with<T>(&self, change: impl FnOnce(&mut State) -> T) -> T {
        change(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Changes the state, and wakes the task that owns the pipe.
    pub(super) fn change<T>(&self, change: impl FnOnce(&mut State) -> T) -> T {
        let mut state = self.0.lock().unwrap_or_else(PoisonError::into_inner);
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
