use std::future::poll_fn;
use std::pin::{Pin, pin};

use rpc_core::{BoxFuture, Inherited};
use tower::Service;

use super::error::{self, BoxError};
#[cfg(feature = "rate-limit")]
use super::rate_limit::Limiter;
use super::request::Call;
use super::{Request, Response};
use crate::handler::Running;

/// A service around calls, with one name for all that is asked of it.
pub trait CallService:
    Service<Request, Response = Response, Error: Into<BoxError>, Future: Send> + Clone + Send + Sync + 'static
{
}

impl<S> CallService for S where
    S: Service<Request, Response = Response, Error: Into<BoxError>, Future: Send> + Clone + Send + Sync + 'static
{
}

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

pub(super) struct Erased<S>(pub(super) S);

impl<S: CallService> Stage for Erased<S> {
    fn call(&self, request: Request) -> BoxFuture<Response> {
        Box::pin(run(self.0.clone(), request))
    }

    #[cfg(feature = "rate-limit")]
    fn limiter(&self) -> Option<&Limiter> {
        let service = &self.0 as &dyn std::any::Any;
        service.downcast_ref::<super::RateLimited<super::Next>>().map(super::RateLimited::limiter)
    }

    fn start(&self, request: Request) -> Pin<Box<dyn Running>> {
        let service = self.0.clone();
        Box::pin(async move {
            let call = request.call().clone();
            let mut answering = pin!(run(service, request));
            // Is dropped before what it is told of.
            let _ending = Ending(&call);
            let response = answering.as_mut().await;
            let response = if response.is_refused() && !call.refuse() { response.was_seen() } else { response };
            if call.is_unended() { response.gave_up() } else { response }
        })
    }
}

/// Notes that the server ends a call, when this is dropped with all of its layers and nothing is inherited any longer.
struct Ending<'a>(&'a Call);

impl Drop for Ending<'_> {
    fn drop(&mut self) {
        if Inherited::current() == Inherited::Nothing {
            self.0.end();
        }
    }
}

/// Calls a service once it is ready. Each call has its own, so that one that waits does not hold up the others.
async fn run<S: CallService>(mut service: S, request: Request) -> Response {
    if let Err(error) = poll_fn(|cx| service.poll_ready(cx)).await {
        return error::answer(error.into());
    }
    let answering = service.call(request);
    drop(service);
    answering.await.unwrap_or_else(|error| error::answer(error.into()))
}
