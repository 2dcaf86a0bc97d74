//! [`Layered`]: a service with layers around all of its methods. The `layer` method that `#[rpc::service]` generates
//! returns it.

use std::fmt;

use rpc_core::{Describe, ServiceSpec};

use super::layer::{CallLayer, NewStage};
use crate::Service;
use crate::table::Methods;

/// A service with layers around its calls. The method `layer`, which `#[rpc::service]` generates for each server half,
/// returns it.
///
/// # Example
///
/// ```
/// use rpc::middleware::{self, Next, Request, Response};
///
/// #[rpc::service(namespace = "math")]
/// trait Math {
///     async fn add(&self, a: i64, b: i64) -> i64;
/// }
///
/// struct Calculator;
///
/// impl Math for Calculator {
///     async fn add(&self, a: i64, b: i64) -> i64 {
///         a + b
///     }
/// }
///
/// async fn audit(request: Request, next: Next) -> Response {
///     let method = request.method().to_owned();
///     let response = next.run(request).await;
///     println!("{method}: {}", if response.is_error() { "failed" } else { "done" });
///     response
/// }
///
/// let server = rpc::Server::builder()
///     .service(MathServer::new(Calculator).layer(middleware::from_fn(audit)))
///     .build();
/// ```
#[derive(Clone)]
pub struct Layered<S> {
    service: S,
    stages: Vec<NewStage>,
}

impl<S: Service> Layered<S> {
    #[doc(hidden)]
    pub fn new(service: S) -> Self {
        Self { service, stages: Vec::new() }
    }

    /// Adds a layer around the service's calls, inside the layers that were added before.
    ///
    /// # Example
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # #[rpc::service]
    /// # trait Clock {
    /// #     async fn now(&self) -> u64;
    /// # }
    /// # struct Stopped;
    /// # impl Clock for Stopped {
    /// #     async fn now(&self) -> u64 {
    /// #         0
    /// #     }
    /// # }
    /// use rpc::middleware::{self, Next, Request, Response};
    /// use rpc::{Client, Server};
    ///
    /// async fn add_one(request: Request, next: Next) -> Response {
    ///     let response = next.run(request).await;
    ///     let time: u64 = response.result_json().unwrap().parse().unwrap();
    ///     Response::result(&(time + 1))
    /// }
    ///
    /// // The first `layer` is generated, the second is this method. Layers of tower work as well.
    /// let limit = tower::limit::ConcurrencyLimitLayer::new(16);
    /// let clock = ClockServer::new(Stopped).layer(middleware::from_fn(add_one)).layer(limit);
    /// let server = Server::builder().service(clock).build();
    /// assert_eq!(ClockClient::new(Client::in_process(&server)).now().await?, 1);
    /// # Ok(())
    /// # }
    /// ```
    #[must_use]
    pub fn layer(mut self, layer: impl CallLayer) -> Self {
        self.stages.push(layer.into_stage());
        self
    }
}

impl<S: Describe> Describe for Layered<S> {
    const SPEC: &'static ServiceSpec = S::SPEC;
}

#[diagnostic::do_not_recommend]
impl<S: Service> Service for Layered<S> {
    fn register(self, methods: &mut Methods) {
        self.service.register(methods);
    }

    fn layers(&self) -> Vec<NewStage> {
        self.stages.iter().cloned().chain(self.service.layers()).collect()
    }
}

impl<S: fmt::Debug> fmt::Debug for Layered<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Layered").field("service", &self.service).field("layers", &self.stages.len()).finish()
    }
}
