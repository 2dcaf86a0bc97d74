//! Metrics and log throttles of one method. There is one [`MethodTelemetry`] per method of the table, and one for all
//! unknown names, so labels are bounded.

use std::borrow::Cow;
use std::task::Poll;
use std::time::Duration;

use metrics::{Key, Label, Level as MetricLevel, Metadata};

use crate::fault::Executed;
use crate::meter::CALL_DURATION;
use crate::table::OTHER;
use crate::throttle::Throttle;

/// A method name that may be a metric label. Callers can invent other names, and recorders keep each label forever.
#[derive(Debug)]
pub(super) struct MethodTelemetry {
    pub(super) name: Cow<'static, str>,
    /// The metric key of successful calls.
    key: Key,
    pub(super) logs: MethodLogThrottles,
}

/// Bounds the log lines that calls of a method cause, with one throttle for each kind of line.
#[derive(Debug)]
pub(super) struct MethodLogThrottles {
    pub(super) slow: Throttle,
    pub(super) broken: Throttle,
    pub(super) refused: Throttle,
    pub(super) answered: Throttle,
}

impl MethodLogThrottles {
    fn new(per_second: u32) -> Self {
        let throttle = || Throttle::with(per_second);
        Self { slow: throttle(), broken: throttle(), refused: throttle(), answered: throttle() }
    }
}

/// The maximum number of log lines per second, method and kind. All unknown methods together have one.
const LINES_PER_SECOND: u32 = 10;

impl MethodTelemetry {
    pub(super) fn new(name: Cow<'static, str>) -> Self {
        let labels =
            vec![Label::from_static_parts("rpc.system.name", "jsonrpc"), Label::new("rpc.method", name.clone())];
        let logs = MethodLogThrottles::new(if name == OTHER { 1 } else { LINES_PER_SECOND });
        Self { name, key: Key::from_parts(CALL_DURATION, labels), logs }
    }

    /// Records the duration of a call. `Poll::Pending` means that the call was cancelled.
    pub(super) fn record(&self, took: Duration, result: Executed) {
        static METADATA: Metadata<'static> = Metadata::new("rpc::server", MetricLevel::INFO, Some(module_path!()));
        let record = |key: &Key| {
            metrics::with_recorder(|recorder| recorder.register_histogram(key, &METADATA).record(took.as_secs_f64()));
        };
        match result {
            Poll::Ready(Ok(())) => record(&self.key),
            Poll::Ready(Err(fault)) => {
                let code = fault.code.get().to_string();
                let labels = vec![Label::new("rpc.status_code", code.clone()), Label::new("error.type", code)];
                record(&self.key.with_extra_labels(labels));
            }
            Poll::Pending => {
                record(&self.key.with_extra_labels(vec![Label::from_static_parts("error.type", CANCELLED)]));
            }
        }
    }
}

/// The error type of a call that was dropped because its caller has left.
pub(super) const CANCELLED: &str = "cancelled";
