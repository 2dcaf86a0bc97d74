//! [`CallLayer`], the bound that users meet for layers. It accepts any suitable tower layer and erases its type.

use std::fmt;
use std::sync::Arc;

use tower::Layer;

use super::next::Next;
use super::pipeline::Stage;
#[cfg(feature = "rate-limit")]
use super::rate_limit::RateLimited;
use super::stage::{CallService, ErasedService};

/// A layer around calls: [`from_fn`](super::from_fn()), `RateLimit`, a layer of tower, or a `tower::ServiceBuilder`
/// with several layers.
///
/// Each `tower::Layer<Next>` implements it if its service is `Clone + Send + Sync + 'static` and a
/// `tower::Service<middleware::Request, Response = middleware::Response>`. The service's futures must be `Send`, and
/// its errors must convert to [`BoxError`](super::BoxError). Implement `tower::Layer` and `tower::Service`: this trait
/// follows from them.
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be a layer around calls",
    note = "a layer is `rpc::middleware::from_fn(..)` of an `async fn(Request, Next) -> Response`, or a `tower::Layer<rpc::middleware::Next>`",
    note = "whose service is `Clone + Send + Sync + 'static` and takes `rpc::middleware::Request`s to `rpc::middleware::Response`s"
)]
pub trait CallLayer {
    #[doc(hidden)]
    fn into_stage(self) -> NewStage;
}

#[diagnostic::do_not_recommend]
impl<L> CallLayer for L
where
    L: Layer<Next, Service: CallService>,
{
    fn into_stage(self) -> NewStage {
        let service = self.layer(Next::END);
        #[cfg(feature = "rate-limit")]
        let limiter = RateLimited::limiter_of(&service);
        let stage = ErasedService::new(service);
        #[cfg(feature = "rate-limit")]
        let stage = stage.with_limiter(limiter);
        NewStage(Arc::new(stage))
    }
}

/// A layer with its type erased.
#[doc(hidden)]
#[derive(Clone)]
pub struct NewStage(pub(crate) Arc<dyn Stage>);

impl fmt::Debug for NewStage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("NewStage").finish_non_exhaustive()
    }
}
