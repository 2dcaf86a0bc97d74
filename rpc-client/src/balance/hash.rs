//! [`Hash`]: the same endpoint for the same key.

#[cfg(test)]
mod tests;

use std::sync::Arc;

use super::balancer::Balancer;
use crate::endpoints::{Candidates, EndpointState};
use crate::stable_hash::stable_hash_of_pair;

/// Chooses the endpoint with the highest score for the call's hash key: weighted rendezvous hashing. A call without a
/// key goes to a random endpoint, in proportion to the weights.
#[derive(Debug)]
pub(super) struct Hash;

impl Balancer for Hash {
    fn choose<'a>(&self, candidates: &Candidates<'a>) -> &'a Arc<EndpointState> {
        let Some(key) = candidates.hash_key() else { return candidates.weighted() };
        let scored = candidates.iter().map(|endpoint| (score(key, endpoint), endpoint));
        let best = scored.max_by(|(one, _), (other, _)| one.total_cmp(other));
        best.map_or(candidates.first(), |(_, endpoint)| endpoint)
    }

    fn needs_all_endpoints(&self) -> bool {
        true
    }
}

/// Returns the score of an endpoint for a key. It depends only on these two, so other endpoints cannot change it.
///
/// The score is the weight divided by an exponentially distributed number. So the probability that an endpoint has the
/// highest score is proportional to its weight.
fn score(key: u64, endpoint: &EndpointState) -> f64 {
    // An `f64` holds 52 bits plus one half exactly, so the quotient is never 0 or 1.
    let uniform = ((stable_hash_of_pair(key, endpoint.hash) >> 12) as f64 + 0.5) / (1_u64 << 52) as f64;
    f64::from(endpoint.weight()) / -uniform.ln()
}
