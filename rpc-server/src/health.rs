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

use check::HealthChecks;
pub(crate) use readiness::{Readiness, ServingAddress};
pub use report::{CheckState, Report, Status};
pub(crate) use serve::READY;

/// The readiness of a server: its checks, and whether the service itself declares that it is ready.
///
/// Cloning is cheap, and all clones share one state. A service can keep a clone, add checks and change its readiness
/// while the server runs.
///
/// Checks run on request, all of them concurrently. Their results are reused for one second, so that the probes of many
/// load balancers cause little load. A check that fails, panics or exceeds its timeout (default: 1 s) makes the server
/// unready. The server logs the reason but does not show it, since the reason may be confidential.
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
pub struct Health(Arc<HealthInner>);

struct HealthInner {
    unready: AtomicBool,
    checks: HealthChecks,
}

impl Health {
    /// Creates a `Health` without checks. The server is ready as soon as it serves.
    ///
    /// # Example
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// use rpc::health::{Health, Status};
    ///
    /// let report = Health::new().report().await;
    /// assert_eq!(report.status, Status::Ready);
    /// assert!(report.checks.is_empty());
    /// # Ok(())
    /// # }
    /// ```
    pub fn new() -> Self {
        Self(Arc::new(HealthInner { unready: AtomicBool::new(false), checks: HealthChecks::default() }))
    }

    /// Adds a check with a timeout of 1 s. It replaces a check of the same name.
    ///
    /// # Example
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// use rpc::health::{CheckState, Health, Status};
    ///
    /// let health = Health::new()
    ///     .check("database", || async { Ok::<_, std::io::Error>(()) })
    ///     .check("queue", || async { Err("no broker at 10.0.0.7") });
    ///
    /// let report = health.report().await;
    /// assert_eq!(report.status, Status::Unready);
    /// assert_eq!(report.checks["database"], CheckState::Ok);
    /// // The server logs the reason and does not show it.
    /// let json = r#"{"status":"unready","checks":{"database":"ok","queue":"failed"}}"#;
    /// assert_eq!(serde_json::to_string(&report)?, json);
    /// # Ok(())
    /// # }
    /// ```
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

    /// Adds a check with this timeout, also while the server runs. It replaces a check of the same name.
    ///
    /// # Example
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread", start_paused = true)]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// use std::time::Duration;
    ///
    /// use rpc::health::{CheckState, Health};
    ///
    /// let health = Health::new();
    /// let stuck = || std::future::pending::<Result<(), std::io::Error>>();
    /// health.register("replica", Duration::from_millis(200), stuck);
    /// assert_eq!(health.report().await.checks["replica"], CheckState::Timeout);
    ///
    /// // The service no longer needs the replica.
    /// assert!(health.unregister("replica"));
    /// assert!(health.report().await.checks.is_empty());
    /// # Ok(())
    /// # }
    /// ```
    pub fn register<F, Fut, E>(&self, name: impl Into<String>, timeout: Duration, check: F)
    where
        F: Fn() -> Fut + Send + Sync + 'static,
        Fut: Future<Output = Result<(), E>> + Send + 'static,
        E: fmt::Display,
    {
        self.0.checks.insert(name.into(), timeout, check);
    }

    /// Removes a check. Returns whether a check of this name existed.
    pub fn unregister(&self, name: &str) -> bool {
        self.0.checks.remove(name)
    }

    /// Sets whether the service is ready. Default: `true`. The change takes effect at once. `false` makes the server
    /// unready even if all checks pass, and `true` does not override a check that fails.
    ///
    /// # Example
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// use rpc::health::{Health, Status};
    ///
    /// // Not ready until the cache is loaded. The server holds a clone.
    /// let health = Health::new();
    /// health.set_ready(false);
    /// assert_eq!(health.report().await.status, Status::Unready);
    ///
    /// health.clone().set_ready(true);
    /// assert_eq!(health.report().await.status, Status::Ready);
    /// # Ok(())
    /// # }
    /// ```
    pub fn set_ready(&self, ready: bool) {
        self.0.unready.store(!ready, Ordering::Release);
    }

    /// Runs the checks, or returns results that are less than one second old.
    ///
    /// The report does not include whether a server drains. The server's own pages and the method `rpc.health` report
    /// that too.
    ///
    /// # Cancel safety
    ///
    /// Cancel safe. Dropping the future does not stop the checks, and the next report uses their results.
    ///
    /// # Panics
    ///
    /// If it is called outside a tokio runtime.
    ///
    /// # Example
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread", start_paused = true)]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// use std::sync::Arc;
    /// use std::sync::atomic::{AtomicU32, Ordering};
    /// use std::time::Duration;
    ///
    /// use rpc::health::Health;
    ///
    /// let runs = Arc::new(AtomicU32::new(0));
    /// let counted = Arc::clone(&runs);
    /// let health = Health::new().check("database", move || {
    ///     counted.fetch_add(1, Ordering::Relaxed);
    ///     async { Ok::<_, std::io::Error>(()) }
    /// });
    ///
    /// // Probes within one second share a run of the checks.
    /// tokio::join!(health.report(), health.report());
    /// assert_eq!(runs.load(Ordering::Relaxed), 1);
    ///
    /// tokio::time::advance(Duration::from_secs(1)).await;
    /// health.report().await;
    /// assert_eq!(runs.load(Ordering::Relaxed), 2);
    /// # Ok(())
    /// # }
    /// ```
    pub async fn report(&self) -> Report {
        let checks = self.0.checks.found().await;
        let ready = !self.0.unready.load(Ordering::Acquire) && checks.values().all(|state| *state == CheckState::Ok);
        Report { status: if ready { Status::Ready } else { Status::Unready }, checks: Arc::unwrap_or_clone(checks) }
    }
}

/// The default timeout of a check.
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
