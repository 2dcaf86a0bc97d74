//! The layers that users add while they build a server: for all methods, for a service, or for one method.
//! [`LayerSettings::wrap`] puts them around the handlers in the right order. It also gives unknown methods a handler,
//! so that layers see calls to them.

use std::borrow::Cow;
use std::fmt;
use std::ops::Range;
use std::sync::Arc;

use rpc_core::codec::Responder;
use rpc_core::{ErrorObject, MethodSpec};

use super::layer::{CallLayer, NewStage};
use super::layered_handler::wrapped;
use super::pipeline::Stage;
use crate::call::Call;
use crate::fault::Fault;
use crate::handler::{FnHandler, StartedHandler};
use crate::table::{Methods, OTHER, Row};

/// The layers that users add while they build a server.
#[derive(Default)]
pub(crate) struct LayerSettings {
    server: Vec<Arc<dyn Stage>>,
    /// Each stage with the rows of its service.
    services: Vec<(Range<usize>, Arc<dyn Stage>)>,
    methods: Vec<(Cow<'static, str>, Arc<dyn Stage>)>,
}

impl LayerSettings {
    pub(crate) fn add(&mut self, layer: impl CallLayer) {
        let NewStage(stage) = layer.into_stage();
        self.server.push(stage);
    }

    /// Adds the layers of a service. Its methods are these rows.
    pub(crate) fn add_to_service(&mut self, rows: &Range<usize>, layers: Vec<NewStage>) {
        self.services.extend(layers.into_iter().map(|NewStage(stage)| (rows.clone(), stage)));
    }

    pub(crate) fn add_to_method(&mut self, method: Cow<'static, str>, layer: impl CallLayer) {
        let NewStage(stage) = layer.into_stage();
        self.methods.push((method, stage));
    }

    /// Wraps the handlers of all methods that have layers. The others stay unchanged.
    #[track_caller]
    pub(crate) fn wrap(self, methods: &mut Methods) {
        self.find_methods(methods);
        for (index, row) in methods.rows_mut().enumerate() {
            let of_services = self.services.iter().filter(|(rows, _)| rows.contains(&index)).map(|(_, stage)| stage);
            let of_method = self.methods.iter().filter(|(name, _)| *name == row.method.name).map(|(_, stage)| stage);
            let stages = self.server.iter().chain(of_services).chain(of_method).cloned();
            row.handler = wrapped(Arc::clone(&row.handler), stages);
        }
        if let Some(row) = methods.fallback_mut() {
            row.handler = wrapped(Arc::clone(&row.handler), self.server.iter().cloned());
        }
        if !self.server.is_empty() {
            let not_found = |_: &Call<'_>, responder: &mut Responder<'_>| {
                StartedHandler::Done(responder.error(&ErrorObject::method_not_found()).map_err(Fault::from))
            };
            // Such a call has no effect, so it may be dropped with its caller.
            let handler = wrapped(Arc::new(FnHandler(not_found)), self.server);
            methods.set_unknown(Row::new(MethodSpec::new(OTHER).readonly(), handler));
        }
    }

    /// Panics if a layer is for a method that does not exist, or for an alias.
    #[track_caller]
    fn find_methods(&self, methods: &Methods) {
        for (name, _) in &self.methods {
            if let Some(row) = methods.rows().find(|row| row.method.aliases.contains(&&**name)) {
                panic!("method_layer: {name:?} is an alias of the method {:?}, whose layers it has", row.method.name);
            }
            assert!(methods.rows().any(|row| row.method.name == *name), "method_layer: there is no method {name:?}");
        }
    }
}

impl fmt::Debug for LayerSettings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let methods: Vec<_> = self.methods.iter().map(|(method, _)| method).collect();
        f.debug_struct("LayerSettings").field("server", &self.server.len()).field("methods", &methods).finish()
    }
}
