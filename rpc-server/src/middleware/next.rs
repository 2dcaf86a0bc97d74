//! [`Next`]: what a layer calls to pass a request on. It leads to the next stage of the pipeline, or to the handler
//! behind the last one.

use std::any::Any;
use std::convert::Infallible;
use std::fmt;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context as TaskContext, Poll};

use rpc_core::BoxFuture;
use tower::Service;

use super::handler_future::HandlerFuture;
use super::pipeline::Stage;
use super::request::{NextStep, Request};
use super::response::Response;
use super::stage::{CallService, ErasedService};

/// The service behind a layer: the layers further inside, and finally the handler.
///
/// For layers of tower it is a `Service<Request, Response = Response, Error = Infallible>` that is always ready. Layers
/// that are added one by one do not see each other's readiness. So put a layer that sheds load and the layer that
/// limits it into one `ServiceBuilder`.
#[derive(Clone)]
pub struct Next(Option<Arc<dyn Stage>>);

impl Next {
    /// The service behind the last layer of a stage. It leads to the next stage, which the request knows.
    pub(super) const END: Self = Self(None);

    /// Erases the type of the service behind a function, unless the service is a `Next` already.
    pub(super) fn erase<S: CallService>(service: S) -> Self {
        let mut service = Some(service);
        if let Some(next) = (&mut service as &mut dyn Any).downcast_mut::<Option<Self>>() {
            return next.take().expect("it was just put there");
        }
        Self(service.map(|service| Arc::new(ErasedService::new(service)) as Arc<dyn Stage>))
    }

    /// Runs the layers further inside and the handler, and returns the response.
    ///
    /// # Panics
    ///
    /// If the handler or a layer further inside panics. The panic passes through this method, and the server answers
    /// the call with an internal error.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future drops the handler of a `readonly` method. Any other handler that has begun runs to its end,
    /// within the server's time limit, and its result is lost.
    ///
    /// # Example
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// use rpc::middleware::{self, Next, Request, Response};
    /// use rpc::{Client, Server};
    ///
    /// async fn price(request: Request, next: Next) -> Response {
    ///     let context = request.context().clone();
    ///     let response = next.run(request).await;
    ///     // The handler has run. The answer gets a header.
    ///     let price = if response.is_error() { "0" } else { "7" };
    ///     context.response_header("x-price", price).unwrap();
    ///     response
    /// }
    ///
    /// let server = Server::builder().method("ping", || async { "pong" }).layer(middleware::from_fn(price)).build();
    /// let answer = Client::in_process(&server).call::<String>("ping", ()).with_meta().await?;
    /// assert_eq!(answer.headers()["x-price"], "7");
    /// # Ok(())
    /// # }
    /// ```
    pub async fn run(mut self, request: Request) -> Response {
        let Ok(response) = self.call(request).await;
        response
    }
}

impl Service<Request> for Next {
    type Response = Response;
    type Error = Infallible;
    type Future = NextFuture;

    fn poll_ready(&mut self, _: &mut TaskContext<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request) -> NextFuture {
        match &self.0 {
            Some(stage) => NextFuture(NextFutureKind::Stage(stage.call(request))),
            None => match request.proceed() {
                NextStep::Stage(stage, request) => NextFuture(NextFutureKind::Stage(stage.call(request))),
                NextStep::Handler(shared, params) => {
                    NextFuture(NextFutureKind::Handler(HandlerFuture::new(shared, params)))
                }
            },
        }
    }
}

impl fmt::Debug for Next {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Next").finish_non_exhaustive()
    }
}

/// The future of [`Next`] as a service.
pub struct NextFuture(NextFutureKind);

enum NextFutureKind {
    Handler(HandlerFuture),
    Stage(BoxFuture<Response>),
}

impl Future for NextFuture {
    type Output = Result<Response, Infallible>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut TaskContext<'_>) -> Poll<Self::Output> {
        match &mut self.0 {
            NextFutureKind::Handler(handling) => Pin::new(handling).poll(cx),
            NextFutureKind::Stage(future) => future.as_mut().poll(cx),
        }
        .map(Ok)
    }
}

impl fmt::Debug for NextFuture {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("NextFuture").finish_non_exhaustive()
    }
}
