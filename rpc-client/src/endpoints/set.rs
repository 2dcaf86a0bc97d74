//! [`EndpointSet`]: the endpoints of a client by tier, and which of them have an open circuit.

use std::cmp::Reverse;
use std::collections::HashMap;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::sync::watch;

use super::methods::MethodMeans;
use super::pick::Pick;
use super::state::EndpointState;
use crate::breaker::{Breaker, CircuitState, Permit};
use crate::runtime::Instant;
use crate::stable_hash::stable_hash_of_pair;
use crate::telemetry::Observer;

/// The endpoints of a client by tier.
#[derive(Debug)]
pub(super) struct EndpointSet {
    all: Vec<Arc<EndpointState>>,
    tiers: Vec<Tier>,
    pub(super) methods: MethodMeans,
    /// The number of circuits that are not closed. While it is 0, a pick looks at no circuit.
    unclosed: AtomicUsize,
    /// Guards the update of `usable` and `unclosed`, so that the last update sees all changes.
    ///
    /// It holds the sender to the watches, once there is one. An update that does not see the sender ends before the
    /// watch begins, since both take the lock. So no watch misses an update.
    updating: Mutex<Option<watch::Sender<()>>>,
    observer: Observer,
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
    pub(super) fn new(mut endpoints: Vec<EndpointState>, observer: Observer) -> Self {
        tell_apart(&mut endpoints);
        let mut all: Vec<_> = endpoints.into_iter().map(Arc::new).collect();
        // The sort is stable, so that endpoints of one tier keep the user's order.
        all.sort_by_key(|endpoint| endpoint.tier());
        let tiers = all.chunk_by(|a, b| a.tier() == b.tier()).map(Tier::new).collect();
        Self {
            all,
            tiers,
            methods: MethodMeans::default(),
            unclosed: AtomicUsize::new(0),
            updating: Mutex::default(),
            observer,
        }
    }

    #[inline]
    pub(super) fn all(&self) -> &[Arc<EndpointState>] {
        &self.all
    }

    /// Returns the tiers, the first one first.
    pub(super) fn tiers(&self) -> &[Tier] {
        &self.tiers
    }

    /// Returns the endpoint that this attempt must test, if a test is due.
    pub(super) fn due_test(&self, pick: &Pick<'_>) -> Option<(Arc<EndpointState>, Permit)> {
        if self.unclosed.load(Ordering::Relaxed) == 0 {
            return None;
        }
        let due = if pick.may_test { pick.now } else { pick.now.checked_sub(TEST_BY_ANY)? };
        self.all.iter().find_map(|endpoint| Some((Arc::clone(endpoint), self.test(endpoint, due, pick)?)))
    }

    /// Begins the test of an endpoint, if it was due at this time and the endpoint fits.
    pub(super) fn test(&self, endpoint: &Arc<EndpointState>, due: Instant, pick: &Pick<'_>) -> Option<Permit> {
        let breaker = endpoint.breaker.as_ref()?;
        let is_due = breaker.next_test().is_some_and(|next| next <= due) && pick.fits(endpoint);
        let test = if is_due { breaker.try_test(pick.now)? } else { return None };
        if let Some(state) = test.changed {
            self.circuit_changed(endpoint, state, pick.now);
        }
        Some(test.permit)
    }

    /// Returns a receiver that is notified after each change of a circuit.
    pub(super) fn subscribe(&self) -> watch::Receiver<()> {
        let mut updating = self.updating.lock().unwrap_or_else(PoisonError::into_inner);
        updating.get_or_insert_default().subscribe()
    }

    /// Handles the change of an endpoint's circuit to this state. Updates which endpoints attempts may use, notifies
    /// the watches, and reports the change to the observer.
    pub(super) fn circuit_changed(&self, endpoint: &EndpointState, state: CircuitState, now: Instant) {
        if let Some(watches) = self.update_usable() {
            watches.send_replace(());
        }
        if let Some(breaker) = &endpoint.breaker {
            self.observer.circuit_changed(&endpoint.labels, breaker, state, now);
        }
    }

    /// Updates which endpoints attempts may use. Returns the sender to the watches, if there is one, so that they are
    /// notified without the lock.
    ///
    /// At least half of all endpoints stay usable, whatever their circuits. So a fault of the client's own network, or
    /// of something that all endpoints depend on, does not take all endpoints out of use. The least bad ones stay.
    fn update_usable(&self) -> Option<watch::Sender<()>> {
        let updating = self.updating.lock().unwrap_or_else(PoisonError::into_inner);
        let is_closed = |endpoint: &&Arc<EndpointState>| endpoint.circuit() == CircuitState::Closed;
        let (closed, mut unclosed): (Vec<_>, Vec<_>) = self.all.iter().partition(is_closed);
        let too_few = self.all.len().div_ceil(2).saturating_sub(closed.len());
        // Each key is read once, since other threads may change it during the sort.
        unclosed.sort_by_cached_key(|endpoint| badness(endpoint));
        for endpoint in closed {
            endpoint.usable.store(true, Ordering::Relaxed);
        }
        for (index, endpoint) in unclosed.iter().enumerate() {
            endpoint.usable.store(index < too_few, Ordering::Relaxed);
        }
        self.unclosed.store(unclosed.len(), Ordering::Relaxed);
        updating.clone()
    }
}

/// Gives endpoints with the same address different hashes, by their order.
fn tell_apart(endpoints: &mut [EndpointState]) {
    let mut seen = HashMap::new();
    for endpoint in endpoints {
        let count: &mut u64 = seen.entry(endpoint.hash).or_default();
        endpoint.hash = stable_hash_of_pair(endpoint.hash, *count);
        *count += 1;
    }
}

/// Returns a value that is greater for worse endpoints. An endpoint with a lower success rate is worse. At the same
/// rate, an endpoint with a later next test is worse.
fn badness(endpoint: &EndpointState) -> (Reverse<u64>, Option<Instant>) {
    let breaker = endpoint.breaker.as_ref();
    // The rate is not negative, so its bits have the order of its values.
    let rate = breaker.map_or(1.0, Breaker::success_rate).to_bits();
    (Reverse(rate), breaker.and_then(Breaker::next_test))
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
