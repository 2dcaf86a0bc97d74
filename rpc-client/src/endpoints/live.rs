//! [`LiveEndpoints`]: the current [`EndpointSet`] of a client, and what outlives a set: the means of methods, and the
//! watches.

use std::collections::{HashMap, HashSet, VecDeque};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use arc_swap::{ArcSwap, Guard};
use tokio::sync::watch;

use super::factory::EndpointFactory;
use super::methods::MethodMeans;
use super::pick::Pick;
use super::set::{EndpointSet, distinct_hash};
use super::state::EndpointState;
use crate::breaker::{CircuitState, Permit};
use crate::endpoint::{Endpoint, EndpointIdentity};
use crate::failure::Failure;
use crate::health_check::Health;
use crate::runtime::Instant;
use crate::telemetry::Observer;

/// The current endpoints of a client, and what outlives a set of endpoints.
///
/// A pick holds an `Arc` of its endpoint, and no index into a set. So it stays right when the set is replaced
/// meanwhile.
#[derive(Debug)]
pub(crate) struct LiveEndpoints {
    set: ArcSwap<EndpointSet>,
    pub(super) methods: MethodMeans,
    /// Guards the replacement of the set and the update of which endpoints are usable. So the last update sees all
    /// changes, and applies to the current set.
    ///
    /// It holds the sender to the watches, once there is one. After each change, the lock is taken again to notify
    /// them. A change that does not see the sender ended before the watch began. So no watch misses a change.
    updating: Mutex<Option<watch::Sender<()>>>,
    observer: Observer,
}

/// How long an endpoint waits for a call that can be repeated, before any other call may test it.
const TEST_BY_ANY: Duration = Duration::from_secs(10);

impl LiveEndpoints {
    pub(super) fn new(endpoints: Vec<EndpointState>, observer: Observer) -> Self {
        let all = begin(endpoints.into_iter().map(|state| NextEndpoint::New(Box::new(state))).collect());
        Self {
            set: ArcSwap::from_pointee(EndpointSet::new(all)),
            methods: MethodMeans::default(),
            updating: Mutex::default(),
            observer,
        }
    }

    /// Returns the current set. It stays the same while the guard is held.
    #[inline]
    pub(super) fn set(&self) -> Guard<Arc<EndpointSet>> {
        self.set.load()
    }

    /// Replaces the endpoints by those described. An endpoint that is in both sets keeps its connections, its load, its
    /// circuit and its store. Returns the failures of endpoints that are left out since they cannot be set up.
    ///
    /// If no endpoint is left, the set stays as it is. Only one task may replace the set.
    pub(crate) fn replace(&self, endpoints: Vec<Endpoint>, factory: &EndpointFactory) -> Vec<Failure> {
        let old = self.set.load_full();
        let mut kept = KeptEndpoints::new(&old);
        let (mut all, mut failures) = (Vec::with_capacity(endpoints.len()), Vec::new());
        let mut has_changed = false;
        for endpoint in endpoints {
            match kept.take(&endpoint.identity()) {
                Some(state) => {
                    has_changed |= state.update(endpoint.settings());
                    all.push(NextEndpoint::Kept(state));
                }
                None => match factory.make(endpoint) {
                    Ok(state) => all.push(NextEndpoint::New(Box::new(state))),
                    Err(failure) => failures.push(failure),
                },
            }
        }
        // A source may report the same set again and again. The set sorts its endpoints by tier.
        let mut by_tier: Vec<_> = all.iter().collect();
        by_tier.sort_by_key(|next| next.tier());
        has_changed |= by_tier.len() != old.all().len();
        has_changed |= !by_tier.iter().zip(old.all()).all(|(next, old)| next.is(old));
        if all.is_empty() || !has_changed {
            return failures;
        }
        let set = EndpointSet::new(begin(all));
        let updating = self.updating.lock().unwrap_or_else(PoisonError::into_inner);
        set.update_usable();
        self.set.store(Arc::new(set));
        drop(updating);
        self.notify();
        failures
    }

