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

/// Says that the trace is recorded.
const SAMPLED: u8 = 1;

/// The flags that there are: sampled, and that the trace's id is random.
const FLAGS: u8 = 3;

/// Is a place in a trace that may go through many processes: which trace, which span of it, and what travels with it.
///
/// It goes over the wire as W3C's headers [`traceparent`, `tracestate`](https://www.w3.org/TR/trace-context/) and
/// [`baggage`](https://www.w3.org/TR/baggage/). Servers and clients that have a [`Telemetry`](crate::Telemetry) read
/// and write them. The calls that a handler makes continue its trace without being told. Work that a handler hands to a
/// task of its own takes the trace along by [`in_scope`](Self::in_scope).
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
    /// Most traces have nothing of it.
    luggage: Option<Arc<Luggage>>,
}

#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct Luggage {
    state: Option<HeaderValue>,
    baggage: Option<HeaderValue>,
}

thread_local! {
    static CURRENT: Cell<Option<TraceContext>> = const { Cell::new(None) };
}

impl TraceContext {
    /// Begins a trace, which is recorded.
    #[expect(clippy::new_without_default, reason = "it is another one each time")]
    pub fn new() -> Self {
        Self { trace_id: TraceId::random(), span_id: SpanId::random(), flags: SAMPLED, luggage: None }
    }

    /// Begins a span below this one.
    #[must_use]
    pub fn child(&self) -> Self {
        Self { span_id: SpanId::random(), ..self.clone() }
    }

    /// Reads the trace that a request belongs to, or `None` where it names none or in another way than the
    /// specification has it.
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
        Some(trace.with_luggage(state::read(headers, &TRACESTATE), baggage::read(headers, &BAGGAGE)))
    }

    /// Reads a value of the header `traceparent`.
    fn from_traceparent(value: &[u8]) -> Option<Self> {
        let (head, tail) = value.split_at_checked(55)?;
        let version = hex(&head[..2])?;
        // A later version may say more, behind a hyphen.
        let is_known = if version == 0 { tail.is_empty() } else { tail.first().is_none_or(|byte| *byte == b'-') };
        if version == 0xff || !is_known || [head[2], head[35], head[52]] != *b"---" {
            return None;
        }
        let (trace_id, span_id) = (hex(&head[3..35])?, u64::try_from(hex(&head[36..52])?).ok()?);
        let flags = u8::try_from(hex(&head[53..])?).ok()? & FLAGS;
        let is_valid = trace_id != 0 && span_id != 0;
        is_valid.then_some(Self { trace_id: TraceId(trace_id), span_id: SpanId(span_id), flags, luggage: None })
    }

    /// Takes along the baggage of a request that belongs to no trace.
    #[must_use]
    pub fn with_baggage_of(self, headers: &HeaderMap) -> Self {
        let baggage = baggage::read(headers, &BAGGAGE);
        if baggage.is_some() { self.with_luggage(None, baggage) } else { self }
    }

    fn with_luggage(mut self, state: Option<HeaderValue>, baggage: Option<HeaderValue>) -> Self {
        self.luggage = (state.is_some() || baggage.is_some()).then(|| Arc::new(Luggage { state, baggage }));
        self
    }

    /// Writes the headers of a request that is sent from here, in the place of such headers that it has already.
    pub fn write(&self, headers: &mut HeaderMap) {
        headers.insert(TRACEPARENT, self.traceparent());
        let luggage = self.luggage.as_deref();
        for (name, value) in [(TRACESTATE, luggage.map(|it| &it.state)), (BAGGAGE, luggage.map(|it| &it.baggage))] {
            match value.and_then(Option::as_ref) {
                Some(value) => drop(headers.insert(name, value.clone())),
                // What belongs to another trace would say something wrong of this one. Baggage belongs to none.
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

    /// Returns which trace it is.
    pub fn trace_id(&self) -> TraceId {
        self.trace_id
    }

    /// Returns which span of the trace it is.
    pub fn span_id(&self) -> SpanId {
        self.span_id
    }

    /// Tells whether the trace is recorded, as whoever began it has decided.
    pub fn is_sampled(&self) -> bool {
        self.flags & SAMPLED != 0
    }

    /// Returns the value that the baggage has for a key.
    pub fn baggage(&self, key: &str) -> Option<Cow<'_, str>> {
        baggage::find(self.luggage.as_ref()?.baggage.as_ref()?, key)
    }

    /// Adds a value to the baggage, in the place of one with this key. It goes to every server that is called from here
    /// on. Returns `None` where the key is no token of HTTP, or where the baggage would have more than 8 KiB.
    pub fn with_baggage(&self, key: &str, value: &str) -> Option<Self> {
        let luggage = self.luggage.as_deref().cloned().unwrap_or_default();
        let baggage = baggage::with(luggage.baggage.as_ref(), key, value)?;
        Some(self.clone().with_luggage(luggage.state, Some(baggage)))
    }

    /// Returns the trace that calls continue which are made here and now: that of the handler that runs, or of what was
    /// entered last.
    pub fn current() -> Option<Self> {
        let current = CURRENT.take();
        CURRENT.set(current.clone());
        current
    }

    /// Lets calls that are made continue this trace, on this thread and until the function returns. For what awaits
    /// there is [`in_scope`](Self::in_scope).
    pub fn enter<R>(&self, run: impl FnOnce() -> R) -> R {
        let _restore = Restore(CURRENT.replace(Some(self.clone())));
        run()
    }

    /// Lets the calls that a future makes continue this trace.
    ///
    /// # Cancel safety
    ///
    /// As for the future.
    pub async fn in_scope<F: Future>(self, future: F) -> F::Output {
        let mut future = pin!(future);
        poll_fn(|cx| self.enter(|| future.as_mut().poll(cx))).await
    }
}

/// Puts the former trace back, also when what runs panics.
struct Restore(Option<TraceContext>);

impl Drop for Restore {
    fn drop(&mut self) {
        CURRENT.set(self.0.take());
    }
}

/// Reads hexadecimal digits, which the specification wants to be small letters.
fn hex(digits: &[u8]) -> Option<u128> {
    digits.iter().try_fold(0, |number, digit| match digit {
        b'0'..=b'9' => Some(number << 4 | u128::from(digit - b'0')),
        b'a'..=b'f' => Some(number << 4 | u128::from(digit - b'a' + 10)),
        _ => None,
    })
}

impl fmt::Debug for TraceContext {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Without the baggage, which may hold what is nobody's business.
        f.debug_struct("TraceContext")
            .field("trace_id", &self.trace_id)
            .field("span_id", &self.span_id)
            .field("sampled", &self.is_sampled())
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests;
