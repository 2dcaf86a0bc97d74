//! One trait for the two kinds of requests that layers see: deliveries and attempts. The generic parts of this module
//! are written once for both.

use tower_service::Service;

use super::error::BoxError;

/// What the layers of a client pass on: a [`Request`](super::Request) for
/// [`ClientBuilder::layer`](crate::ClientBuilder::layer), a [`transport::Request`](crate::transport::Request) for
/// [`ClientBuilder::attempt_layer`](crate::ClientBuilder::attempt_layer).
pub trait LayerRequest: Send + Sized + 'static {
    /// The response to the request.
    type Response: Send + 'static;
}

/// A service that a layer makes. The trait gives all required bounds one name.
pub trait LayerService<R: LayerRequest>:
    Service<R, Response = R::Response, Error: Into<BoxError>, Future: Send + 'static> + Clone + Send + Sync + 'static
{
}

impl<R: LayerRequest, S> LayerService<R> for S where
    S: Service<R, Response = R::Response, Error: Into<BoxError>, Future: Send + 'static>
        + Clone
        + Send
        + Sync
        + 'static
{
}