    /// Returns the endpoint that this attempt must test, if a test is due.
    pub(super) fn due_test(&self, pick: &Pick<'_>) -> Option<(Arc<EndpointState>, Permit)> {
        let set = self.set();
        if set.all_closed() {
            return None;
        }
        let due = if pick.may_test { pick.now } else { pick.now.checked_sub(TEST_BY_ANY)? };
        // Health checks test an unhealthy endpoint, so that no call has to fail for it. If no endpoint is healthy, the
        // checks may fail for a reason that calls do not have.
        let has_healthy = set.has_healthy();
        let mut testable = set.all().iter().filter(|endpoint| endpoint.is_healthy() || !has_healthy);
        testable.find_map(|endpoint| Some((Arc::clone(endpoint), self.test(endpoint, due, pick)?)))
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

    /// Notifies the watches of a change.
    pub(super) fn notify(&self) {
        let watches = self.updating.lock().unwrap_or_else(PoisonError::into_inner).clone();
        // The watches are notified without the lock.
        if let Some(watches) = watches {
            watches.send_replace(());
        }
    }

    /// Returns a receiver that is notified after each change of a circuit, of the health of an endpoint, or of the set.
    pub(super) fn subscribe(&self) -> watch::Receiver<()> {
        let mut updating = self.updating.lock().unwrap_or_else(PoisonError::into_inner);
        updating.get_or_insert_default().subscribe()
    }

    /// Handles the change of an endpoint's circuit to this state. Updates which endpoints attempts may use, notifies
    /// the watches, and reports the change to the observer.
    pub(super) fn circuit_changed(&self, endpoint: &EndpointState, state: CircuitState, now: Instant) {
        let updating = self.updating.lock().unwrap_or_else(PoisonError::into_inner);
        self.set.load().update_usable();
        drop(updating);
        self.notify();
        if let Some(breaker) = &endpoint.breaker {
            self.observer.circuit_changed(&endpoint.labels, breaker, state, now);
        }
    }

    /// Handles the change of an endpoint's health, as [`circuit_changed`](Self::circuit_changed) does for circuits.
    /// `error` is why the last check failed.
    pub(super) fn health_changed(&self, endpoint: &EndpointState, health: Health, error: Option<&str>) {
        let updating = self.updating.lock().unwrap_or_else(PoisonError::into_inner);
        self.set.load().update_usable();
        drop(updating);
        self.notify();
        self.observer.health_changed(&endpoint.labels, health, error);
    }
}

/// An endpoint of the next set.
enum NextEndpoint {
    Kept(Arc<EndpointState>),
    New(Box<EndpointState>),
}

impl NextEndpoint {
    fn tier(&self) -> u32 {
        match self {
            Self::Kept(state) => state.tier(),
            Self::New(state) => state.tier(),
        }
    }

    /// Returns whether it is this endpoint.
    fn is(&self, old: &Arc<EndpointState>) -> bool {
        matches!(self, Self::Kept(state) if Arc::ptr_eq(state, old))
    }
}

/// The endpoints of the current set that the next set may keep, by their identity. Several can have the same one.
struct KeptEndpoints<'a>(HashMap<&'a EndpointIdentity, VecDeque<&'a Arc<EndpointState>>>);

impl<'a> KeptEndpoints<'a> {
    fn new(set: &'a EndpointSet) -> Self {
        let mut kept: HashMap<_, VecDeque<_>> = HashMap::new();
        for endpoint in set.all() {
            if let Some(identity) = &endpoint.identity {
                kept.entry(identity).or_default().push_back(endpoint);
            }
        }
        Self(kept)
    }

    /// Returns an endpoint with this identity that was not returned before.
    fn take(&mut self, identity: &EndpointIdentity) -> Option<Arc<EndpointState>> {
        self.0.get_mut(identity)?.pop_front().map(Arc::clone)
    }
}

/// Gives new endpoints a hash of their own, and the median load of the others. With the lowest load, a new endpoint
/// would get too many calls, and with the highest one too few.
fn begin(all: Vec<NextEndpoint>) -> Vec<Arc<EndpointState>> {
    let now = Instant::now();
    let kept = all.iter().filter_map(|endpoint| match endpoint {
        NextEndpoint::Kept(state) => Some(state),
        NextEndpoint::New(_) => None,
    });
    let (mut used, mut loads): (HashSet<_>, Vec<_>) =
        kept.map(|endpoint| (endpoint.hash, endpoint.load.average(now))).unzip();
    loads.sort_by(f64::total_cmp);
    let median = loads.get(loads.len() / 2).copied();
    let begin = |endpoint| match endpoint {
        NextEndpoint::Kept(state) => state,
        NextEndpoint::New(mut state) => {
            state.hash = distinct_hash(state.hash, &mut used);
            if let Some(median) = median {
                state.load.begin_at(median, now);
            }
            Arc::from(state)
        }
    };
    all.into_iter().map(begin).collect()
}
