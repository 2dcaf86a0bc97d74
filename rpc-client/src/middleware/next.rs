//! [`Next`]: the type-erased service that a layer calls to pass a request on. It passes readiness through.

use std::fmt;
use std::future::poll_fn;
use std::task::{Context, Poll};

use rpc_core::BoxFuture;
use tower_service::Service;

use super::error::failure_of;
use super::layer_request::{LayerRequest, LayerService};
use crate::failure::Failure;

/// The service inside a layer: the layers further in, and at the end the sender.
///
/// It is a `tower::Service` that reports the readiness of the inner service. Each call of a client has its own clone.
pub struct Next<R: LayerRequest = super::Request>(Box<dyn ErasedService<R>>);

/// A service with an erased type.
trait ErasedService<R: LayerRequest>: Send + Sync {
    fn clone_box(&self) -> Box<dyn ErasedService<R>>;
    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Failure>>;
    fn call(&mut self, request: R) -> BoxFuture<Result<R::Response, Failure>>;
}

impl<R: LayerRequest, S: LayerService<R>> ErasedService<R> for S {
    fn clone_box(&self) -> Box<dyn ErasedService<R>> {
        Box::new(self.clone())
    }

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Failure>> {
        Service::poll_ready(self, cx).map_err(|error| failure_of(error.into()))
    }

    fn call(&mut self, request: R) -> BoxFuture<Result<R::Response, Failure>> {
        let answering = Service::call(self, request);
        Box::pin(async { answering.await.map_err(|error| failure_of(error.into())) })
    }
}

impl<R: LayerRequest> Next<R> {
    pub(super) fn erase(service: impl LayerService<R>) -> Self {
        Self(Box::new(service))
    }

    /// Waits until the inner service is ready, passes the request on, and returns the response.
    ///
    /// # Errors
    ///
    /// The error of a layer further in. For a [`Request`](super::Request), the answers to its calls, failures included,
    /// are in the [`Response`](super::Response).
    ///
    /// # Cancel safety
    ///
    /// Dropping the future cancels the request, as dropping a call does. The call may have run.
    pub async fn run(mut self, request: R) -> Result<R::Response, Failure> {
        poll_fn(|cx| self.0.poll_ready(cx)).await?;
        let answering = self.0.call(request);
        drop(self);
        answering.await
    }
}

impl<R: LayerRequest> Service<R> for Next<R> {
    type Response = R::Response;
    type Error = Failure;
    type Future = BoxFuture<Result<R::Response, Failure>>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Failure>> {
        self.0.poll_ready(cx)
    }

    fn call(&mut self, request: R) -> Self::Future {
        self.0.call(request)
    }
}

impl<R: LayerRequest> Clone for Next<R> {
    fn clone(&self) -> Self {
        Self(self.0.clone_box())
    }
}

impl<R: LayerRequest> fmt::Debug for Next<R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Next").finish_non_exhaustive()
    }
}
