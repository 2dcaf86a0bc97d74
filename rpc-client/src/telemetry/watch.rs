//! Watches one delivery from start to end: its spans, trace headers, durations and log lines. `delivery` calls it. It
//! sends nothing.

use std::borrow::Cow;
use std::sync::Arc;
use std::time::Duration;

use metrics::{Key, Label, Level as MetricLevel, Metadata};
use rpc_core::{BoxFuture, MethodRef, TraceContext};
use tracing::{Instrument, Span};

use super::labels::EndpointLabels;
use super::span::{self, SpanContexts, known};
use super::{Observer, ObserverInner};
use crate::call_id::CallId;
use crate::delivery::{Entry, Payload};
use crate::error::{Answer, AnswerResult};
use crate::meter::{CALL_DURATION, GaugeGuard, RequestGauge};
use crate::runtime::Instant;
use crate::transport::Request;

/// The watch of a delivery, if it is observed.
pub(crate) type MaybeWatch = Option<Box<DeliveryWatch>>;

/// Watches the calls of one delivery from start to end.
#[derive(Debug)]
pub(crate) struct DeliveryWatch {
    observing: Arc<ObserverInner>,
    labels: EndpointLabels,
    begun: Instant,
    /// The span of the single call, or of the batch.
    pub(super) span: Span,
    /// The trace context in which the calls were made.
    pub(super) caller: Option<TraceContext>,
    /// The trace context of the span.
    pub(super) trace: Option<TraceContext>,
    attempt: Option<WatchedAttempt>,
    /// The second request of the attempt, if there is one.
    hedge: Option<WatchedAttempt>,
    /// The calls that have not ended.
    calls: Vec<Option<WatchedCall>>,
    is_batch: bool,
    failures: usize,
}

/// What is recorded of a call in flight.
#[derive(Debug)]
struct WatchedCall {
    method: MethodRef,
    id: Option<CallId>,
    /// The params, if logs show them.
    params: Option<Box<str>>,
}

/// An attempt in flight.
#[derive(Debug)]
struct WatchedAttempt {
    span: Span,
    _in_flight: GaugeGuard,
}

/// How many bytes of the params logs show.
const MAX_PARAMS: usize = 1024;

impl Observer {
    /// Starts to watch a delivery, if the client's calls are observed.
    #[inline]
    pub(crate) fn watch(&self, payload: &Payload, labels: &EndpointLabels, begun: Instant) -> MaybeWatch {
        let observing = self.observing.as_ref()?;
        Some(Box::new(DeliveryWatch::begin(observing, payload, labels, begun)))
    }
}

impl DeliveryWatch {
    #[cold]
    fn begin(observing: &Arc<ObserverInner>, payload: &Payload, labels: &EndpointLabels, begun: Instant) -> Self {
        let (entries, is_batch) = (payload.entries(), payload.is_batch());
        let telemetry = &observing.telemetry;
        let caller = TraceContext::current().filter(|_| telemetry.propagator().is_none());
        let has_place = telemetry.spans && telemetry.propagator().is_none();
        let trace = has_place.then(|| caller.as_ref().map_or_else(TraceContext::new, TraceContext::child));
        let place = SpanContexts { parent: caller.as_ref(), own: trace.as_ref() };
        // The callers of joined calls watch them.
        let is_joined = payload.is_joined();
        let span = match entries {
            _ if !telemetry.spans => Span::none(),
            [entry] if !is_batch && !is_joined => span::of_call(labels.address(), entry, place),
            _ => span::of_batch(labels.address(), entries.len(), place),
        };
        let call = |entry: &Entry| WatchedCall {
            method: entry.method.clone(),
            id: entry.decided_id().cloned(),
            params: if telemetry.log_params { params_of(&entry.request) } else { None },
        };
        Self {
            calls: entries.iter().filter(|_| !is_joined).map(|entry| Some(call(entry))).collect(),
            observing: Arc::clone(observing),
            labels: labels.clone(),
            begun,
            span,
            caller,
            trace,
            attempt: None,
            hedge: None,
            is_batch,
            failures: 0,
        }
    }

