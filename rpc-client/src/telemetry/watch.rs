use std::borrow::Cow;
use std::sync::Arc;
use std::time::Duration;

use metrics::{Key, Label, Level as MetricLevel, Metadata};
use rpc_core::{BoxFuture, MethodRef, TraceContext};
use tokio::time::Instant;
use tracing::{Instrument, Span};

use super::span::{self, Place, known};
use super::{Observer, Observing};
use crate::RetryBudget;
use crate::delivery::{CallId, Entry};
use crate::error::{Answer, Answered};
use crate::failure::{Failure, Kind};
use crate::meter::{CALL_DURATION, Level, Raised};
use crate::transport::{Reply, Request, Transport};

/// Watches a delivery, if it is watched.
pub(crate) type Watching = Option<Box<Watch>>;

/// Watches calls that travel together from their beginning to their end.
#[derive(Debug)]
pub(crate) struct Watch {
    observing: Arc<Observing>,
    budget: RetryBudget,
    begun: Instant,
    /// The span of the one call, or of the batch.
    span: Span,
    /// What the calls were made in.
    caller: Option<TraceContext>,
    /// The place of the span in a trace.
    trace: Option<TraceContext>,
    attempt: Option<Attempting>,
    /// Those that are under way.
    calls: Vec<Option<Call>>,
    is_batch: bool,
    failures: usize,
}

/// A call under way.
#[derive(Debug)]
struct Call {
    method: MethodRef,
    id: Option<CallId>,
    /// The params, where logs are to show them.
    params: Option<Box<str>>,
}

/// An attempt under way.
#[derive(Debug)]
struct Attempting {
    span: Span,
    _in_flight: Raised,
}

/// How much of the params logs show, in bytes.
const MAX_PARAMS: usize = 1024;

impl Observer {
    /// Begins to watch calls that travel together, if calls are watched.
    #[inline]
    pub(crate) fn watch(&self, entries: &[Entry], single: bool, budget: &RetryBudget, begun: Instant) -> Watching {
        let observing = self.observing.as_ref()?;
        Some(Box::new(Watch::begin(observing, entries, single, budget, begun)))
    }
}

impl Watch {
    #[cold]
    fn begin(
        observing: &Arc<Observing>,
        entries: &[Entry],
        single: bool,
        budget: &RetryBudget,
        begun: Instant,
    ) -> Self {
        let telemetry = &observing.telemetry;
        let caller = TraceContext::current().filter(|_| telemetry.propagator().is_none());
        let has_place = telemetry.spans && telemetry.propagator().is_none();
        let trace = has_place.then(|| caller.as_ref().map_or_else(TraceContext::new, TraceContext::child));
        let place = Place { parent: caller.as_ref(), own: trace.as_ref() };
        let span = match entries {
            _ if !telemetry.spans => Span::none(),
            [entry] if single => span::of_call(observing, entry, place),
            _ => span::of_batch(observing, entries.len(), place),
        };
        let call = |entry: &Entry| Call {
            method: entry.method.clone(),
            id: entry.id.clone(),
            params: if telemetry.log_params { params_of(&entry.request) } else { None },
        };
        Self {
            calls: entries.iter().map(|entry| Some(call(entry))).collect(),
            observing: Arc::clone(observing),
            budget: budget.clone(),
            begun,
            span,
            caller,
            trace,
            attempt: None,
            is_batch: !single,
            failures: 0,
        }
    }

    fn send(
        &mut self,
        number: u32,
        mut request: Request,
        transport: &dyn Transport,
    ) -> BoxFuture<Result<Reply, Failure>> {
        let telemetry = &self.observing.telemetry;
        let own = self.trace.as_ref().map(TraceContext::child);
        let span = if telemetry.spans {
            span::of_attempt(&self.span, number, Place { parent: self.trace.as_ref(), own: own.as_ref() })
        } else {
            Span::none()
        };
        if let Some(propagator) = telemetry.propagator() {
            let span = if telemetry.spans { span.clone() } else { Span::current() };
            propagator.inject(&span, &mut request.headers);
        } else if let Some(trace) = own.as_ref().or(self.caller.as_ref()) {
            trace.write(&mut request.headers);
        }
        let reply = span.in_scope(|| transport.send(request)).instrument(span.clone());
        self.attempt = Some(Attempting { span, _in_flight: self.observing.meter.raise(Level::InFlight) });
        Box::pin(reply)
    }

    /// Notes what came of a call.
    fn settle(&mut self, index: usize, answered: &Answered) {
        let Some(call) = self.calls[index].take() else { return };
        let (took, trouble) = (self.begun.elapsed(), Trouble::of(answered));
        if self.observing.telemetry.metrics {
            record(&self.observing, known(&call.method), took, trouble.as_ref());
        }
        self.failures += usize::from(trouble.is_some());
        match (&trouble, self.is_batch) {
            (Some(trouble), false) => trouble.record(&self.span),
            (Some(_), true) => drop(self.span.record("rpc.batch.failures", self.failures)),
            (None, _) => {}
        }
        let telemetry = &self.observing.telemetry;
        let is_slow = self.observing.is_slow(took);
        if is_slow || (trouble.is_some() && telemetry.log_errors) {
            self.log(&call, took, trouble.as_ref(), answered, is_slow);
        }
    }

