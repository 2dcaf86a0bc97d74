//! [`Weighted`]: any endpoint, in proportion to its weight.

use std::sync::Arc;

use super::balancer::Balancer;
use crate::endpoints::{Candidates, EndpointState};

/// Chooses a random endpoint, in proportion to its weight.
#[derive(Debug)]
pub(super) struct Weighted;

impl Balancer for Weighted {
    fn choose<'a>(&self, candidates: &Candidates<'a>) -> &'a Arc<EndpointState> {
        candidates.weighted()
    }
}
