//! [`TraceContext`]: a place in a trace. Reads and writes `traceparent`, and keeps the current place per thread, so
//! that calls made by handlers continue the trace.

use std::borrow::Cow;
use std::cell::Cell;
use std::fmt;
use std::future::poll_fn;
use std::pin::pin;
use std::sync::Arc;

use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue};

use super::{SpanId, TraceId, baggage, state};

const TRACEPARENT: HeaderName = HeaderName::from_static("traceparent");
const TRACESTATE: HeaderName = HeaderName::from_static("tracestate");
const BAGGAGE: HeaderName = HeaderName::from_static("baggage");

/// The flag for a recorded trace.
const SAMPLED: u8 = 1;

/// The defined flags: sampled, and random trace id.
const FLAGS: u8 = 3;

/// A place in a trace across processes: the trace, the current span in it, and the values that travel with it.
///
/// It is sent as W3C's headers [`traceparent`, `tracestate`](https://www.w3.org/TR/trace-context/) and
/// [`baggage`](https://www.w3.org/TR/baggage/). Servers and clients with a [`Telemetry`](crate::Telemetry) read and
/// write them. A handler's own calls continue its trace automatically. A task that a handler spawns continues the trace
/// by [`in_scope`](Self::in_scope).
///
/// # Example
///
/// ```
/// use rpc::TraceContext;
///
/// # tokio::runtime::Runtime::new().unwrap().block_on(async {
/// let trace = TraceContext::new();
/// let task = tokio::spawn(trace.clone().in_scope(async { TraceContext::current() }));
/// assert_eq!(task.await.unwrap(), Some(trace));
/// # });
/// ```
#[derive(Clone, PartialEq, Eq)]
pub struct TraceContext {
    trace_id: TraceId,
    span_id: SpanId,
    flags: u8,
    /// The trace state and baggage. Most traces have none.
    state_and_baggage: Option<Arc<TracestateAndBaggage>>,
}

#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct TracestateAndBaggage {
    state: Option<HeaderValue>,
    baggage: Option<HeaderValue>,
}

thread_local! {
    static CURRENT: Cell<Option<TraceContext>> = const { Cell::new(None) };
}

impl TraceContext {
    /// Starts a recorded trace.
    #[expect(clippy::new_without_default, reason = "it is another one each time")]
    pub fn new() -> Self {
        Self { trace_id: TraceId::random(), span_id: SpanId::random(), flags: SAMPLED, state_and_baggage: None }
    }

    /// Starts a child span of this one.
    #[must_use]
    pub fn child(&self) -> Self {
        Self { span_id: SpanId::random(), ..self.clone() }
    }

    /// Reads the trace of a request. Returns `None` if the request names no trace, or if its header violates the
    /// specification.
    ///
    /// # Example
    ///
    /// ```
    /// use rpc::TraceContext;
    ///
    /// let mut headers = http::HeaderMap::new();
    /// headers.insert("traceparent", "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01".parse().unwrap());
    /// let trace = TraceContext::from_headers(&headers).unwrap();
    /// assert_eq!(trace.trace_id().to_string(), "4bf92f3577b34da6a3ce929d0e0e4736");
    /// ```
    pub fn from_headers(headers: &HeaderMap) -> Option<Self> {
        let mut parents = headers.get_all(TRACEPARENT).iter();
        let (Some(parent), None) = (parents.next(), parents.next()) else { return None };
        let trace = Self::from_traceparent(parent.as_bytes())?;
        Some(trace.with_state_and_baggage(state::read(headers, &TRACESTATE), baggage::read(headers, &BAGGAGE)))
    }

    /// Reads a value of the header `traceparent`.
    fn from_traceparent(value: &[u8]) -> Option<Self> {
        let (head, tail) = value.split_at_checked(55)?;
        let version = hex(&head[..2])?;
        // A later version may add more, after a hyphen.
        let is_known = if version == 0 { tail.is_empty() } else { tail.first().is_none_or(|byte| *byte == b'-') };
        if version == 0xff || !is_known || [head[2], head[35], head[52]] != *b"---" {
            return None;
        }
        let (trace_id, span_id) = (hex(&head[3..35])?, u64::try_from(hex(&head[36..52])?).ok()?);
        let flags = u8::try_from(hex(&head[53..])?).ok()? & FLAGS;
        let is_valid = trace_id != 0 && span_id != 0;
        is_valid.then_some(Self {
            trace_id: TraceId(trace_id),
            span_id: SpanId(span_id),
            flags,
            state_and_baggage: None,
        })
    }

    /// Adds the baggage of a request that belongs to no trace.
    #[must_use]
    pub fn with_baggage_of(self, headers: &HeaderMap) -> Self {
        let baggage = baggage::read(headers, &BAGGAGE);
        if baggage.is_some() { self.with_state_and_baggage(None, baggage) } else { self }
    }

    fn with_state_and_baggage(mut self, state: Option<HeaderValue>, baggage: Option<HeaderValue>) -> Self {
        self.state_and_baggage =
            (state.is_some() || baggage.is_some()).then(|| Arc::new(TracestateAndBaggage { state, baggage }));
        self
    }

