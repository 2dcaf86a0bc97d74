//! [`EndpointSet`]: the endpoints of a client by tier, and which of them have an open circuit.

use std::cmp::Reverse;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use super::methods::MethodMeans;
use super::pick::Pick;
use super::state::EndpointState;
use crate::breaker::{Breaker, CircuitState, Permit};
use crate::runtime::Instant;

/// The endpoints of a client by tier.
#[derive(Debug)]
pub(super) struct EndpointSet {
    all: Vec<Arc<EndpointState>>,
    tiers: Vec<Tier>,
    pub(super) methods: MethodMeans,
    /// The number of circuits that are not closed. While it is 0, a pick looks at no circuit.
    unclosed: AtomicUsize,
    /// Guards the update of `usable` and `unclosed`, so that the last update sees all changes.
    updating: Mutex<()>,
}

/// Endpoints of the same tier, in the user's order.
#[derive(Debug)]
pub(super) struct Tier {
    pub(super) endpoints: Vec<Arc<EndpointState>>,
    /// The sum of the weights of each endpoint and those before it.
    pub(super) cumulative_weights: Vec<u64>,
}

/// How long an endpoint waits for a call that can be repeated, before any other call may test it.
const TEST_BY_ANY: Duration = Duration::from_secs(10);

impl EndpointSet {
    pub(super) fn new(endpoints: Vec<EndpointState>) -> Self {
        let mut all: Vec<_> = endpoints.into_iter().map(Arc::new).collect();
        // The sort is stable, so that endpoints of one tier keep the user's order.
        all.sort_by_key(|endpoint| endpoint.tier());
        let tiers = all.chunk_by(|a, b| a.tier() == b.tier()).map(Tier::new).collect();
        Self { all, tiers, methods: MethodMeans::default(), unclosed: AtomicUsize::new(0), updating: Mutex::new(()) }
    }

    #[inline]
    pub(super) fn all(&self) -> &[Arc<EndpointState>] {
        &self.all
    }

    /// Returns the tiers, the first one first.
    pub(super) fn tiers(&self) -> &[Tier] {
        &self.tiers
    }

    /// Returns an endpoint that this attempt is to test, if one is due.
    pub(super) fn probe(&self, pick: &Pick<'_>) -> Option<(Arc<EndpointState>, Permit)> {
        if self.unclosed.load(Ordering::Relaxed) == 0 {
            return None;
        }
        let due = if pick.may_test { pick.now } else { pick.now.checked_sub(TEST_BY_ANY)? };
        self.all.iter().find_map(|endpoint| {
            let breaker = endpoint.breaker.as_ref()?;
            let is_due = breaker.next_probe().is_some_and(|next| next <= due) && pick.fits(endpoint);
            let probe = if is_due { breaker.try_probe(pick.now)? } else { return None };
            if probe.changed.is_some() {
                self.circuits_changed();
            }
            Some((Arc::clone(endpoint), probe.permit))
        })
    }

    /// Updates which endpoints attempts may use, after a circuit has changed.
    ///
    /// At least half of all endpoints stay usable, whatever their circuits. A fault of the client's own network, or of
    /// what all endpoints depend on, would otherwise leave it without any. The least bad ones stay.
    pub(super) fn circuits_changed(&self) {
        let _updating = self.updating.lock().unwrap_or_else(PoisonError::into_inner);
        let is_closed = |endpoint: &&Arc<EndpointState>| endpoint.circuit() == CircuitState::Closed;
        let (closed, mut unclosed): (Vec<_>, Vec<_>) = self.all.iter().partition(is_closed);
        let too_few = self.all.len().div_ceil(2).saturating_sub(closed.len());
        unclosed.sort_by(|a, b| badness(a).partial_cmp(&badness(b)).unwrap_or(std::cmp::Ordering::Equal));
        for endpoint in closed {
            endpoint.usable.store(true, Ordering::Relaxed);
        }
        for (index, endpoint) in unclosed.iter().enumerate() {
            endpoint.usable.store(index < too_few, Ordering::Relaxed);
        }
        self.unclosed.store(unclosed.len(), Ordering::Relaxed);
    }
}

/// Returns a value that is the greater, the worse the endpoint is: one with a low success rate, and of those with the
/// same rate, one that has to wait longer for its test.
fn badness(endpoint: &EndpointState) -> (Reverse<f64>, Option<Instant>) {
    let breaker = endpoint.breaker.as_ref();
    (Reverse(breaker.map_or(1.0, Breaker::success_rate)), breaker.and_then(Breaker::next_probe))
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
