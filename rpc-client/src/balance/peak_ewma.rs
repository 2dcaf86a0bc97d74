//! [`PeakEwma`]: the endpoint that is expected to answer first, of two.

use std::sync::Arc;

use super::balancer::Balancer;
use crate::endpoints::{Candidates, EndpointState};

/// How often two other endpoints are drawn if both have failed a short time ago. Otherwise, several dead endpoints
/// would get many attempts.
const REDRAWS: u32 = 3;

/// Chooses the endpoint that is expected to answer first, of two random ones. That is the one with the lower product of
/// response time and attempts in flight. The product is divided by the weight.
#[derive(Debug)]
pub(super) struct PeakEwma;

impl Balancer for PeakEwma {
    fn choose<'a>(&self, candidates: &Candidates<'a>) -> &'a Arc<EndpointState> {
        let now = candidates.now();
        let cost = |endpoint: &EndpointState| {
            f64::from(endpoint.pending() + 1) * endpoint.load.get(now) / f64::from(endpoint.weight())
        };
        let mut best = candidates.best_of_two(cost);
        for _ in 0..REDRAWS {
            if !best.load.is_penalized(now) {
                break;
            }
            let other = candidates.best_of_two(cost);
            if cost(other) < cost(best) {
                best = other;
            }
        }
        best
    }
}
