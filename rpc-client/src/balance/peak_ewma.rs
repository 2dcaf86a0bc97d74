//! [`PeakEwma`]: the endpoint that is expected to answer first, of two.

use std::sync::Arc;

use super::balancer::Balancer;
use crate::endpoints::{Candidates, EndpointState};
use crate::runtime::Instant;

/// Chooses the endpoint that is expected to answer first, of two random ones. That is the one with the lower product of
/// response time and attempts in flight. The product is divided by the weight.
#[derive(Debug)]
pub(super) struct PeakEwma;

impl Balancer for PeakEwma {
    fn choose<'a>(&self, candidates: &Candidates<'a>) -> &'a Arc<EndpointState> {
        let now = Instant::now();
        candidates.best_of_two(|endpoint| {
            f64::from(endpoint.pending() + 1) * endpoint.load.get(now) / f64::from(endpoint.weight())
        })
    }
}
