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
use crate::page::{Page, PageBody, RenderedPage};

/// The metrics of the process, served at `/metrics` in the format of Prometheus. They include those of calls, if the
/// server has [`Telemetry`](rpc_core::Telemetry), and all others that the process records with the crate `metrics`.
///
/// Names have underscores instead of dots, and name units and totals as Prometheus recommends:
/// `rpc.server.call.duration` becomes `rpc_server_call_duration_seconds_bucket`, `_sum` and `_count`. Durations are
/// counted in buckets from 100 µs to 60 s. From these `histogram_quantile` computes p50, p95 and p99, for one server or
/// for several.
///
/// Every client that can reach the server and names its host may read the page, see
/// [`ServerBuilder::allow_host`](crate::ServerBuilder::allow_host). Restrict that with
/// [`ServerBuilder::page_requires`](crate::ServerBuilder::page_requires).
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

/// The upper bounds of the buckets, in seconds. They include OpenTelemetry's buckets for calls, which begin at 5 ms.
const BUCKETS: [f64; 22] = [
    0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.25, 0.5, 0.75, 1.0, 2.5, 5.0, 7.5,
    10.0, 20.0, 30.0, 60.0,
];

/// How often recorded values are moved into their buckets. Until then each value takes memory.
const UPKEEP: Duration = Duration::from_secs(5);

impl Prometheus {
    /// Installs the process's metrics recorder for Prometheus, and maintains it on its own thread. Later calls return
    /// the same recorder.
    ///
    /// # Errors
    ///
    /// If the process already has another recorder, or the thread cannot be started. If the other recorder is one for
    /// Prometheus, use [`with_handle`](Self::with_handle).
    pub fn install() -> Result<Self, PrometheusError> {
        static INSTALLED: Mutex<Option<PrometheusHandle>> = Mutex::new(None);
        let mut installed = INSTALLED.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(handle) = &*installed {
            return Ok(Self::with_handle(handle.clone()));
        }
        let durations = Matcher::Suffix(".call.duration".to_owned());
        let builder = PrometheusBuilder::new().with_recommended_naming(true);
        let handle = builder.set_buckets_for_metric(durations, &BUCKETS)?.install_recorder()?;
        // Metrics described before the installation reached no recorder, and the unit is part of the name.
        describe();
        describe_histogram!("rpc.client.call.duration", Unit::Seconds, "How long a call took, all attempts together");
        let kept = handle.clone();
        let upkeep = move || loop {
            thread::sleep(UPKEEP);
            kept.run_upkeep();
        };
        thread::Builder::new().name("rpc-metrics".to_owned()).spawn(upkeep).map_err(PrometheusErrorKind::Thread)?;
        *installed = Some(handle.clone());
        Ok(Self::with_handle(handle))
    }

    /// Serves the metrics of a recorder that you installed yourself, with its names and buckets. Each read of the page
    /// maintains the recorder. If the page may stay unread, call [`run_upkeep`](PrometheusHandle::run_upkeep)
    /// periodically.
    pub fn with_handle(handle: PrometheusHandle) -> Self {
        Self { handle, path: Cow::Borrowed("/metrics") }
    }

    /// Serves the page at this path. Default: `/metrics`.
    ///
    /// # Panics
    ///
    /// If no request can have the path: it does not begin with a slash, or contains a query, a space or another invalid
    /// character.
    ///
    /// # Example
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// use axum::body::Body;
    /// use rpc::{Prometheus, Server};
    /// use tower::ServiceExt;
    ///
    /// let server = Server::builder().prometheus(Prometheus::install()?.path("/internal/metrics")).build();
    /// let app: axum::Router = server.into_router();
    /// let page = http::Request::get("/internal/metrics").body(Body::empty())?;
    /// assert_eq!(app.oneshot(page).await?.status(), 200);
    /// # Ok(())
    /// # }
    /// ```
    #[must_use]
    #[track_caller]
    pub fn path(mut self, path: impl Into<Cow<'static, str>>) -> Self {
        self.path = checked_path(path);
        self
    }

    /// Returns the current metrics in the text format of Prometheus.
    ///
    /// # Example
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// use rpc::{Client, Prometheus, Server, Telemetry};
    ///
    /// let prometheus = Prometheus::install()?;
    /// let server = Server::builder().method("ping", || async { "pong" }).telemetry(Telemetry::default()).build();
    /// Client::in_process(&server).call::<String>("ping", ()).await?;
    /// assert!(prometheus.render().contains("# TYPE rpc_server_call_duration_seconds histogram"));
    /// # Ok(())
    /// # }
    /// ```
    pub fn render(&self) -> String {
        self.handle.render()
    }

    pub(crate) fn into_page(self) -> Page {
        let handle = self.handle;
        Page::new(self.path, move || {
            let body = PageBody::Made(handle.render().into_bytes());
            let content_type = "text/plain; version=0.0.4; charset=utf-8";
            Box::pin(ready(RenderedPage { status: StatusCode::OK, content_type, body }))
        })
    }
}

/// Why no recorder for Prometheus could be installed.
#[derive(Debug)]
pub struct PrometheusError(PrometheusErrorKind);

#[derive(Debug)]
enum PrometheusErrorKind {
    Recorder(BuildError),
    Thread(std::io::Error),
}

impl From<BuildError> for PrometheusError {
    fn from(error: BuildError) -> Self {
        Self(PrometheusErrorKind::Recorder(error))
    }
}

impl From<PrometheusErrorKind> for PrometheusError {
    fn from(cause: PrometheusErrorKind) -> Self {
        Self(cause)
    }
}

impl fmt::Display for PrometheusError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self.0 {
            PrometheusErrorKind::Recorder(_) => "cannot install the recorder for Prometheus",
            PrometheusErrorKind::Thread(_) => "cannot start the thread that sees to the upkeep of metrics",
        })
    }
}

impl std::error::Error for PrometheusError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match &self.0 {
            PrometheusErrorKind::Recorder(error) => Some(error),
            PrometheusErrorKind::Thread(error) => Some(error),
        }
    }
}
