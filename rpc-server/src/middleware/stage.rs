//! A tower service as a [`Stage`]. It waits until the service is ready, calls it, and turns its error into a response.
//! The outermost stage also decides, by `call_lifecycle`, whether a refusal still counts.

use std::future::poll_fn;
use std::pin::{Pin, pin};

use rpc_core::{BoxFuture, InheritedTimeLimit};
use tower::Service;

use super::call_lifecycle::CallLifecycle;
use super::error::{self, BoxError};
use super::pipeline::Stage;
#[cfg(feature = "rate-limit")]
use super::rate_limit::Limiter;
use super::request::Request;
use super::response::Response;
use crate::handler::RunningHandler;

/// A service around calls: one name for all of its bounds.
pub trait CallService:
    Service<Request, Response = Response, Error: Into<BoxError>, Future: Send> + Clone + Send + Sync + 'static
{
}

impl<S> CallService for S where
    S: Service<Request, Response = Response, Error: Into<BoxError>, Future: Send> + Clone + Send + Sync + 'static
{
}

/// A service with its type erased.
pub(super) struct ErasedService<S> {
    service: S,
    /// The limiter, if the service is a rate limit and nothing else.
    #[cfg(feature = "rate-limit")]
    limiter: Option<Limiter>,
}

impl<S> ErasedService<S> {
    pub(super) fn new(service: S) -> Self {
        Self {
            service,
            #[cfg(feature = "rate-limit")]
            limiter: None,
        }
    }

    /// Sets the limiter of a service that is a rate limit.
    #[cfg(feature = "rate-limit")]
    pub(super) fn with_limiter(self, limiter: Option<Limiter>) -> Self {
        Self { limiter, ..self }
    }
}

impl<S: CallService> Stage for ErasedService<S> {
    fn call(&self, request: Request) -> BoxFuture<Response> {
        Box::pin(run(self.service.clone(), request))
    }

    #[cfg(feature = "rate-limit")]
    fn limiter(&self) -> Option<&Limiter> {
        self.limiter.as_ref()
    }

    fn start(&self, request: Request) -> Pin<Box<dyn RunningHandler>> {
        let service = self.service.clone();
        Box::pin(async move {
            let shared = request.shared().clone();
            let lifecycle = &shared.lifecycle;
            let mut answering = pin!(run(service, request));
            // Dropped before `answering`, so that a dropped `HandlerFuture` sees that the call has ended.
            let _ending = EndCallOnDrop(lifecycle);
            let response = answering.as_mut().await;
            let response = if response.is_refused() && !lifecycle.refuse() { response.was_seen() } else { response };
            if lifecycle.has_unended_handler() { response.gave_up() } else { response }
        })
    }
}

/// Ends the call if the server drops it with all of its layers. The thread has no inherited time then, unlike within a
/// poll.
struct EndCallOnDrop<'a>(&'a CallLifecycle);

impl Drop for EndCallOnDrop<'_> {
    fn drop(&mut self) {
        if InheritedTimeLimit::current() == InheritedTimeLimit::Nothing {
            self.0.end_call();
        }
    }
}

/// Calls a service once it is ready. Each call has a service of its own, so that a waiting call does not delay the
/// others.
async fn run<S: CallService>(mut service: S, request: Request) -> Response {
    if let Err(error) = poll_fn(|cx| service.poll_ready(cx)).await {
        return error::answer(error.into());
    }
    let answering = service.call(request);
    drop(service);
    answering.await.unwrap_or_else(|error| error::answer(error.into()))
}
