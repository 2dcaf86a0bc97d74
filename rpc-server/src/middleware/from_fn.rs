//! Layers from async functions.

use std::convert::Infallible;
use std::fmt;
use std::sync::Arc;
use std::task::{Context as TaskContext, Poll};

use futures_util::FutureExt;
use futures_util::future::Map;
use tower::{Layer, Service};

use super::stage::CallService;
use super::{Next, Request, Response};

/// Makes a layer from an async function or closure, which takes a [`Request`] and passes it on with [`Next`].
///
/// The function returns a [`Response`], or a `Result` with an [`ErrorObject`](rpc_core::ErrorObject) or a
/// [`Refusal`](super::Refusal) as its error.
///
/// # Example
///
/// ```
/// use rpc::ErrorObject;
/// use rpc::middleware::{self, Next, Request, Response};
///
/// async fn tenants_only(request: Request, next: Next) -> Result<Response, ErrorObject> {
///     if !request.context().headers().contains_key("x-tenant") {
///         return Err(ErrorObject::new(1403, "which tenant?"));
///     }
///     Ok(next.run(request).await)
/// }
///
/// let server = rpc::Server::builder()
///     .method("ping", || async { "pong" })
///     .layer(middleware::from_fn(tenants_only))
///     .layer(middleware::from_fn(|request: Request, next: Next| async move {
///         println!("{}", request.method());
///         next.run(request).await
///     }))
///     .build();
/// ```
pub fn from_fn<F, Fut>(run: F) -> FromFn<F>
where
    F: Fn(Request, Next) -> Fut + Send + Sync + 'static,
    Fut: Future<Output: Into<Response>> + Send + 'static,
{
    FromFn(Arc::new(run))
}

/// The layer that [`from_fn`] makes.
pub struct FromFn<F>(Arc<F>);

impl<F, S: CallService> Layer<S> for FromFn<F> {
    type Service = FromFnService<F>;

    fn layer(&self, inner: S) -> FromFnService<F> {
        FromFnService { run: Arc::clone(&self.0), next: Next::erase(inner) }
    }
}

/// The service of [`FromFn`].
pub struct FromFnService<F> {
    run: Arc<F>,
    next: Next,
}

impl<F, Fut> Service<Request> for FromFnService<F>
where
    F: Fn(Request, Next) -> Fut,
    Fut: Future<Output: Into<Response>>,
{
    type Response = Response;
    type Error = Infallible;
    type Future = Map<Fut, fn(Fut::Output) -> Result<Response, Infallible>>;

    fn poll_ready(&mut self, _: &mut TaskContext<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request) -> Self::Future {
        (self.run)(request, self.next.clone()).map(|output| Ok(output.into()))
    }
}

impl<F> Clone for FromFn<F> {
    fn clone(&self) -> Self {
        Self(Arc::clone(&self.0))
    }
}

impl<F> Clone for FromFnService<F> {
    fn clone(&self) -> Self {
        Self { run: Arc::clone(&self.run), next: self.next.clone() }
    }
}

impl<F> fmt::Debug for FromFn<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("FromFn").field(&std::any::type_name::<F>()).finish()
    }
}

impl<F> fmt::Debug for FromFnService<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("FromFnService").field(&std::any::type_name::<F>()).finish()
    }
}
