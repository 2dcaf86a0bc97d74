use std::future::poll_fn;
use std::pin::Pin;

use rpc_core::BoxFuture;
use tower::Service;

use super::error::{self, BoxError};
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

    /// Calls it as the outermost one, in the place of the call's handler.
    fn start(&self, request: Request) -> Pin<Box<dyn Running>>;
}

pub(super) struct Erased<S>(pub(super) S);

impl<S: CallService> Stage for Erased<S> {
    fn call(&self, request: Request) -> BoxFuture<Response> {
        Box::pin(run(self.0.clone(), request))
    }

    fn start(&self, request: Request) -> Pin<Box<dyn Running>> {
        let service = self.0.clone();
        Box::pin(async move {
            let call = request.call().clone();
            let response = run(service, request).await;
            if response.is_refused() && !call.refuse() { response.was_seen() } else { response }
        })
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
