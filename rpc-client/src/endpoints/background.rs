//! [`BackgroundTask`]: a task of a client that starts where there is a runtime, and ends with the client.

use std::pin::pin;
use std::sync::atomic::{AtomicU8, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use futures_util::future::{Either, select};
use tokio::sync::oneshot;

use crate::runtime::{is_here, spawn};

/// A task that runs while this value exists. If its runtime ends, [`start`](Self::start) runs it again.
#[derive(Debug, Default)]
pub(super) struct BackgroundTask {
    /// One of the states below.
    state: Arc<AtomicU8>,
    /// Dropped with this value, which ends the task.
    alive: Mutex<Option<oneshot::Sender<()>>>,
}

/// No task runs, and the next call starts one.
const STOPPED: u8 = 0;
const RUNNING: u8 = 1;
/// The task is complete, so there is nothing to run.
const ENDED: u8 = 2;

impl BackgroundTask {
    /// Starts the task, unless it runs already or there is no runtime here.
    #[inline]
    pub(super) fn start<F>(&self, run: impl FnOnce() -> F)
    where
        F: Future<Output = ()> + Send + 'static,
    {
        if self.state.load(Ordering::Acquire) == STOPPED {
            self.spawn(run);
        }
    }

    #[cold]
    fn spawn<F>(&self, run: impl FnOnce() -> F)
    where
        F: Future<Output = ()> + Send + 'static,
    {
        if !is_here() || self.state.compare_exchange(STOPPED, RUNNING, Ordering::AcqRel, Ordering::Acquire).is_err() {
            return;
        }
        let (alive, dropped) = oneshot::channel();
        *self.alive.lock().unwrap_or_else(PoisonError::into_inner) = Some(alive);
        let (running, run) = (RunningGuard(Arc::clone(&self.state)), run());
        spawn(async move {
            if let Either::Right(_) = select(dropped, pin!(run)).await {
                running.0.store(ENDED, Ordering::Release);
            }
        });
    }
}

/// Allows another task to be started once the task of this guard is gone, whatever ended it.
struct RunningGuard(Arc<AtomicU8>);

impl Drop for RunningGuard {
    fn drop(&mut self) {
        // The task may be complete.
        let _ = self.0.compare_exchange(RUNNING, STOPPED, Ordering::AcqRel, Ordering::Acquire);
    }
}
