//! Captures spans, logs and metrics on the thread of a test.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::fmt::{self, Debug};
use std::sync::{Arc, Mutex};

use metrics::LocalRecorderGuard;
use metrics_util::debugging::{DebugValue, DebuggingRecorder};
use support::raw_http::TEST_TIMEOUT;
use tracing::field::{Field, Visit};
use tracing::span::{Attributes, Id, Record};
use tracing::subscriber::DefaultGuard;
use tracing::{Event, Level, Subscriber};
use tracing_subscriber::layer::{Context, Layer, SubscriberExt};
use tracing_subscriber::registry::LookupSpan;

/// Spans and events, in the order in which they began.
#[derive(Clone, Default)]
pub(crate) struct Told(Arc<Mutex<(Vec<Span>, Vec<Log>)>>);

#[derive(Clone, Debug)]
pub(crate) struct Span {
    pub(crate) name: &'static str,
    pub(crate) target: &'static str,
    pub(crate) fields: Fields,
    /// The span that was current at its creation.
    pub(crate) parent: Option<usize>,
    pub(crate) closed: bool,
}

#[derive(Clone, Debug)]
pub(crate) struct Log {
    pub(crate) level: Level,
    pub(crate) target: &'static str,
    pub(crate) fields: Fields,
    /// The span that was current at the event.
    pub(crate) span: Option<usize>,
}

#[derive(Clone, Debug, Default)]
pub(crate) struct Fields(BTreeMap<&'static str, String>);

impl Fields {
    pub(crate) fn get(&self, name: &str) -> Option<&str> {
        self.0.get(name).map(String::as_str)
    }

    pub(crate) fn names(&self) -> Vec<&'static str> {
        self.0.keys().copied().collect()
    }
}

impl Told {
    /// Begins to capture on this thread, until the guard is dropped.
    pub(crate) fn begin() -> (Self, DefaultGuard) {
        let told = Self::default();
        let guard = tracing::subscriber::set_default(tracing_subscriber::registry().with(told.clone()));
        (told, guard)
    }

    /// Returns the spans of servers and clients.
    pub(crate) fn spans(&self) -> Vec<Span> {
        let spans = self.0.lock().unwrap().0.clone();
        spans.into_iter().filter(|span| span.target.starts_with("rpc::")).collect()
    }

    /// Returns the spans with this name.
    pub(crate) fn named(&self, name: &str) -> Vec<Span> {
        self.spans().into_iter().filter(|span| span.name == name).collect()
    }

    /// Returns the log lines.
    pub(crate) fn logs(&self) -> Vec<Log> {
        self.0.lock().unwrap().1.clone()
    }

    /// Returns the span in which a line with this message was logged.
    pub(crate) fn span_of(&self, message: &str) -> Option<Span> {
        let told = self.0.lock().unwrap();
        let log = told.1.iter().find(|log| log.fields.get("message") == Some(message)).unwrap();
        log.span.map(|index| told.0[index].clone())
    }

    /// Returns everything captured, as text.
    pub(crate) fn text(&self) -> String {
        format!("{:?}", self.0.lock().unwrap())
    }
}

/// The index of a span among the captured ones.
struct Index(usize);

impl<S: Subscriber + for<'s> LookupSpan<'s>> Layer<S> for Told {
    fn on_new_span(&self, attributes: &Attributes<'_>, id: &Id, cx: Context<'_, S>) {
        let mut fields = Fields::default();
        attributes.record(&mut fields);
        let span = cx.span(id).unwrap();
        let parent = span.parent().and_then(|parent| parent.extensions().get::<Index>().map(|index| index.0));
        let (name, target) = (span.name(), span.metadata().target());
        let spans = &mut self.0.lock().unwrap().0;
        span.extensions_mut().insert(Index(spans.len()));
        spans.push(Span { name, target, fields, parent, closed: false });
    }

    fn on_record(&self, id: &Id, values: &Record<'_>, cx: Context<'_, S>) {
        let index = cx.span(id).unwrap().extensions().get::<Index>().unwrap().0;
        values.record(&mut self.0.lock().unwrap().0[index].fields);
    }

    fn on_close(&self, id: Id, cx: Context<'_, S>) {
        let index = cx.span(&id).unwrap().extensions().get::<Index>().unwrap().0;
        self.0.lock().unwrap().0[index].closed = true;
    }

    fn on_event(&self, event: &Event<'_>, cx: Context<'_, S>) {
        let mut fields = Fields::default();
        event.record(&mut fields);
        let span = cx.event_span(event).and_then(|span| span.extensions().get::<Index>().map(|index| index.0));
        let (level, target) = (*event.metadata().level(), event.metadata().target());
        self.0.lock().unwrap().1.push(Log { level, target, fields, span });
    }
}

impl Visit for Fields {
    fn record_str(&mut self, field: &Field, value: &str) {
        self.0.insert(field.name(), value.to_owned());
    }

    fn record_debug(&mut self, field: &Field, value: &dyn Debug) {
        self.0.insert(field.name(), format!("{value:?}"));
    }
}

/// Records metrics on this thread until it is dropped.
pub(crate) struct Metrics {
    recorder: &'static DebuggingRecorder,
    /// The values so far. A snapshot resets counters and gauges to zero, so they are kept here.
    seen: RefCell<BTreeMap<String, Value>>,
    _guard: LocalRecorderGuard<'static>,
}

/// Lets other tasks run until this is true.
pub(crate) async fn until(mut happened: impl FnMut() -> bool) {
    let waiting = async {
        while !happened() {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(TEST_TIMEOUT, waiting).await.expect("it happens");
}

/// The current value of a metric.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Value {
    Counter(u64),
    Gauge(f64),
    /// The number of values.
    Histogram(usize),
}
pub(crate) use Value::{Counter, Gauge, Histogram};

impl Metrics {
    pub(crate) fn begin() -> Self {
        let recorder: &'static DebuggingRecorder = Box::leak(Box::default());
        Self { recorder, seen: RefCell::default(), _guard: metrics::set_default_local_recorder(recorder) }
    }

    /// Returns the metrics, each with its labels in order, as `name{label=value,..}`.
    pub(crate) fn now(&self) -> BTreeMap<String, Value> {
        let mut seen = self.seen.borrow_mut();
        for (key, _, _, value) in self.recorder.snapshotter().snapshot().into_vec() {
            let (name, labels) = key.key().clone().into_parts();
            let mut labels: Vec<_> = labels.iter().map(|label| format!("{}={}", label.key(), label.value())).collect();
            labels.sort();
            let value = match value {
                DebugValue::Counter(count) => Counter(count),
                DebugValue::Gauge(level) => Gauge(level.0),
                DebugValue::Histogram(values) => {
                    assert!(values.iter().all(|seconds| (0.0..60.0).contains(&seconds.0)), "{values:?}");
                    Histogram(values.len())
                }
            };
            let name = format!("{}{{{}}}", name.as_str(), labels.join(","));
            let total = match (seen.get(&name), value) {
                (Some(Counter(before)), Counter(more)) => Counter(before + more),
                (Some(Gauge(before)), Gauge(more)) => Gauge(before + more),
                (Some(Histogram(before)), Histogram(more)) => Histogram(before + more),
                (_, first) => first,
            };
            seen.insert(name, total);
        }
        seen.clone()
    }

    /// Waits until a metric has this value.
    pub(crate) async fn until(&self, name: &str, value: Value) {
        until(|| self.now().get(name) == Some(&value)).await;
    }
}

impl fmt::Debug for Metrics {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_map().entries(self.now()).finish()
    }
}
