//! A request with watched calls, and the trace that its headers name. It decides each call's position in that trace.

use std::sync::Arc;

use rpc_core::{RequestContext, TraceContext};

use super::state::TelemetryState;

/// The request, if its calls are watched.
pub(crate) type OptRequestTelemetry = Option<Box<RequestTelemetry>>;

/// A request with watched calls.
#[derive(Debug)]
pub(crate) struct RequestTelemetry {
    pub(super) state: Arc<TelemetryState>,
    /// The caller's position in its trace.
    pub(super) caller: Option<TraceContext>,
}

impl RequestTelemetry {
    #[cold]
    pub(super) fn new(state: &Arc<TelemetryState>, request: &RequestContext) -> Self {
        let telemetry = &state.telemetry;
        let reads = telemetry.continue_traces && telemetry.propagator().is_none();
        let caller = if reads { TraceContext::from_headers(&request.headers) } else { None };
        Self { state: Arc::clone(state), caller }
    }

    /// Returns the position of a call of the request in a trace. Returns `None` if the user's propagator handles
    /// traces.
    pub(super) fn trace(&self, request: &RequestContext) -> Option<TraceContext> {
        let telemetry = &self.state.telemetry;
        match &self.caller {
            _ if telemetry.propagator().is_some() => None,
            // Without a span of the server, calls made from here are children of the caller's span.
            caller if !telemetry.spans => caller.clone(),
            Some(caller) => Some(caller.child()),
            None if telemetry.continue_traces => Some(TraceContext::new().with_baggage_of(&request.headers)),
            None => Some(TraceContext::new()),
        }
    }
}
