use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU8, AtomicUsize, Ordering};

use bytes::Bytes;
use rpc_core::params::{decode_value, encode_untyped};
use rpc_core::{Context, ErrorObject, Inherited};
use serde::Serialize;
use serde::de::DeserializeOwned;

use super::handling::Handling;
use super::next::NextFuture;
use super::pipeline::Pipeline;
use crate::handler::{IncomingCall, inherited};
use crate::load::ConnectionLoad;

/// A call, or a notification, on its way through the layers to its handler.
///
/// It owns what it needs. Cloning is cheap, and layers may send one request several times: each time the handler runs.
#[derive(Clone)]
pub struct Request {
    call: Arc<Call>,
    params: Option<Bytes>,
    /// How many of the stages behind the first one are passed.
    stage: usize,
}

/// What the clones of a request have in common.
pub(super) struct Call {
    pub(super) context: Context,
    pub(super) pipeline: Arc<Pipeline>,
    /// The load of the connection that it came by.
    pub(super) load: Arc<ConnectionLoad>,
    /// How long the handler may go on, and what else is to be found where it runs.
    pub(super) place: Place,
    /// Whether the call has a key, so that it was counted at the limits of rates before its store was asked.
    #[cfg(feature = "rate-limit")]
    is_keyed: bool,
    reached: AtomicU8,
    /// How many handlers were begun and have not ended, be they still running, left to themselves or lost in a panic.
    unended: AtomicUsize,
    /// Whether the server has ended the call.
    ended: AtomicBool,
}

/// What handlers find on their thread, kept for layers that run them in a task of their own.
pub(super) struct Place {
    pub(super) inherited: Inherited,
    #[cfg(feature = "telemetry")]
    trace: Option<rpc_core::TraceContext>,
}

impl Place {
    fn current() -> Self {
        Self {
            inherited: inherited(),
            #[cfg(feature = "telemetry")]
            trace: rpc_core::TraceContext::current(),
        }
    }

    /// Runs a part of the handler here, unless its place is this one already.
    pub(super) fn enter<R>(&self, run: impl FnOnce() -> R) -> R {
        if Inherited::current() != Inherited::Nothing {
            return run();
        }
        self.inherited.enter(|| self.in_trace(run))
    }

    #[cfg(feature = "telemetry")]
    fn in_trace<R>(&self, run: impl FnOnce() -> R) -> R {
        match &self.trace {
            Some(trace) if rpc_core::TraceContext::current().is_none() => trace.enter(run),
            _ => run(),
        }
    }

    #[cfg(not(feature = "telemetry"))]
    fn in_trace<R>(&self, run: impl FnOnce() -> R) -> R {
        run()
    }
}

/// No handler has seen the call so far.
const NEW: u8 = 0;
/// A handler was begun.
const BEGUN: u8 = 1;
/// The caller is told that no handler sees the call, and so none may.
const REFUSED: u8 = 2;

impl Call {
    /// Notes that a handler is begun, unless the call was refused already.
    pub(super) fn begin(&self) -> bool {
        let begins = self.leave_new(BEGUN) != REFUSED;
        if begins {
            self.unended.fetch_add(1, Ordering::Relaxed);
        }
        begins
    }

    /// Notes that a handler has ended.
    pub(super) fn end_handler(&self) {
        self.unended.fetch_sub(1, Ordering::Relaxed);
    }

    /// Tells whether a handler was begun of which it is not known what it comes to.
    pub(super) fn is_unended(&self) -> bool {
        self.unended.load(Ordering::Relaxed) != 0
    }

    /// Notes that the server has ended the call, so that no handler of it goes on.
    pub(super) fn end(&self) {
        self.ended.store(true, Ordering::Relaxed);
    }

    pub(super) fn is_ended(&self) -> bool {
        self.ended.load(Ordering::Relaxed)
    }

