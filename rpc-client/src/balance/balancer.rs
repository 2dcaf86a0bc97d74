//! [`Balancer`]: the trait of all policies that choose an endpoint.

use std::fmt;
use std::sync::Arc;

use crate::endpoints::{Candidates, EndpointState};

/// Chooses the endpoint of each attempt. Implement it for a policy of your own, and pass it to
/// [`Balance::custom`](crate::Balance::custom).
///
/// # Example
///
/// ```
/// use std::sync::Arc;
///
/// use rpc::{Balance, Balancer, Candidates, Client, EndpointState};
///
/// /// Sends everything to the first endpoint that may take it.
/// #[derive(Debug)]
/// struct FirstWins;
///
/// impl Balancer for FirstWins {
///     fn choose<'a>(&self, candidates: &Candidates<'a>) -> &'a Arc<EndpointState> {
///         candidates.first()
///     }
/// }
///
/// let client = Client::builder()
///     .endpoints(["http://10.0.0.1:8080", "http://10.0.0.2:8080"])
///     .balance(Balance::custom(FirstWins))
///     .build()?;
/// # Ok::<(), rpc::Failure>(())
/// ```
pub trait Balancer: fmt::Debug + Send + Sync + 'static {
    /// Chooses one of the candidates.
    ///
    /// The client calls it for each attempt, from many tasks at once. It must not block.
    fn choose<'a>(&self, candidates: &Candidates<'a>) -> &'a Arc<EndpointState>;

    /// Returns whether all clients must have the same endpoints, as for a balancer that sends a key to the same
    /// endpoint. [`ClientBuilder::build`](crate::ClientBuilder::build) then rejects a [`Subset`](crate::Subset).
    /// Default: false.
    fn needs_all_endpoints(&self) -> bool {
        false
    }
}
