//! [`Random`]: any endpoint, each with the same probability.

use std::sync::Arc;

use super::balancer::Balancer;
use crate::endpoints::{Candidates, EndpointState};

/// Chooses a random endpoint.
#[derive(Debug)]
pub(super) struct Random;

impl Balancer for Random {
    fn choose<'a>(&self, candidates: &Candidates<'a>) -> &'a Arc<EndpointState> {
        candidates.random()
    }
}
