//! Layers made from async functions.

use std::fmt;
use std::marker::PhantomData;
use std::sync::Arc;
use std::task::{Context, Poll};

use tower::Layer;
use tower_service::Service;

use super::error::BoxError;
use super::layer_request::{LayerRequest, LayerService};
use super::next::Next;

/// Makes a layer from an async function or closure that takes a request and the [`Next`] service.
///
/// With [`Request`](super::Request) and `Next` the layer is for [`ClientBuilder::layer`](crate::ClientBuilder::layer).
/// With [`transport::Request`](crate::transport::Request) and `Next<transport::Request>` it is for
/// [`ClientBuilder::attempt_layer`](crate::ClientBuilder::attempt_layer). The function returns a `Result` with the
/// response.
///
/// # Example
///
/// ```
/// use rpc::client_middleware::{Next, Request, Response, from_fn};
/// use rpc::{Client, Failure, Server};
///
/// async fn tenant(mut request: Request, next: Next) -> Result<Response, Failure> {
///     request.headers_mut().insert("x-tenant", http::HeaderValue::from_static("a"));
///     next.run(request).await
/// }
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let server = Server::builder()
///     .method("tenant", |cx: rpc::Context| async move { cx.headers()["x-tenant"].to_str().unwrap().to_owned() })
///     .build();
/// let client = Client::builder().in_process(&server).layer(from_fn(tenant)).build()?;
/// assert_eq!(client.call::<String>("tenant", ()).await?, "a");
/// # Ok(())
/// # }
/// ```
pub fn from_fn<R, F, Fut, E>(run: F) -> FromFn<F, R>
where
    R: LayerRequest,
    F: Fn(R, Next<R>) -> Fut + Send + Sync + 'static,
    Fut: Future<Output = Result<R::Response, E>> + Send + 'static,
    E: Into<BoxError>,
{
    FromFn { run: Arc::new(run), request: PhantomData }
}

/// The layer that [`from_fn`] makes.
pub struct FromFn<F, R = super::Request> {
    run: Arc<F>,
    request: PhantomData<fn(R)>,
}

impl<F, R: LayerRequest, S: LayerService<R>> Layer<S> for FromFn<F, R> {
    type Service = FromFnService<F, R>;

    fn layer(&self, inner: S) -> FromFnService<F, R> {
        FromFnService { run: Arc::clone(&self.run), next: Next::erase(inner) }
    }
}

/// The service of [`FromFn`]. It is always ready: [`Next::run`] waits until the inner service is ready.
pub struct FromFnService<F, R: LayerRequest = super::Request> {
    run: Arc<F>,
    next: Next<R>,
}

impl<F, R, Fut, E> Service<R> for FromFnService<F, R>
where
    R: LayerRequest,
    F: Fn(R, Next<R>) -> Fut,
    Fut: Future<Output = Result<R::Response, E>>,
{
    type Response = R::Response;
    type Error = E;
    type Future = Fut;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), E>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: R) -> Fut {
        (self.run)(request, self.next.clone())
    }
}

impl<F, R> Clone for FromFn<F, R> {
    fn clone(&self) -> Self {
        Self { run: Arc::clone(&self.run), request: PhantomData }
    }
}

impl<F, R: LayerRequest> Clone for FromFnService<F, R> {
    fn clone(&self) -> Self {
        Self { run: Arc::clone(&self.run), next: self.next.clone() }
    }
}

impl<F, R> fmt::Debug for FromFn<F, R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("FromFn").field(&std::any::type_name::<F>()).finish()
    }
}

impl<F, R: LayerRequest> fmt::Debug for FromFnService<F, R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("FromFnService").field(&std::any::type_name::<F>()).finish()
    }
}
