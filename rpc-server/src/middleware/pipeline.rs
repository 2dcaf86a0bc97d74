//! The stages of a method's calls and the handler behind them. [`Stage`] is a layer with its type erased; `stage`
//! implements it.

use std::pin::Pin;
use std::sync::Arc;

use rpc_core::BoxFuture;

#[cfg(feature = "rate-limit")]
use super::rate_limit::Limiter;
use super::request::Request;
use super::response::Response;
use crate::handler::{Handler, Running};

/// A layer, or several, around whatever comes next. This is where types are erased: one box a stage and call.
pub(crate) trait Stage: Send + Sync {
    /// Calls it from a stage further outside.
    fn call(&self, request: Request) -> BoxFuture<Response>;

    /// Returns the limit of rates that this is, if it is one.
    #[cfg(feature = "rate-limit")]
    fn limiter(&self) -> Option<&Limiter>;

    /// Calls it as the outermost one, in the place of the call's handler.
    fn start(&self, request: Request) -> Pin<Box<dyn Running>>;
}

/// The way of a method's calls: through stages to the handler.
pub(super) struct Pipeline {
    pub(super) first: Arc<dyn Stage>,
    pub(super) rest: Box<[Arc<dyn Stage>]>,
    pub(super) handler: Arc<dyn Handler>,
}

#[cfg(feature = "rate-limit")]
impl Pipeline {
    /// Returns the limits of rates that were added as layers of their own.
    pub(super) fn limiters(&self) -> impl Iterator<Item = &Limiter> {
        std::iter::once(&self.first).chain(&self.rest).filter_map(|stage| stage.limiter())
    }
}
