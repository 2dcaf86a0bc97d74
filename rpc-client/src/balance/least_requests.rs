//! [`LeastRequests`]: the endpoint with the fewest attempts in flight, of two.

use std::sync::Arc;

use super::balancer::Balancer;
use crate::endpoints::{Candidates, EndpointState};

/// Chooses the endpoint with the fewest attempts in flight, of two random ones. Each number is divided by the weight.
#[derive(Debug)]
pub(super) struct LeastRequests;

impl Balancer for LeastRequests {
    fn choose<'a>(&self, candidates: &Candidates<'a>) -> &'a Arc<EndpointState> {
        candidates.best_of_two(|endpoint| f64::from(endpoint.pending() + 1) / f64::from(endpoint.weight()))
    }
}