    /// Refuses the call, unless the handler was begun already.
    pub(super) fn refuse(&self) -> bool {
        self.leave_new(REFUSED) != BEGUN
    }

    fn leave_new(&self, to: u8) -> u8 {
        self.reached.compare_exchange(NEW, to, Ordering::Relaxed, Ordering::Relaxed).unwrap_or_else(|reached| reached)
    }
}

impl Request {
    pub(super) fn new(call: &IncomingCall<'_>, pipeline: Arc<Pipeline>) -> Self {
        let params = call.params.map(|params| call.body.slice_ref(params.as_bytes()));
        let context = call.context();
        let call = Call {
            #[cfg(feature = "rate-limit")]
            is_keyed: call.key.is_some(),
            context,
            pipeline,
            load: Arc::clone(call.load),
            place: Place::current(),
            reached: AtomicU8::new(NEW),
            unended: AtomicUsize::new(0),
            ended: AtomicBool::new(false),
        };
        Self { call: Arc::new(call), params, stage: 0 }
    }

    /// Returns what the handler may ask, too: method, id, headers, peer, principal, deadline.
    pub fn context(&self) -> &Context {
        &self.call.context
    }

    /// Returns the method's name on the wire. An unknown method has the name by which it was called.
    pub fn method(&self) -> &str {
        self.call.context.method()
    }

    /// Tells whether the server has the method, and not only a [fallback](crate::ServerBuilder::fallback). Layers of the
    /// whole server see calls of others, too, whose names anybody may make up.
    pub fn is_known(&self) -> bool {
        self.call.pipeline.known
    }

    /// Tells whether nothing is answered.
    pub fn is_notification(&self) -> bool {
        self.call.context.id().is_none()
    }

    /// Returns the JSON text of the params, an array or an object, or `None` where there are none.
    #[expect(clippy::missing_panics_doc, reason = "params are a part of a text")]
    pub fn params(&self) -> Option<&str> {
        self.params.as_deref().map(|params| std::str::from_utf8(params).expect("params are a part of a text"))
    }

    /// Decodes the params as one value. Absent ones decode as an empty object or array, as `None` or as `()`.
    ///
    /// They come as the caller sent them, by name or by position; only the handler knows its parameters.
    ///
    /// # Errors
    ///
    /// -32602, with data that names the parameter at fault where it is known.
    pub fn parse_params<T: DeserializeOwned>(&self) -> Result<T, ErrorObject> {
        decode_value(self.params())
    }

    /// Puts other params in the place of those that came.
    ///
    /// # Errors
    ///
    /// If the value cannot be written as JSON, or is neither an array, an object nor null, which stands for none.
    pub fn with_params<T: Serialize>(mut self, params: &T) -> Result<Self, serde_json::Error> {
        let mut text = Vec::new();
        encode_untyped(params, &mut text)?;
        self.params = if text.is_empty() { None } else { Some(text.into()) };
        Ok(self)
    }

    /// Tells whether a limit has counted the call already.
    #[cfg(feature = "rate-limit")]
    pub(super) fn is_counted(&self, limiter: &super::rate_limit::Limiter) -> bool {
        self.call.is_keyed && self.call.pipeline.limiters().any(|counted| counted.is(limiter))
    }

    pub(super) fn call(&self) -> &Arc<Call> {
        &self.call
    }

    /// Sends the request on to the next stage, and in the end to the handler.
    pub(super) fn proceed(mut self) -> NextFuture {
        match self.call.pipeline.rest.get(self.stage) {
            Some(stage) => {
                let stage = Arc::clone(stage);
                self.stage += 1;
                NextFuture::stage(stage.call(self))
            }
            None => NextFuture::handler(Handling::new(self.call, self.params)),
        }
    }
}

/// Params may hold secrets, and are not shown.
impl fmt::Debug for Request {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Request")
            .field("method", &self.method())
            .field("id", &self.context().id())
            .finish_non_exhaustive()
    }
}
