//! [`ClientLayer`], the bound for users' layers, and [`Layers`], the list that a builder collects.

use std::fmt;

use tower::Layer;

use super::layer_request::{LayerRequest, LayerService};
use super::next::Next;

/// A layer around what a client sends: [`from_fn`](super::from_fn()), a layer of tower, or a `tower::ServiceBuilder`
/// with several of them.
///
/// It is implemented for every `tower::Layer<Next<R>>` that is `Send + Sync + 'static`. The layer's service must be
/// `Clone + Send + Sync + 'static`, take an `R` and return its response. Its futures must be `Send`, and its errors
/// must convert to [`BoxError`](super::BoxError). So implement `tower::Layer` and `tower::Service`, not this trait.
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be a layer of a client",
    note = "a layer is `rpc::client_middleware::from_fn(..)` of an `async fn(Request, Next) -> Result<Response, Failure>`, or a `tower::Layer`",
    note = "whose service is `Clone + Send + Sync + 'static` and takes `rpc::client_middleware::Request`s to `rpc::client_middleware::Response`s",
    note = "`attempt_layer` takes one whose service takes `rpc::transport::Request`s to `rpc::transport::Reply`s"
)]
pub trait ClientLayer<R: LayerRequest = super::Request>: Send + Sync + 'static {
    #[doc(hidden)]
    fn stand_around(self: Box<Self>, inner: Next<R>) -> Next<R>;
}

#[diagnostic::do_not_recommend]
impl<R, L> ClientLayer<R> for L
where
    R: LayerRequest,
    L: Layer<Next<R>, Service: LayerService<R>> + Send + Sync + 'static,
{
    fn stand_around(self: Box<Self>, inner: Next<R>) -> Next<R> {
        Next::erase(self.layer(inner))
    }
}

/// The layers of a client under construction. The first one is the outermost.
pub(crate) struct Layers<R: LayerRequest>(Vec<Box<dyn ClientLayer<R>>>);

impl<R: LayerRequest> Layers<R> {
    pub(crate) fn add(&mut self, layer: impl ClientLayer<R>) {
        self.0.push(Box::new(layer));
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Puts the layers around the innermost service, which sends.
    pub(super) fn around(self, end: Next<R>) -> Next<R> {
        self.0.into_iter().rev().fold(end, |inner, layer| layer.stand_around(inner))
    }
}

impl<R: LayerRequest> Default for Layers<R> {
    fn default() -> Self {
        Self(Vec::new())
    }
}

impl<R: LayerRequest> fmt::Debug for Layers<R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.len().fmt(f)
    }
}