    #[cold]
    fn wrap<T: 'static>(
        &mut self,
        number: u32,
        mut request: Request,
        send: impl FnOnce(Request) -> BoxFuture<T>,
    ) -> BoxFuture<T> {
        let telemetry = &self.observing.telemetry;
        let own = self.trace.as_ref().map(TraceContext::child);
        let span = if telemetry.spans {
            let place = SpanContexts { parent: self.trace.as_ref(), own: own.as_ref() };
            span::of_attempt(&self.span, number, self.labels.address(), place)
        } else {
            Span::none()
        };
        if let Some(propagator) = telemetry.propagator() {
            let span = if telemetry.spans { span.clone() } else { Span::current() };
            propagator.inject(&span, &mut request.headers);
        } else if let Some(trace) = own.as_ref().or(self.caller.as_ref()) {
            trace.write(&mut request.headers);
        }
        let reply = span.in_scope(|| send(request)).instrument(span.clone());
        self.attempt = Some(WatchedAttempt { span, _in_flight: self.observing.meter.raise(RequestGauge::InFlight) });
        Box::pin(reply)
    }

    /// Notes the ids of calls that were not known at the start.
    #[cold]
    fn identify(&mut self, payload: &Payload) {
        let undecided = |entry: &Entry| entry.decided_id().is_none();
        for (call, entry) in self.calls.iter_mut().zip(payload.entries()) {
            if let Some(call) = call.as_mut().filter(|_| undecided(entry)) {
                call.id = entry.id.clone();
            }
        }
        if let ([entry], false, false) = (payload.entries(), self.is_batch, self.calls.is_empty())
            && undecided(entry)
        {
            span::identify(&self.span, entry.id.as_ref());
        }
    }

    /// Records the answer to a call.
    fn settle(&mut self, index: usize, answered: &AnswerResult) {
        let Some(call) = self.calls.get_mut(index).and_then(Option::take) else { return };
        let (took, failed) = (self.begun.elapsed(), FailureLabels::of(answered));
        if self.observing.telemetry.metrics {
            record(&self.labels, known(&call.method), took, failed.as_ref());
        }
        self.failures += usize::from(failed.is_some());
        match (&failed, self.is_batch) {
            (Some(failed), false) => failed.record(&self.span),
            (Some(_), true) => drop(self.span.record("rpc.batch.failures", self.failures)),
            (None, _) => {}
        }
        let telemetry = &self.observing.telemetry;
        let is_slow = self.observing.is_slow(took);
        if is_slow || (failed.is_some() && telemetry.log_errors) {
            self.log(&call, took, failed.as_ref(), answered, is_slow);
        }
    }

    #[cold]
    fn log(
        &self,
        call: &WatchedCall,
        took: Duration,
        failed: Option<&FailureLabels>,
        answered: &AnswerResult,
        is_slow: bool,
    ) {
        let (method, params) = (known(&call.method), call.params.as_deref());
        let id = call.id.as_ref().map(tracing::field::display);
        let error = failed.map(|failed| &*failed.kind);
        if is_slow {
            tracing::warn!(
                target: "rpc::client", parent: &self.span,
                method, id, duration = ?took, error, params, "call was slow"
            );
        }
        if failed.is_none() || !self.observing.telemetry.log_errors {
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

impl Drop for DeliveryWatch {
    fn drop(&mut self) {
        self.observing.tell_budget(Instant::now());
        let cancelled = FailureLabels { code: None, kind: Cow::Borrowed("cancelled") };
        for call in self.calls.iter().flatten() {
            // The caller has dropped the call.
            if !self.is_batch {
                cancelled.record(&self.span);
            }
            if self.observing.telemetry.metrics {
                record(&self.labels, known(&call.method), self.begun.elapsed(), Some(&cancelled));
            }
        }
    }
}

/// Wraps the sending of an attempt into the attempt's span, if it is observed, and writes the trace context into the
/// request's headers.
#[inline]
pub(crate) fn wrap<T: 'static>(
    watching: &mut MaybeWatch,
    number: u32,
    request: Request,
    send: impl FnOnce(Request) -> BoxFuture<T>,
) -> BoxFuture<T> {
    match watching {
        Some(watch) => watch.wrap(number, request, send),
        None => send(request),
    }
}

/// Wraps the sending of an attempt's second request, to the endpoint with these labels, like that of an attempt.
pub(crate) fn wrap_hedge<T: 'static>(
    watching: &mut MaybeWatch,
    number: u32,
    labels: &EndpointLabels,
    request: Request,
    send: impl FnOnce(Request) -> BoxFuture<T>,
) -> BoxFuture<T> {
    let Some(watch) = watching else { return send(request) };
    let first = watch.attempt.take();
    let of_first = std::mem::replace(&mut watch.labels, labels.clone());
    let reply = watch.wrap(number, request, send);
    watch.labels = of_first;
    watch.hedge = std::mem::replace(&mut watch.attempt, first);
    reply
}

