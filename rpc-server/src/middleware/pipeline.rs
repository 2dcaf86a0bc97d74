//! The stages of a method's calls and the handler behind them. [`Stage`] is a layer with its type erased; `stage`
//! implements it.

use std::pin::Pin;
use std::sync::Arc;

use rpc_core::BoxFuture;

#[cfg(feature = "rate-limit")]
use super::rate_limit::Limiter;
use super::request::Request;
use super::response::Response;
use crate::handler::{Handler, RunningHandler};

/// One or several layers around the rest of the pipeline. Types are erased here: one box per stage and call.
pub(crate) trait Stage: Send + Sync {
    /// Calls the stage from a stage further outside.
    fn call(&self, request: Request) -> BoxFuture<Response>;

    /// Returns the limiter if the stage is a rate limit and nothing else.
    #[cfg(feature = "rate-limit")]
    fn limiter(&self) -> Option<&Limiter>;

    /// Starts the stage as the outermost one, instead of the call's handler.
    fn start(&self, request: Request) -> Pin<Box<dyn RunningHandler>>;
}

/// The path of a method's calls: through the stages to the handler.
pub(super) struct Pipeline {
    pub(super) first: Arc<dyn Stage>,
    pub(super) rest: Box<[Arc<dyn Stage>]>,
    pub(super) handler: Arc<dyn Handler>,
}

#[cfg(feature = "rate-limit")]
impl Pipeline {
    /// Returns the rate limits that were added as layers of their own.
    pub(super) fn limiters(&self) -> impl Iterator<Item = &Limiter> {
        std::iter::once(&self.first).chain(&self.rest).filter_map(|stage| stage.limiter())
    }
}
