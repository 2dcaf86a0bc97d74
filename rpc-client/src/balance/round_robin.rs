//! [`RoundRobin`]: the endpoints in turn.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use super::balancer::Balancer;
use crate::endpoints::{Candidates, EndpointState};

/// Chooses the endpoints in turn. Clients start at different endpoints, so that many new clients do not all begin with
/// the first one.
#[derive(Debug)]
pub(super) struct RoundRobin {
    next: AtomicUsize,
}

impl Default for RoundRobin {
    fn default() -> Self {
        Self { next: AtomicUsize::new(rand::random_range(0..1 << 16)) }
    }
}

impl Balancer for RoundRobin {
    fn choose<'a>(&self, candidates: &Candidates<'a>) -> &'a Arc<EndpointState> {
        candidates.at_or_after(self.next.fetch_add(1, Ordering::Relaxed))
    }
}