/// Records which request of an attempt gives its result, after a second one was sent.
pub(crate) fn hedge_ended(watching: &mut MaybeWatch, won: bool) {
    let Some(watch) = watching else { return };
    let hedge = watch.hedge.take();
    if won {
        watch.attempt = hedge;
    }
}

/// Notes the ids of the calls, before their first attempt.
#[inline]
pub(crate) fn identified(watching: &mut MaybeWatch, payload: &Payload) {
    if let Some(watch) = watching {
        watch.identify(payload);
    }
}

/// Notes that the next attempt goes to another endpoint.
#[inline]
pub(crate) fn moved(watching: &mut MaybeWatch, labels: &EndpointLabels) {
    if let Some(watch) = watching {
        watch.labels = labels.clone();
        span::moved(&watch.span, labels.address());
    }
}

/// Records the end of an attempt.
#[inline]
pub(crate) fn attempted(watching: &mut MaybeWatch, answers: &[AnswerResult]) {
    let Some(watch) = watching else { return };
    let Some(attempt) = watch.attempt.take() else { return };
    let failed = match answers {
        [answered] => FailureLabels::of(answered),
        // The answers of a batch belong to its calls. Only a failure that all of them share belongs to the request.
        all => all.first().filter(|_| all.iter().all(Result::is_err)).and_then(FailureLabels::of),
    };
    if let Some(failed) = failed {
        failed.record(&attempt.span);
    }
}

/// Records the final answer to a call.
#[inline]
pub(crate) fn settled(watching: &mut MaybeWatch, index: usize, answered: &AnswerResult) {
    if let Some(watch) = watching {
        watch.settle(index, answered);
    }
}

/// Why a call or an attempt failed, as labels and spans show it.
struct FailureLabels {
    code: Option<i64>,
    kind: Cow<'static, str>,
}

impl FailureLabels {
    fn of(answered: &AnswerResult) -> Option<Self> {
        let error = match answered {
            Ok(Answer::Result(_)) => return None,
            Ok(Answer::Error(error) | Answer::OfRequest(error)) => error,
            Err(failure) => match failure.kind_of_failure().of_framework() {
                Some(error) => error,
                None => return Some(Self { code: None, kind: Cow::Borrowed(failure.kind().as_str()) }),
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

/// Records the duration of a call.
fn record(labels: &EndpointLabels, method: &'static str, took: Duration, failed: Option<&FailureLabels>) {
    static METADATA: Metadata<'static> = Metadata::new("rpc::client", MetricLevel::INFO, Some(module_path!()));
    let mut all = Vec::with_capacity(6);
    all.push(Label::from_static_parts("rpc.system.name", "jsonrpc"));
    all.push(Label::from_static_parts("rpc.method", method));
    labels.push_address(&mut all);
    if let Some(FailureLabels { code, kind }) = failed {
        if code.is_some() {
            all.push(Label::new("rpc.status_code", kind.clone()));
        }
        all.push(Label::new("error.type", kind.clone()));
    }
    let key = Key::from_parts(CALL_DURATION, all);
    metrics::with_recorder(|recorder| recorder.register_histogram(&key, &METADATA).record(took.as_secs_f64()));
}

/// Finds the params in a request that is written up to its id, and cuts them to the length for logs.
fn params_of(request: &[u8]) -> Option<Box<str>> {
    let text = std::str::from_utf8(request).ok()?;
    // The method's name cannot contain this text, since its quotes would be escaped.
    let (_, params) = text.split_once(r#","params":"#)?;
    let end = (0..=MAX_PARAMS.min(params.len())).rev().find(|end| params.is_char_boundary(*end))?;
    Some(params[..end].into())
}
