use std::any::Any;
use std::collections::BTreeMap;
use std::panic::AssertUnwindSafe;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use futures_util::FutureExt;
use futures_util::future::join_all;
use rpc_core::BoxFuture;
use tokio::sync::Mutex as AsyncMutex;
use tokio::time::{Instant, timeout};

use super::CheckState;

/// Is how long it counts what the checks have found.
const KEPT: Duration = Duration::from_secs(1);

/// The checks by their names, and what they found last.
#[derive(Default)]
pub(super) struct Checks {
    /// Is never locked while something is waited for.
    checks: Mutex<BTreeMap<String, Arc<Check>>>,
    /// Is locked while the checks run, so that all who ask meanwhile get what this run finds.
    last: AsyncMutex<Option<Found>>,
}

struct Check {
    run: Box<dyn Fn() -> BoxFuture<Result<(), String>> + Send + Sync>,
    timeout: Duration,
}

struct Found {
    states: BTreeMap<String, CheckState>,
    at: Instant,
}

impl Checks {
    pub(super) fn insert<F, Fut, E>(&self, name: String, timeout: Duration, check: F)
    where
        F: Fn() -> Fut + Send + Sync + 'static,
        Fut: Future<Output = Result<(), E>> + Send + 'static,
        E: std::fmt::Display,
    {
        let run =
            move || -> BoxFuture<_> { Box::pin(check().map(|checked| checked.map_err(|error| error.to_string()))) };
        self.lock().insert(name, Arc::new(Check { run: Box::new(run), timeout }));
    }

    pub(super) fn remove(&self, name: &str) -> bool {
        self.lock().remove(name).is_some()
    }

    pub(super) fn names(&self) -> Vec<String> {
        self.lock().keys().cloned().collect()
    }

    /// Returns what the checks find, or have found a moment ago.
    pub(super) async fn found(&self) -> BTreeMap<String, CheckState> {
        let checks = self.lock().clone();
        if checks.is_empty() {
            return BTreeMap::new();
        }
        let mut last = self.last.lock().await;
        // Checks that were added or removed meanwhile make what was found another question's answer.
        if let Some(found) = &*last
            && found.at.elapsed() < KEPT
            && found.states.keys().eq(checks.keys())
        {
            return found.states.clone();
        }
        let at = Instant::now();
        let run = checks.into_iter().map(|(name, check)| async move {
            let state = check.state(&name).await;
            (name, state)
        });
        let states: BTreeMap<_, _> = join_all(run).await.into_iter().collect();
        *last = Some(Found { states: states.clone(), at });
        states
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, BTreeMap<String, Arc<Check>>> {
        // Nothing panics while it is locked.
        self.checks.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Check {
    async fn state(&self, name: &str) -> CheckState {
        // What panics is dropped with its future, and not seen again.
        let run = AssertUnwindSafe(async { (self.run)().await }).catch_unwind();
        match timeout(self.timeout, run).await {
            Ok(Ok(Ok(()))) => CheckState::Ok,
            Ok(Ok(Err(error))) => {
                tracing::warn!(check = name, error, "health check failed");
                CheckState::Failed
            }
            Ok(Err(panic)) => {
                drop::<Box<dyn Any + Send>>(panic);
                tracing::error!(check = name, "health check panicked");
                CheckState::Failed
            }
            Err(_) => {
                tracing::warn!(check = name, timeout = ?self.timeout, "health check took too long");
                CheckState::Timeout
            }
        }
    }
}
