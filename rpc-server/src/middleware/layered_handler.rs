//! A handler with its layers, as a [`Handler`] again. So `dispatch` and keyed calls need not know about layers. For
//! keyed calls it also counts rate limits before the server asks the store.

use std::sync::Arc;
#[cfg(feature = "rate-limit")]
use std::time::Duration;

use rpc_core::codec::Responder;

use super::pipeline::{Pipeline, Stage};
use super::request::Request;
use crate::call::Call;
use crate::handler::{Handler, StartedHandler};

/// A handler with its layers, as one handler.
struct LayeredHandler(Arc<Pipeline>);

/// Wraps a handler in stages. The first stage is the outermost. Without stages, returns the handler unchanged.
pub(super) fn wrapped(handler: Arc<dyn Handler>, stages: impl IntoIterator<Item = Arc<dyn Stage>>) -> Arc<dyn Handler> {
    let mut stages = stages.into_iter();
    match stages.next() {
        Some(first) => Arc::new(LayeredHandler(Arc::new(Pipeline { first, rest: stages.collect(), handler }))),
        None => handler,
    }
}

impl Handler for LayeredHandler {
    #[cfg(feature = "rate-limit")]
    fn count(&self, call: &Call<'_>) -> Result<(), Duration> {
        let mut limiters = self.0.limiters().peekable();
        if limiters.peek().is_none() {
            return Ok(());
        }
        let context = call.context();
        limiters.try_for_each(|limiter| limiter.take(&context))
    }

    fn start(&self, call: &Call<'_>, _: &mut Responder<'_>) -> StartedHandler {
        StartedHandler::Running(self.0.first.start(Request::new(call, Arc::clone(&self.0))))
    }
}
