//! [`Service`], the trait that `#[rpc::service]` implements so that a server can register the methods.

use rpc_core::Describe;

use crate::middleware::NewStage;
use crate::table::Methods;

/// A service that a server can register. `#[rpc::service]` generates the implementation.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not a service",
    note = "wrap the implementation of a `#[rpc::service]` trait: `.service(UsersServer::new(users))`"
)]
pub trait Service: Describe {
    /// Adds the service's methods to a server's.
    #[doc(hidden)]
    fn register(self, methods: &mut Methods);

    /// Returns the layers around the service's methods, the outermost first.
    #[doc(hidden)]
    fn layers(&self) -> Vec<NewStage> {
        Vec::new()
    }
}