    /// Writes the headers of a request that is sent at this place in the trace. They replace such headers that it
    /// already has.
    pub fn write(&self, headers: &mut HeaderMap) {
        headers.insert(TRACEPARENT, self.traceparent());
        let state_and_baggage = self.state_and_baggage.as_deref();
        for (name, value) in
            [(TRACESTATE, state_and_baggage.map(|it| &it.state)), (BAGGAGE, state_and_baggage.map(|it| &it.baggage))]
        {
            match value.and_then(Option::as_ref) {
                Some(value) => drop(headers.insert(name, value.clone())),
                // The old state belongs to another trace, so it would be wrong here. Baggage belongs to no trace.
                None if name == TRACESTATE => drop(headers.remove(name)),
                None => {}
            }
        }
    }

    /// Writes the value of the header `traceparent`.
    fn traceparent(&self) -> HeaderValue {
        let mut value = Vec::with_capacity(55);
        let digits = b"0123456789abcdef";
        let mut write = |bytes: &[u8], end: &[u8]| {
            for byte in bytes {
                value.extend([digits[usize::from(byte >> 4)], digits[usize::from(byte & 15)]]);
            }
            value.extend_from_slice(end);
        };
        write(&[0], b"-");
        write(&self.trace_id.0.to_be_bytes(), b"-");
        write(&self.span_id.0.to_be_bytes(), b"-");
        write(&[self.flags], b"");
        HeaderValue::from_maybe_shared(Bytes::from(value)).expect("digits and hyphens make a header value")
    }

    /// Returns the id of the trace.
    pub fn trace_id(&self) -> TraceId {
        self.trace_id
    }

    /// Returns the id of the span.
    pub fn span_id(&self) -> SpanId {
        self.span_id
    }

    /// Returns whether the trace is recorded. The process that started the trace has decided this.
    pub fn is_sampled(&self) -> bool {
        self.flags & SAMPLED != 0
    }

    /// Returns the baggage's value for a key.
    pub fn baggage(&self, key: &str) -> Option<Cow<'_, str>> {
        baggage::find(self.state_and_baggage.as_ref()?.baggage.as_ref()?, key)
    }

    /// Adds a value to the baggage. It replaces a value with the same key. All servers that are called from here on get
    /// it. Returns `None` if the key is not an HTTP token, or if the baggage would be larger than 8 KiB.
    pub fn with_baggage(&self, key: &str, value: &str) -> Option<Self> {
        let state_and_baggage = self.state_and_baggage.as_deref().cloned().unwrap_or_default();
        let baggage = baggage::with(state_and_baggage.baggage.as_ref(), key, value)?;
        Some(self.clone().with_state_and_baggage(state_and_baggage.state, Some(baggage)))
    }

    /// Returns the trace that calls made here continue: that of the running handler, or the one that was entered last.
    ///
    /// # Example
    ///
    /// ```
    /// use rpc::TraceContext;
    ///
    /// let trace = TraceContext::new();
    /// trace.enter(|| assert_eq!(TraceContext::current(), Some(trace.clone())));
    /// assert_eq!(TraceContext::current(), None);
    /// ```
    pub fn current() -> Option<Self> {
        let current = CURRENT.take();
        CURRENT.set(current.clone());
        current
    }

    /// Makes calls on this thread continue this trace until the function returns. For futures, use
    /// [`in_scope`](Self::in_scope).
    pub fn enter<R>(&self, run: impl FnOnce() -> R) -> R {
        let _restore = TraceGuard(CURRENT.replace(Some(self.clone())));
        run()
    }

    /// Makes the calls of a future continue this trace.
    ///
    /// # Cancel safety
    ///
    /// The returned future is as cancel safe as the given one.
    ///
    /// # Example
    ///
    /// ```
    /// use rpc::{Client, Context, Server, Telemetry, TraceContext};
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let server = Server::builder()
    ///     .method("parent", |cx: Context| async move { cx.headers()["traceparent"].to_str().unwrap().to_owned() })
    ///     .build();
    /// let client = Client::builder().in_process(&server).telemetry(Telemetry::default()).build()?;
    ///
    /// let job = TraceContext::new();
    /// let parent = job.clone().in_scope(client.call::<String>("parent", ()).into_future()).await?;
    /// assert!(parent.contains(&job.trace_id().to_string()));
    /// # Ok(())
    /// # }
    /// ```
    pub async fn in_scope<F: Future>(self, future: F) -> F::Output {
        let mut future = pin!(future);
        poll_fn(|cx| self.enter(|| future.as_mut().poll(cx))).await
    }
}

/// Restores the previous trace, even if `run` panics.
struct TraceGuard(Option<TraceContext>);

impl Drop for TraceGuard {
    fn drop(&mut self) {
        CURRENT.set(self.0.take());
    }
}

/// Reads hexadecimal digits. The specification requires lower case.
fn hex(digits: &[u8]) -> Option<u128> {
    digits.iter().try_fold(0, |number, digit| match digit {
        b'0'..=b'9' => Some(number << 4 | u128::from(digit - b'0')),
        b'a'..=b'f' => Some(number << 4 | u128::from(digit - b'a' + 10)),
        _ => None,
    })
}

impl fmt::Debug for TraceContext {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // The baggage is omitted, because it may be confidential.
        f.debug_struct("TraceContext")
            .field("trace_id", &self.trace_id)
            .field("span_id", &self.span_id)
            .field("sampled", &self.is_sampled())
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests;
