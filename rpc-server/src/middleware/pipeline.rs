use std::borrow::Cow;
use std::fmt;
use std::sync::Arc;
#[cfg(feature = "rate-limit")]
use std::time::Duration;

use rpc_core::codec::Responder;
use rpc_core::{ErrorObject, MethodSpec};

use super::layer::NewStage;
#[cfg(feature = "rate-limit")]
use super::rate_limit::Limiter;
use super::request::Call;
use super::{CallLayer, Request, Stage};
use crate::dispatch::InFlight;
use crate::fault::Fault;
use crate::handler::{FnHandler, Handler, IncomingCall, Started};
use crate::table::{Methods, OTHER, Row};

/// The layers that a server is given while it is built.
#[derive(Default)]
pub(crate) struct Settings {
    server: Vec<Arc<dyn Stage>>,
    methods: Vec<(Cow<'static, str>, Arc<dyn Stage>)>,
}

impl Settings {
    pub(crate) fn add(&mut self, layer: impl CallLayer) {
        let NewStage(stage) = layer.into_stage();
        self.server.push(stage);
    }

    pub(crate) fn add_to_method(&mut self, method: Cow<'static, str>, layer: impl CallLayer) {
        let NewStage(stage) = layer.into_stage();
        self.methods.push((method, stage));
    }

    /// Wraps the handlers of all methods that have layers, and leaves the others as they are.
    #[track_caller]
    pub(crate) fn wrap(self, methods: &mut Methods, in_flight: &Arc<InFlight>) {
        for (name, stage) in self.methods {
            if let Some(row) = methods.rows().find(|row| row.method.aliases.contains(&&*name)) {
                panic!("method_layer: {name:?} is an alias of the method {:?}, whose layers it has", row.method.name);
            }
            let row = methods.rows_mut().find(|row| row.method.name == name);
            let Some(row) = row else { panic!("method_layer: there is no method {name:?}") };
            row.stages.push(stage);
        }
        let wrap = |row: &mut Row, known: bool| {
            let mut stages = self.server.iter().cloned().chain(row.stages.drain(..));
            let Some(first) = stages.next() else { return };
            let (rest, handler) = (stages.collect(), Arc::clone(&row.handler));
            let pipeline = Pipeline { first, rest, handler, in_flight: Arc::clone(in_flight), known };
            row.handler = Arc::new(Piped(Arc::new(pipeline)));
        };
        methods.rows_mut().for_each(|row| wrap(row, true));
        methods.fallback_mut().into_iter().for_each(|row| wrap(row, false));
        if !self.server.is_empty() {
            let not_found = |_: &IncomingCall<'_>, responder: &mut Responder<'_>| {
                Started::Done(responder.error(&ErrorObject::method_not_found()).map_err(Fault::from))
            };
            // Nothing is lost where such a call is dropped with its caller.
            let mut row = Row::new(MethodSpec::new(OTHER).readonly(), Arc::new(FnHandler(not_found)));
            wrap(&mut row, false);
            methods.set_unknown(row);
        }
    }
}

impl fmt::Debug for Settings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let methods: Vec<_> = self.methods.iter().map(|(method, _)| method).collect();
        f.debug_struct("Settings").field("server", &self.server.len()).field("methods", &methods).finish()
    }
}

/// The way of a method's calls: through stages to the handler.
pub(super) struct Pipeline {
    first: Arc<dyn Stage>,
    pub(super) rest: Box<[Arc<dyn Stage>]>,
    pub(super) handler: Arc<dyn Handler>,
    pub(super) in_flight: Arc<InFlight>,
    /// Whether there is such a method.
    pub(super) known: bool,
}

#[cfg(feature = "rate-limit")]
impl Pipeline {
    /// Returns the limits of rates that were added as layers of their own.
    pub(super) fn limiters(&self) -> impl Iterator<Item = &Limiter> {
        std::iter::once(&self.first).chain(&self.rest).filter_map(|stage| stage.limiter())
    }
}

impl Call {
    /// Returns how large a response may be.
    pub(super) fn limit(&self) -> usize {
        self.pipeline.in_flight.max_response_bytes
    }
}

/// A handler with its layers, which is a handler again.
struct Piped(Arc<Pipeline>);

impl Handler for Piped {
    #[cfg(feature = "rate-limit")]
    fn count(&self, call: &IncomingCall<'_>) -> Result<(), Duration> {
        let mut limiters = self.0.limiters().peekable();
        if limiters.peek().is_none() {
            return Ok(());
        }
        let context = call.context();
        limiters.try_for_each(|limiter| limiter.take(&context))
    }

    fn start(&self, call: &IncomingCall<'_>, _: &mut Responder<'_>) -> Started {
        Started::Running(self.0.first.start(Request::new(call, Arc::clone(&self.0))))
    }
}
