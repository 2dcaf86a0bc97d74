//! [`Balance`]: how a client chooses between its endpoints. Each file below holds one [`Balancer`].

mod balancer;
mod hash;
mod least_requests;
mod peak_ewma;
mod random;
mod round_robin;
mod weighted;

use std::sync::Arc;

pub use balancer::Balancer;

use crate::endpoints::{Candidates, EndpointState};

/// How a client chooses between its endpoints. Default: [`peak_ewma`](Self::peak_ewma).
///
/// A client with one endpoint has no choice, and calls no balancer.
#[derive(Clone, Debug)]
pub struct Balance(Arc<dyn Balancer>);

impl Balance {
    /// Prefers the endpoint that is expected to answer first: of two random endpoints, the one with the lower product
    /// of response time and attempts in flight.
    pub fn peak_ewma() -> Self {
        Self::custom(peak_ewma::PeakEwma)
    }

    /// Prefers the endpoint with the fewest attempts in flight, of two random ones. Weights divide the number.
    pub fn least_requests() -> Self {
        Self::custom(least_requests::LeastRequests)
    }

    /// Uses the endpoints in turn. Weights do not matter.
    pub fn round_robin() -> Self {
        Self::custom(round_robin::RoundRobin::default())
    }

    /// Uses a random endpoint. Weights do not matter.
    pub fn random() -> Self {
        Self::custom(random::Random)
    }

    /// Uses a random endpoint, each in proportion to its weight.
    pub fn weighted() -> Self {
        Self::custom(weighted::Weighted)
    }

    /// Uses the same endpoint for all calls with the same [hash key](crate::Call::hash_key), so that the server can
    /// cache by this key. Each endpoint gets a share of the keys in proportion to its weight.
    ///
    /// If the key's endpoint is not usable, or the call has tried it, the client uses the next one in the key's own
    /// order. If an endpoint is removed, only its keys move. Clients with the same endpoints send a key to the same
    /// endpoint, in whatever order the endpoints are given. A call that [tests](crate::CircuitBreaker) an endpoint can
    /// have any key. A call without a hash key goes to a random endpoint, in proportion to the weights.
    ///
    /// An endpoint is identified by its host, port and path. Endpoints with the same address, and transports without
    /// an address, are told apart by their order.
    ///
    /// This is weighted rendezvous hashing. It looks at all endpoints of a tier for each attempt, which costs about 125
    /// instructions for each endpoint. The other balancers cost the same with 1,000 endpoints as with two.
    pub fn hash() -> Self {
        Self::custom(hash::Hash)
    }

    /// Uses a balancer of your own.
    pub fn custom(balancer: impl Balancer) -> Self {
        Self(Arc::new(balancer))
    }

    pub(crate) fn needs_all_endpoints(&self) -> bool {
        self.0.needs_all_endpoints()
    }

    pub(crate) fn choose<'a>(&self, candidates: &Candidates<'a>) -> &'a Arc<EndpointState> {
        self.0.choose(candidates)
    }
}

impl Default for Balance {
    fn default() -> Self {
        Self::peak_ewma()
    }
}
