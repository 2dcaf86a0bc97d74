//! Settings and types of telemetry that server and client share. [`Telemetry`] says what is recorded; [`TraceContext`]
//! is a place in a trace. Spans and metrics themselves are made in the other two crates.

mod baggage;
mod ids;
mod state;
mod trace;

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use http::HeaderMap;
use tracing::Span;

pub use ids::{SpanId, TraceId};
pub use trace::TraceContext;

use crate::__private::settings;

settings! {
    /// Says what a server or a client tells of its calls: spans, metrics, logs.
    ///
    /// Spans and logs go to `tracing`, metrics to the recorder of the crate `metrics`; what is done with them is up to
    /// the program. Their names are those of OpenTelemetry for JSON-RPC; docs/production.md lists them.
    ///
    /// `Telemetry::default()` makes one, and each field has a setter of its name.
    ///
    /// # Example
    ///
    /// ```
    /// use std::time::Duration;
    ///
    /// let telemetry = rpc::Telemetry::default().slow_call(Duration::from_millis(200));
    /// let server = rpc::Server::builder().method("ping", || async { "pong" }).telemetry(telemetry).build();
    /// ```
    #[derive(Clone, Debug)]
    pub struct Telemetry {
        /// Whether there is a span for each call, and a client's for each attempt, each with a place in a trace.
        /// Without, the trace that a request names is passed on as it came. Default: true.
        pub spans: bool = true,
        /// Whether calls are counted and timed. Default: true.
        pub metrics: bool = true,
        /// From which duration on calls are logged, as warnings. `None` logs no slow calls. Default: 1 s.
        pub slow_call: Option<Duration> = Some(Duration::from_secs(1)),
        /// Whether calls that end with an error are logged: as errors where the server is at fault, as warnings where
        /// it refused them or time was up, and else as information. Default: true.
        pub log_errors: bool = true,
        /// Whether logs show the params of calls, up to 1 KiB of them. They may hold secrets. Default: false.
        pub log_params: bool = false,
        /// Whether a server continues the trace, and passes the baggage on, that a request names. A server that anybody
        /// may call can have its own instead: whoever names a trace can also choose one that is another's.
        /// Default: true.
        pub continue_traces: bool = true,
        /// The reader and writer of the headers of traces. Default: the framework's own.
        propagate: Propagator = Propagator::default(); no setter,
    }
}

impl Telemetry {
    /// Leaves the headers of traces to somebody else, such as the propagator of OpenTelemetry's SDK, together with
    /// which `tracing-opentelemetry` gives spans their ids. [`TraceContext`]s are then neither read nor made nor sent.
    #[must_use]
    pub fn propagate(mut self, propagate: impl Propagate) -> Self {
        self.propagate = Propagator(Some(Arc::new(propagate)));
        self
    }

    /// Returns who sees to the headers of traces, if that is not the framework.
    #[doc(hidden)]
    pub fn propagator(&self) -> Option<&dyn Propagate> {
        self.propagate.0.as_deref()
    }
}

/// Reads and writes the headers by which traces travel. See [`Telemetry::propagate`].
///
/// # Example
///
/// With the crates `opentelemetry`, `opentelemetry-http` and `tracing-opentelemetry`:
///
/// ```ignore
/// struct OpenTelemetry;
///
/// impl rpc::Propagate for OpenTelemetry {
///     fn extract(&self, headers: &HeaderMap, span: &tracing::Span) {
///         let parent = global::get_text_map_propagator(|propagator| propagator.extract(&HeaderExtractor(headers)));
///         let _ = span.set_parent(parent);
///     }
///
///     fn inject(&self, span: &tracing::Span, headers: &mut HeaderMap) {
///         let context = span.context();
///         let mut headers = HeaderInjector(headers);
///         global::get_text_map_propagator(|propagator| propagator.inject_context(&context, &mut headers));
///     }
/// }
/// ```
pub trait Propagate: Send + Sync + 'static {
    /// Makes the span of a server's call the child of what the request's headers name. The span is not entered yet.
    fn extract(&self, headers: &HeaderMap, span: &Span);

    /// Writes the headers of a client's attempt, whose span this is.
    fn inject(&self, span: &Span, headers: &mut HeaderMap);
}

/// A replacement for the framework's own headers of traces, if there is one.
#[derive(Clone, Default)]
struct Propagator(Option<Arc<dyn Propagate>>);

impl fmt::Debug for Propagator {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.is_some().fmt(f)
    }
}
