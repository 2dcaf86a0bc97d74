//! [`EndpointSet`]: the endpoints of a client at one time, by tier, and which of them attempts may use.

use std::cmp::Reverse;
use std::collections::HashSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use super::pick::Pick;
use super::state::EndpointState;
use crate::breaker::{Breaker, CircuitState};
use crate::runtime::Instant;
use crate::stable_hash::stable_hash_of_pair;

/// The endpoints of a client at one time. `live` replaces it as a whole.
#[derive(Debug)]
pub(crate) struct EndpointSet {
    all: Vec<Arc<EndpointState>>,
    tiers: Vec<Tier>,
    /// The number of circuits that are not closed. While it is 0, a pick looks at no circuit.
    unclosed: AtomicUsize,
    /// Whether attempts may use endpoints that are not good, since too few are. While it is false, a pick uses the
    /// first tier with a usable endpoint.
    keeps_bad: AtomicBool,
}

/// Endpoints of the same tier, in the user's order.
#[derive(Debug)]
pub(super) struct Tier {
    pub(super) endpoints: Vec<Arc<EndpointState>>,
    /// The sum of the weights of each endpoint and those before it.
    pub(super) cumulative_weights: Vec<u64>,
}

impl EndpointSet {
    pub(super) fn new(mut all: Vec<Arc<EndpointState>>) -> Self {
        // The sort is stable, so that endpoints of one tier keep the user's order.
        all.sort_by_key(|endpoint| endpoint.tier());
        let tiers = all.chunk_by(|a, b| a.tier() == b.tier()).map(Tier::new).collect();
        Self { all, tiers, unclosed: AtomicUsize::new(0), keeps_bad: AtomicBool::new(false) }
    }

    /// Returns all endpoints, the first tier first.
    #[inline]
    pub(crate) fn all(&self) -> &[Arc<EndpointState>] {
        &self.all
    }

    /// Returns the tiers, the first one first.
    pub(super) fn tiers(&self) -> &[Tier] {
        &self.tiers
    }

    /// Returns the first tier in which a good endpoint may take the attempt, if another tier may come before it. It
    /// does so if that tier has only endpoints that stay usable since too few are good.
    pub(super) fn first_good_tier(&self, pick: &Pick<'_>) -> Option<&Tier> {
        if !self.keeps_bad.load(Ordering::Relaxed) {
            return None;
        }
        let is_good = |endpoint: &Arc<EndpointState>| endpoint.is_good() && pick.allows(endpoint);
        self.tiers.iter().find(|tier| tier.endpoints.iter().any(is_good))
    }

    /// Returns whether all circuits are closed, so that no endpoint needs a test.
    pub(super) fn all_closed(&self) -> bool {
        self.unclosed.load(Ordering::Relaxed) == 0
    }

    /// Returns whether at least one endpoint is healthy.
    pub(super) fn has_healthy(&self) -> bool {
        self.all.iter().any(|endpoint| endpoint.is_healthy())
    }

    /// Updates which endpoints attempts may use. The caller holds the lock that guards updates.
    ///
    /// At least half of all endpoints stay usable, whatever their circuits and their health. So a fault of the client's
    /// own network, or of something that all endpoints depend on, does not take all endpoints out of use. The least bad
    /// ones stay. The only endpoint is unusable while its circuit is not closed, if the user wants that.
    pub(super) fn update_usable(&self) {
        let is_closed = |endpoint: &Arc<EndpointState>| endpoint.circuit() == CircuitState::Closed;
        let (good, mut bad): (Vec<_>, Vec<_>) = self.all.iter().partition(|endpoint| endpoint.is_good());
        let least = match &self.all[..] {
            [only] if only.guards_single() && !is_closed(only) => 0,
            all => all.len().div_ceil(2),
        };
        let too_few = least.saturating_sub(good.len());
        // Each key is read once, since other threads may change it during the sort.
        bad.sort_by_cached_key(|endpoint| badness(endpoint));
        for endpoint in good {
            endpoint.usable.store(true, Ordering::Relaxed);
        }
        for (index, endpoint) in bad.iter().enumerate() {
            endpoint.usable.store(index < too_few, Ordering::Relaxed);
        }
        self.keeps_bad.store(too_few > 0, Ordering::Relaxed);
        let unclosed = bad.iter().filter(|endpoint| !is_closed(endpoint)).count();
        self.unclosed.store(unclosed, Ordering::Relaxed);
    }
}

/// Returns a hash that no other endpoint of the set has, for an endpoint whose address has this hash.
///
/// Endpoints with the same address get different hashes, by their order.
pub(super) fn distinct_hash(address: u64, used: &mut HashSet<u64>) -> u64 {
    let hashes = (0..).map(|count| stable_hash_of_pair(address, count));
    hashes.into_iter().find(|hash| used.insert(*hash)).unwrap_or(address)
}

/// Returns a value that is greater for worse endpoints. An endpoint that is unhealthy and whose circuit is not closed
/// is worse than one with either. Of the others, an endpoint with a lower success rate is worse. At the same rate, an
/// endpoint with a later next test is worse.
///
/// So an unhealthy endpoint with a closed circuit is the least bad: calls to it succeeded.
fn badness(endpoint: &EndpointState) -> (bool, Reverse<u64>, Option<Instant>) {
    let breaker = endpoint.breaker.as_ref();
    let is_twice_bad = !endpoint.is_healthy() && endpoint.circuit() != CircuitState::Closed;
    // The rate is not negative, so its bits have the order of its values.
    let rate = breaker.map_or(1.0, Breaker::success_rate).to_bits();
    (is_twice_bad, Reverse(rate), breaker.and_then(Breaker::next_test))
}

impl Tier {
    fn new(endpoints: &[Arc<EndpointState>]) -> Self {
        let mut sum = 0;
        let add = |endpoint: &Arc<EndpointState>| {
            sum += u64::from(endpoint.weight());
            sum
        };
        Self { cumulative_weights: endpoints.iter().map(add).collect(), endpoints: endpoints.to_vec() }
    }

    /// Returns the sum of all weights.
    pub(super) fn weight(&self) -> u64 {
        self.cumulative_weights.last().copied().unwrap_or(0)
    }
}
