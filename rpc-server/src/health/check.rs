//! The checks of a [`Health`](super::Health), by name. Concurrent requests share one run, and its result is valid for
//! one second. Each check has its own timeout, and a panic counts as a failure. The cause is logged and not shown.

use std::collections::BTreeMap;
use std::panic::AssertUnwindSafe;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use futures_util::FutureExt;
use futures_util::future::{Shared, join_all};
use rpc_core::BoxFuture;
use rpc_core::contain::{CatchDropPanic, defuse};
use tokio::time::{Instant, timeout};

use super::CheckState;

/// How long the results of the checks are valid.
const KEPT: Duration = Duration::from_secs(1);

/// The checks by name, and their last results.
#[derive(Default)]
pub(super) struct HealthChecks(Mutex<CheckRegistry>);

#[derive(Default)]
struct CheckRegistry {
    checks: BTreeMap<String, Arc<HealthCheck>>,
    /// The last run, which may still be in progress. It continues even if no request waits for it. Adding or removing a
    /// check discards it.
    last: Option<Shared<BoxFuture<CheckResults>>>,
}

struct HealthCheck {
    run: Box<dyn Fn() -> BoxFuture<Result<(), String>> + Send + Sync>,
    timeout: Duration,
}

/// The results of a run of the checks, and when it ended.
#[derive(Clone)]
struct CheckResults {
    states: Arc<BTreeMap<String, CheckState>>,
    at: Instant,
}

impl HealthChecks {
    pub(super) fn insert<F, Fut, E>(&self, name: String, timeout: Duration, check: F)
    where
        F: Fn() -> Fut + Send + Sync + 'static,
        Fut: Future<Output = Result<(), E>> + Send + 'static,
        E: std::fmt::Display,
    {
        let run =
            move || -> BoxFuture<_> { Box::pin(check().map(|checked| checked.map_err(|error| error.to_string()))) };
        let mut inner = self.lock();
        inner.checks.insert(name, Arc::new(HealthCheck { run: Box::new(run), timeout }));
        inner.last = None;
    }

    pub(super) fn remove(&self, name: &str) -> bool {
        let mut inner = self.lock();
        inner.last = None;
        inner.checks.remove(name).is_some()
    }

    pub(super) fn names(&self) -> Vec<String> {
        self.lock().checks.keys().cloned().collect()
    }

    /// Runs the checks, or returns results that are still valid.
    pub(super) async fn found(&self) -> Arc<BTreeMap<String, CheckState>> {
        let run = self.lock().run();
        run.await.states
    }

    fn lock(&self) -> MutexGuard<'_, CheckRegistry> {
        // No code panics while the lock is held.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl CheckRegistry {
    /// Returns the current run or a valid earlier one, or starts another.
    fn run(&mut self) -> Shared<BoxFuture<CheckResults>> {
        let current = self.last.as_ref().filter(|run| run.peek().is_none_or(|found| found.at.elapsed() < KEPT));
        match current {
            Some(run) => run.clone(),
            None => self.last.insert(begin(self.checks.clone())).clone(),
        }
    }
}

/// Starts a run of the checks, in its own task.
fn begin(checks: BTreeMap<String, Arc<HealthCheck>>) -> Shared<BoxFuture<CheckResults>> {
    let names: Vec<_> = checks.keys().cloned().collect();
    let run = tokio::spawn(async move {
        let states = checks.into_iter().map(|(name, check)| async move {
            let state = check.state(&name).await;
            (name, state)
        });
        join_all(states).await.into_iter().collect()
    });
    let found: BoxFuture<CheckResults> = Box::pin(async move {
        // The task ends early only with its runtime.
        let failed = |_| names.into_iter().map(|name| (name, CheckState::Failed)).collect();
        let states = run.await.unwrap_or_else(failed);
        CheckResults { states: Arc::new(states), at: Instant::now() }
    });
    found.shared()
}

impl HealthCheck {
    async fn state(&self, name: &str) -> CheckState {
        // A check that panics is dropped with its future, and never used again.
        let run = AssertUnwindSafe(async { CatchDropPanic::new((self.run)()).await }).catch_unwind();
        match timeout(self.timeout, run).await {
            Ok(Ok(Ok(()))) => CheckState::Ok,
            Ok(Ok(Err(error))) => {
                tracing::warn!(check = name, error, "health check failed");
                CheckState::Failed
            }
            Ok(Err(payload)) => {
                defuse(payload);
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
