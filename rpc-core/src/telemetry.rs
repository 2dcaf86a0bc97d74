//! Settings and types of telemetry that server and client share. [`Telemetry`] says what is recorded, and
//! [`TraceContext`] is a place in a trace. The server and client crates make the spans and metrics themselves.

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
    /// What a server or a client reports about its calls: spans, metrics, logs.
    ///
    /// Spans and logs go to `tracing`, and metrics to the recorder of the crate `metrics`. The program decides where
    /// they go from there. The names follow OpenTelemetry for JSON-RPC; docs/production.md lists them.
    ///
    /// `Telemetry::default()` makes one. Each field has a setter of the same name.
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
        /// Whether each call, and each attempt of a client, has a span with a place in a trace. If false, the trace
        /// that a request names is passed on unchanged. Default: true.
        pub spans: bool = true,
        /// Whether calls are counted and timed. Default: true.
        pub metrics: bool = true,
        /// The duration from which calls are logged as slow, as warnings. `None` logs no slow calls. Default: 1 s.
        pub slow_call: Option<Duration> = Some(Duration::from_secs(1)),
        /// Whether calls that end with an error are logged: as errors if the server failed, as warnings if the server
        /// refused them or they timed out, and otherwise as information. Default: true.
        pub log_errors: bool = true,
        /// Whether logs show the params of calls, up to 1 KiB. Params may contain secrets. Default: false.
        pub log_params: bool = false,
        /// Whether a server continues the trace that a request names, and passes on its baggage. A public server can
        /// start its own traces instead, because any caller can name any trace, even another caller's. Default: true.
        pub continue_traces: bool = true,
        /// The code that reads and writes the headers of traces. Default: the framework's own.
        propagate: Propagator = Propagator::default(); no setter,
    }
}

impl Telemetry {
    /// Leaves the headers of traces to other code, such as the propagator of OpenTelemetry's SDK. Use this if
    /// `tracing-opentelemetry` gives spans their ids. The framework then neither reads, makes nor sends
    /// [`TraceContext`]s.
    #[must_use]
    pub fn propagate(mut self, propagate: impl Propagate) -> Self {
        self.propagate = Propagator(Some(Arc::new(propagate)));
        self
    }

    /// Returns the code that reads and writes the headers of traces, if it is not the framework's own.
    #[doc(hidden)]
    pub fn propagator(&self) -> Option<&dyn Propagate> {
        self.propagate.0.as_deref()
    }
}

/// A reader and writer of the headers of traces. See [`Telemetry::propagate`].
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
    /// Makes the span of a server's call the child of the trace position in the request's headers. The span is not
    /// entered yet.
    fn extract(&self, headers: &HeaderMap, span: &Span);

    /// Writes the headers of a client's attempt. `span` is the attempt's span.
    fn inject(&self, span: &Span, headers: &mut HeaderMap);
}

/// A replacement for the framework's own handling of trace headers, if any.
#[derive(Clone, Default)]
struct Propagator(Option<Arc<dyn Propagate>>);

impl fmt::Debug for Propagator {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.is_some().fmt(f)
    }
}
