//! A request whose calls are watched, with the trace that its headers name. It decides each call's place in that trace.

use std::sync::Arc;

use rpc_core::{RequestContext, TraceContext};

use super::observing::Observing;

/// What is known of the request whose calls are watched, if they are.
pub(crate) type OfRequest = Option<Box<Incoming>>;

/// A request whose calls are watched.
#[derive(Debug)]
pub(crate) struct Incoming {
    pub(super) observing: Arc<Observing>,
    /// The caller's place in its trace.
    pub(super) caller: Option<TraceContext>,
}

impl Incoming {
    #[cold]
    pub(super) fn new(observing: &Arc<Observing>, request: &RequestContext) -> Self {
        let telemetry = &observing.telemetry;
        let reads = telemetry.continue_traces && telemetry.propagator().is_none();
        let caller = if reads { TraceContext::from_headers(&request.headers) } else { None };
        Self { observing: Arc::clone(observing), caller }
    }

    /// Returns the place that a call of the request has in a trace, if the framework sees to that.
    pub(super) fn trace(&self, request: &RequestContext) -> Option<TraceContext> {
        let telemetry = &self.observing.telemetry;
        match &self.caller {
            _ if telemetry.propagator().is_some() => None,
            // Where there is no span of ours, what is called from here is the caller's child.
            caller if !telemetry.spans => caller.clone(),
            Some(caller) => Some(caller.child()),
            None if telemetry.continue_traces => Some(TraceContext::new().with_baggage_of(&request.headers)),
            None => Some(TraceContext::new()),
        }
    }
}
