//! The user's hooks, run when a server becomes ready and before it drains. They run concurrently, and their panics are
//! contained. `shutdown` decides when they run.

use std::convert::Infallible;
use std::fmt;
use std::future::pending;
use std::panic::AssertUnwindSafe;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use futures_util::FutureExt;
use futures_util::future::join_all;
use rpc_core::BoxFuture;
use rpc_core::contain::{CatchDropPanic, defuse};
use tokio::time::timeout;

/// The minimum time for hooks before the server drains.
const MIN_TIME: Duration = Duration::from_secs(5);

type Hook = Box<dyn FnOnce() -> BoxFuture<()> + Send>;

/// The user's hooks on the lifecycle of a server.
#[derive(Default)]
pub(super) struct Hooks {
    /// The locks are never taken. They make hooks `Sync`, so that a bound server is `Sync`.
    ready: Mutex<Vec<Hook>>,
    drain: Mutex<Vec<Hook>>,
}

fn add<F, Fut>(hooks: &mut Mutex<Vec<Hook>>, hook: F)
where
    F: FnOnce() -> Fut + Send + 'static,
    Fut: Future<Output = ()> + Send + 'static,
{
    hooks.get_mut().unwrap_or_else(PoisonError::into_inner).push(Box::new(move || Box::pin(hook())));
}

impl Hooks {
    /// Adds a hook that runs once the server is ready.
    pub(super) fn add_to_ready<F, Fut>(&mut self, hook: F)
    where
        F: FnOnce() -> Fut + Send + 'static,
        Fut: Future<Output = ()> + Send + 'static,
    {
        add(&mut self.ready, hook);
    }

    /// Adds a hook that runs before the server drains.
    pub(super) fn add_to_drain<F, Fut>(&mut self, hook: F)
    where
        F: FnOnce() -> Fut + Send + 'static,
        Fut: Future<Output = ()> + Send + 'static,
    {
        add(&mut self.drain, hook);
    }

    /// Runs the hooks of `on_ready`, then never completes. The caller drops the future.
    pub(super) async fn ready(&mut self) -> Infallible {
        run_all(&mut self.ready).await;
        pending().await
    }

    /// Runs the hooks of `on_drain`, for at most the time they have.
    pub(super) async fn drain(&mut self, shutdown_delay: Duration) {
        let time = shutdown_delay.max(MIN_TIME);
        if timeout(time, run_all(&mut self.drain)).await.is_err() {
            tracing::warn!("hooks of `on_drain` took longer than {time:?}; the server drains without them");
        }
    }
}

impl fmt::Debug for Hooks {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Hooks").finish_non_exhaustive()
    }
}

async fn run_all(hooks: &mut Mutex<Vec<Hook>>) {
    let hooks = std::mem::take(hooks.get_mut().unwrap_or_else(PoisonError::into_inner));
    join_all(hooks.into_iter().map(run)).await;
}

/// Runs a hook and contains its panics.
async fn run(hook: Hook) {
    let running = async { CatchDropPanic::new(hook()).await };
    if let Err(payload) = AssertUnwindSafe(running).catch_unwind().await {
        defuse(payload);
        tracing::error!("a hook of a server's life panicked");
    }
}
