//! [`Request`]: a call as layers see it. Its clones share one state. Each clone has only its params and its position in
//! the pipeline for itself.

use std::fmt;
use std::sync::Arc;
use std::task::Poll;

use bytes::Bytes;
use rpc_core::codec::Responder;
use rpc_core::params::{decode_value, encode_untyped};
use rpc_core::{Context, ErrorObject};
use serde::Serialize;
use serde::de::DeserializeOwned;

use super::call_lifecycle::CallLifecycle;
use super::inherited_context::InheritedContext;
use super::pipeline::{Pipeline, Stage};
use super::response::Response;
use crate::call::{Call, OwnedCall};
use crate::fault::Executed;

/// A call or notification on its way through the layers to its handler.
///
/// It owns its data. Cloning is cheap. Layers may send one request several times: the handler runs each time.
#[derive(Clone)]
pub struct Request {
    shared: Arc<SharedRequest>,
    params: Option<Bytes>,
    /// How many of the stages behind the first one the request has passed.
    stage: usize,
}

/// What the clones of a request share.
pub(super) struct SharedRequest {
    /// The call without its params, because layers may replace those.
    pub(super) call: OwnedCall,
    pub(super) pipeline: Arc<Pipeline>,
    pub(super) inherited_context: InheritedContext,
    pub(super) lifecycle: CallLifecycle,
}

impl SharedRequest {
    /// Polls the handler, which writes a response.
    pub(super) fn poll(&self, poll: impl FnOnce(&mut Responder<'_>) -> Executed) -> Poll<Response> {
        let limit = self.call.in_flight.max_response_bytes;
        Response::poll_of(self.call.context(), limit, |responder| self.inherited_context.enter(|| poll(responder)))
    }
}

impl Request {
    pub(super) fn new(call: &Call<'_>, pipeline: Arc<Pipeline>) -> Self {
        let params = call.shared_params();
        let call = call.without_params();
        let shared = SharedRequest {
            call,
            pipeline,
            inherited_context: InheritedContext::current(),
            lifecycle: CallLifecycle::default(),
        };
        Self { shared: Arc::new(shared), params, stage: 0 }
    }

    /// Returns what the handler can read, too: method, id, headers, peer, principal, deadline.
    pub fn context(&self) -> &Context {
        self.shared.call.context()
    }

    /// Returns the method's name on the wire. For an unknown method this is the name that the caller sent.
    pub fn method(&self) -> &str {
        self.context().method()
    }

    /// Returns whether the server has the method. A [fallback](crate::ServerBuilder::fallback) does not count. Layers
    /// of the whole server also see calls to unknown methods, and callers can invent their names.
    pub fn is_known(&self) -> bool {
        self.shared.call.is_known()
    }

    /// Returns whether the request is a notification, which gets no answer.
    pub fn is_notification(&self) -> bool {
        self.context().id().is_none()
    }

    /// Returns the JSON text of the params, an array or an object, or `None` if there are none.
    #[expect(clippy::missing_panics_doc, reason = "params are a part of a text")]
    pub fn params(&self) -> Option<&str> {
        self.params.as_deref().map(|params| std::str::from_utf8(params).expect("params are a part of a text"))
    }

    /// Decodes the params as one value. Missing params decode as an empty object or array, as `None` or as `()`.
    ///
    /// The params are as the caller sent them, by name or by position. Only the handler knows its parameters.
    ///
    /// # Errors
    ///
    /// -32602, with data that names the invalid parameter if it is known.
    pub fn parse_params<T: DeserializeOwned>(&self) -> Result<T, ErrorObject> {
        decode_value(self.params())
    }

    /// Replaces the params.
    ///
    /// # Errors
    ///
    /// If the value cannot be written as JSON, or is neither an array, an object nor null. Null stands for no params.
    pub fn with_params<T: Serialize>(mut self, params: &T) -> Result<Self, serde_json::Error> {
        let mut text = Vec::new();
        encode_untyped(params, &mut text)?;
        self.params = if text.is_empty() { None } else { Some(text.into()) };
        Ok(self)
    }

    /// Returns whether a rate limit has already counted the call.
    #[cfg(feature = "rate-limit")]
    pub(super) fn is_counted(&self, limiter: &super::rate_limit::Limiter) -> bool {
        self.shared.call.has_key() && self.shared.pipeline.limiters().any(|counted| counted.is(limiter))
    }

    pub(super) fn shared(&self) -> &Arc<SharedRequest> {
        &self.shared
    }

    /// Returns the next stage and the request for it. Behind the last stage, returns what the handler needs.
    pub(super) fn proceed(mut self) -> NextStep {
        match self.shared.pipeline.rest.get(self.stage) {
            Some(stage) => {
                let stage = Arc::clone(stage);
                self.stage += 1;
                NextStep::Stage(stage, self)
            }
            None => NextStep::Handler(self.shared, self.params),
        }
    }
}

/// Where a request goes next.
pub(super) enum NextStep {
    Stage(Arc<dyn Stage>, Request),
    Handler(Arc<SharedRequest>, Option<Bytes>),
}

/// Params are not shown, because they may contain secrets.
impl fmt::Debug for Request {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Request")
            .field("method", &self.method())
            .field("id", &self.context().id())
            .finish_non_exhaustive()
    }
}
