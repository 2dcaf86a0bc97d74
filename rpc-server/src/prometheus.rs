//! The metrics page for Prometheus. Only this file knows `metrics-exporter-prometheus`.

use std::borrow::Cow;
use std::future::ready;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;
use std::{fmt, thread};

use http::StatusCode;
use metrics::{Unit, describe_histogram};
use metrics_exporter_prometheus::{BuildError, Matcher, PrometheusBuilder, PrometheusHandle};

use crate::http::checked_path;
use crate::meter::describe;
use crate::page::{Page, PageBody, Rendered};

/// Shows the metrics of the process at `/metrics`, as Prometheus reads them: those of calls, if the server has
/// [`Telemetry`](rpc_core::Telemetry), and all others that the process records by the crate `metrics`.
///
/// Names have underscores in the place of dots, and say units and totals as is usual: `rpc.server.call.duration` is
/// `rpc_server_call_duration_seconds_bucket`, `_sum` and `_count`. Durations are counted in buckets from 100 µs to 60
/// s, from which `histogram_quantile` tells p50, p95 and p99, of one server or of many.
///
/// The page is shown to everybody who may reach the server and names its host, see
/// [`ServerBuilder::allow_host`](crate::ServerBuilder::allow_host), unless
/// [`ServerBuilder::page_requires`](crate::ServerBuilder::page_requires) says otherwise.
///
/// # Example
///
/// ```
/// let server = rpc::Server::builder()
///     .method("ping", || async { "pong" })
///     .telemetry(rpc::Telemetry::default())
///     .prometheus(rpc::Prometheus::install()?)
///     .build();
/// # Ok::<(), rpc::PrometheusError>(())
/// ```
#[derive(Clone, Debug)]
pub struct Prometheus {
    handle: PrometheusHandle,
    path: Cow<'static, str>,
}

/// The upper ends of the buckets, in seconds. Those of OpenTelemetry for calls are among them, which begin at 5 ms.
const BUCKETS: [f64; 22] = [
    0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.25, 0.5, 0.75, 1.0, 2.5, 5.0, 7.5,
    10.0, 20.0, 30.0, 60.0,
];

/// How often what was recorded is put into its buckets. Until then each value takes room.
const UPKEEP: Duration = Duration::from_secs(5);

impl Prometheus {
    /// Makes the recorder for Prometheus the one to which the process records its metrics, and sees to its upkeep on a
    /// thread of its own. Later calls return the same one again.
    ///
    /// # Errors
    ///
    /// If the process has another recorder already. If that is one for Prometheus, too, take
    /// [`with_handle`](Self::with_handle).
    pub fn install() -> Result<Self, PrometheusError> {
        static INSTALLED: Mutex<Option<PrometheusHandle>> = Mutex::new(None);
        let mut installed = INSTALLED.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(handle) = &*installed {
            return Ok(Self::with_handle(handle.clone()));
        }
        let durations = Matcher::Suffix(".call.duration".to_owned());
        let builder = PrometheusBuilder::new().with_recommended_naming(true);
        let handle = builder.set_buckets_for_metric(durations, &BUCKETS)?.install_recorder()?;
        // What was built before has described its metrics to nobody, and the unit is a part of the name.
        describe();
        describe_histogram!("rpc.client.call.duration", Unit::Seconds, "How long a call took, all attempts together");
        let kept = handle.clone();
        let upkeep = move || loop {
            thread::sleep(UPKEEP);
            kept.run_upkeep();
        };
        thread::Builder::new().name("rpc-metrics".to_owned()).spawn(upkeep).map_err(Cause::Thread)?;
        *installed = Some(handle.clone());
        Ok(Self::with_handle(handle))
    }

    /// Shows the metrics of a recorder that was installed otherwise, with names and buckets of its own. Reading the
    /// page sees to its upkeep; where it may be that nobody reads it, call
    /// [`run_upkeep`](PrometheusHandle::run_upkeep) now and then.
    pub fn with_handle(handle: PrometheusHandle) -> Self {
        Self { handle, path: Cow::Borrowed("/metrics") }
    }

    /// Shows the page at this path. Default: `/metrics`.
    ///
    /// # Panics
    ///
    /// If no request can have the path: it does not begin with a slash, or holds a query, a space or the like.
    #[must_use]
    #[track_caller]
    pub fn path(mut self, path: impl Into<Cow<'static, str>>) -> Self {
        self.path = checked_path(path);
        self
    }

    /// Writes the metrics as they are at the moment.
    pub fn render(&self) -> String {
        self.handle.render()
    }

    pub(crate) fn into_page(self) -> Page {
        let handle = self.handle;
        Page::new(self.path, move || {
            let body = PageBody::Made(handle.render().into_bytes());
            let content_type = "text/plain; version=0.0.4; charset=utf-8";
            Box::pin(ready(Rendered { status: StatusCode::OK, content_type, body }))
        })
    }
}

/// Says why no recorder for Prometheus could be installed.
#[derive(Debug)]
pub struct PrometheusError(Cause);

#[derive(Debug)]
enum Cause {
    Recorder(BuildError),
    Thread(std::io::Error),
}

impl From<BuildError> for PrometheusError {
    fn from(error: BuildError) -> Self {
        Self(Cause::Recorder(error))
    }
}

impl From<Cause> for PrometheusError {
    fn from(cause: Cause) -> Self {
        Self(cause)
    }
}

impl fmt::Display for PrometheusError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self.0 {
            Cause::Recorder(_) => "cannot install the recorder for Prometheus",
            Cause::Thread(_) => "cannot start the thread that sees to the upkeep of metrics",
        })
    }
}

impl std::error::Error for PrometheusError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match &self.0 {
            Cause::Recorder(error) => Some(error),
            Cause::Thread(error) => Some(error),
        }
    }
}