    #[cold]
    fn log(&self, call: &Call, took: Duration, trouble: Option<&Trouble>, answered: &Answered, is_slow: bool) {
        let (method, params) = (known(&call.method), call.params.as_deref());
        let id = call.id.as_ref().map(tracing::field::display);
        let error = trouble.map(|trouble| &*trouble.kind);
        if is_slow {
            tracing::warn!(
                target: "rpc::client", parent: &self.span,
                method, id, duration = ?took, error, params, "call was slow"
            );
        }
        if trouble.is_none() || !self.observing.telemetry.log_errors {
            return;
        }
        match answered {
            Err(failure) => tracing::warn!(
                target: "rpc::client", parent: &self.span,
                method, id, duration = ?took, error, outcome = ?failure.outcome(), attempts = failure.attempts().len(),
                params, "call failed"
            ),
            Ok(_) => tracing::info!(
                target: "rpc::client", parent: &self.span,
                method, id, duration = ?took, error, params, "call was answered with an error"
            ),
        }
    }
}

impl Drop for Watch {
    fn drop(&mut self) {
        self.observing.tell(&self.budget, Instant::now());
        let cancelled = Trouble { code: None, kind: Cow::Borrowed("cancelled") };
        for call in self.calls.iter().flatten() {
            // Nobody waits for it any longer.
            if !self.is_batch {
                cancelled.record(&self.span);
            }
            if self.observing.telemetry.metrics {
                record(&self.observing, known(&call.method), self.begun.elapsed(), Some(&cancelled));
            }
        }
    }
}

/// Sends a request, in the span of an attempt if it is watched.
#[inline]
pub(crate) fn send(
    watching: &mut Watching,
    number: u32,
    request: Request,
    transport: &dyn Transport,
) -> BoxFuture<Result<Reply, Failure>> {
    match watching {
        Some(watch) => watch.send(number, request, transport),
        None => transport.send(request),
    }
}

/// Notes how an attempt has ended.
#[inline]
pub(crate) fn attempted(watching: &mut Watching, answers: &[Answered]) {
    let Some(watch) = watching else { return };
    let Some(attempt) = watch.attempt.take() else { return };
    let trouble = match answers {
        [answered] => Trouble::of(answered),
        // The answers of a batch are their calls' own. What all share is the request's.
        all => all.first().filter(|_| all.iter().all(Result::is_err)).and_then(Trouble::of),
    };
    if let Some(trouble) = trouble {
        trouble.record(&attempt.span);
    }
}

/// Notes what came of a call in the end.
#[inline]
pub(crate) fn settled(watching: &mut Watching, index: usize, answered: &Answered) {
    if let Some(watch) = watching {
        watch.settle(index, answered);
    }
}

/// Says why a call, or an attempt at it, has failed.
struct Trouble {
    code: Option<i64>,
    kind: Cow<'static, str>,
}

impl Trouble {
    fn of(answered: &Answered) -> Option<Self> {
        let error = match answered {
            Ok(Answer::Result(_)) => return None,
            Ok(Answer::Error(error) | Answer::OfRequest(error)) => error,
            Err(failure) => match failure.kind_of_failure() {
                Kind::Server(error) => error,
                _ => return Some(Self { code: None, kind: Cow::Borrowed(failure.kind().as_str()) }),
            },
        };
        let code = error.code().get();
        Some(Self { code: Some(code), kind: Cow::Owned(code.to_string()) })
    }

    fn record(&self, span: &Span) {
        if self.code.is_some() {
            span.record("rpc.status_code", &*self.kind);
        }
        span.record("error.type", &*self.kind);
        span.record("otel.status_code", "ERROR");
    }
}

/// Records how long a call took.
fn record(observing: &Observing, method: &'static str, took: Duration, trouble: Option<&Trouble>) {
    static METADATA: Metadata<'static> = Metadata::new("rpc::client", MetricLevel::INFO, Some(module_path!()));
    let mut labels = Vec::with_capacity(6);
    labels.push(Label::from_static_parts("rpc.system.name", "jsonrpc"));
    labels.push(Label::from_static_parts("rpc.method", method));
    if let Some(server) = &observing.server {
        labels.push(Label::new("server.address", Arc::clone(&server.host)));
        labels.push(Label::new("server.port", Arc::clone(&server.port_text)));
    }
    if let Some(Trouble { code, kind }) = trouble {
        if code.is_some() {
            labels.push(Label::new("rpc.status_code", kind.clone()));
        }
        labels.push(Label::new("error.type", kind.clone()));
    }
    let key = Key::from_parts(CALL_DURATION, labels);
    metrics::with_recorder(|recorder| recorder.register_histogram(&key, &METADATA).record(took.as_secs_f64()));
}

/// Finds the params in a request that is written up to its id, and cuts them to what logs show of them.
fn params_of(request: &[u8]) -> Option<Box<str>> {
    let text = std::str::from_utf8(request).ok()?;
    // The method's name cannot hold these letters, since its quotes would be escaped.
    let (_, params) = text.split_once(r#","params":"#)?;
    let end = (0..=MAX_PARAMS.min(params.len())).rev().find(|end| params.is_char_boundary(*end))?;
    Some(params[..end].into())
}
