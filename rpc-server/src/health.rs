//! Health checks: whether a server is alive and whether it is ready for calls. Probes and load balancers read them.
//!
//! [`ServerBuilder::health`](crate::ServerBuilder::health) adds
//!
//! - the page `/health/live`: 200 as long as the process answers at all;
//! - the page `/health/ready`: 200 while the server is ready, else 503. It is not ready while a check fails, after
//!   [`Health::set_ready`]`(false)`, and from the shutdown signal on;
//! - the method `rpc.health`, which returns what `/health/ready` shows.
//!
//! ```json
//! {"status":"unready","checks":{"database":"failed","queue":"ok"}}
//! ```

mod check;
mod readiness;
mod report;
mod serve;

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use check::Checks;
pub(crate) use readiness::{Readiness, Serving};
pub use report::{CheckState, Report, Status};
pub(crate) use serve::READY;

/// Holds what a server must have to be ready: checks, and a word of the service itself.
///
/// Cloning is cheap and shares everything, so that a service can keep a handle and add checks or change its mind while
/// the server runs.
///
/// Checks run when somebody asks, all at a time, and for one second what they found is given to all who ask, so that
/// probes of many balancers do not become a load. A check that fails, panics or takes longer than its time (1 s) makes
/// the server unready; the reason is logged and not shown, since it may name what is nobody's business.
///
/// # Example
///
/// ```
/// # tokio::runtime::Runtime::new().unwrap().block_on(async {
/// use rpc::health::{Health, Status};
///
/// let health = Health::new().check("database", || async { Ok::<_, std::io::Error>(()) });
/// let server = rpc::Server::builder().health(health.clone()).build();
///
/// let client = rpc::Client::in_process(&server);
/// let report: serde_json::Value = client.call("rpc.health", ()).await?;
/// assert_eq!(report, serde_json::json!({ "status": "ready", "checks": { "database": "ok" } }));
///
/// health.set_ready(false);
/// assert_eq!(health.report().await.status, Status::Unready);
/// # Ok::<_, rpc::Error>(())
/// # }).unwrap();
/// ```
#[derive(Clone)]
pub struct Health(Arc<Inner>);

struct Inner {
    unready: AtomicBool,
    checks: Checks,
}

impl Health {
    /// Makes the health of a server that is ready as soon as it serves.
    pub fn new() -> Self {
        Self(Arc::new(Inner { unready: AtomicBool::new(false), checks: Checks::default() }))
    }

    /// Adds a check, which may take up to a second. A check of the same name is replaced.
    #[must_use]
    pub fn check<F, Fut, E>(self, name: impl Into<String>, check: F) -> Self
    where
        F: Fn() -> Fut + Send + Sync + 'static,
        Fut: Future<Output = Result<(), E>> + Send + 'static,
        E: fmt::Display,
    {
        self.register(name, DEFAULT_TIMEOUT, check);
        self
    }

    /// Adds a check, which may take so much time, while the server runs. A check of the same name is replaced.
    pub fn register<F, Fut, E>(&self, name: impl Into<String>, timeout: Duration, check: F)
    where
        F: Fn() -> Fut + Send + Sync + 'static,
        Fut: Future<Output = Result<(), E>> + Send + 'static,
        E: fmt::Display,
    {
        self.0.checks.insert(name.into(), timeout, check);
    }

    /// Removes a check, and tells whether there was one of this name.
    pub fn unregister(&self, name: &str) -> bool {
        self.0.checks.remove(name)
    }

    /// Says whether the service is ready, whatever its checks find. It takes effect at once.
    pub fn set_ready(&self, ready: bool) {
        self.0.unready.store(!ready, Ordering::Release);
    }

    /// Looks how things are: runs the checks, or returns what they found less than a second ago.
    ///
    /// Whether a server is about to end is not known here; its own pages and method say that, too.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future does nothing to the checks, which go on for whoever asks next.
    ///
    /// # Panics
    ///
    /// If called outside a tokio runtime.
    pub async fn report(&self) -> Report {
        let checks = self.0.checks.found().await;
        let ready = !self.0.unready.load(Ordering::Acquire) && checks.values().all(|state| *state == CheckState::Ok);
        Report { status: if ready { Status::Ready } else { Status::Unready }, checks: Arc::unwrap_or_clone(checks) }
    }
}

/// Is how long a check may take if nothing else is said.
const DEFAULT_TIMEOUT: Duration = Duration::from_secs(1);

impl Default for Health {
    fn default() -> Self {
        Self::new()
    }
}

impl fmt::Debug for Health {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Health").field("checks", &self.0.checks.names()).finish_non_exhaustive()
    }
}
