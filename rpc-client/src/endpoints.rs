//! [`Endpoints`]: the endpoints of a client, and the pick of one for each attempt. A [`Balance`] chooses between the
//! [`Candidates`]; an [`EndpointAttempt`] reports to its endpoint how the attempt ended. An [`EndpointWatch`] waits for
//! changes.

mod attempt;
mod background;
mod candidates;
mod checker;
mod discovery;
mod factory;
mod health;
mod health_checks;
mod live;
pub(crate) mod load;
mod methods;
mod pick;
mod set;
mod state;
mod watch;

use std::sync::{Arc, OnceLock};

use arc_swap::Guard;

pub(crate) use attempt::{AttemptEnd, EndpointAttempt};
pub use candidates::Candidates;
pub(crate) use checker::HealthChecker;
pub(crate) use factory::EndpointFactory;
pub(crate) use pick::Pick;
pub use state::EndpointState;
pub use watch::EndpointWatch;

use crate::balance::Balance;
use crate::breaker::Permit;
use crate::discover::{DiscoveryStatus, DynDiscover};
use crate::failure::Failure;
use crate::runtime::{Instant, timeout_at};
use crate::telemetry::Observer;
use discovery::Discovery;
use health_checks::HealthChecks;
use live::LiveEndpoints;
pub(crate) use set::EndpointSet;

/// The endpoints of a client, and how the client chooses between them.
#[derive(Debug)]
pub(crate) struct Endpoints {
    live: Arc<LiveEndpoints>,
    /// The only endpoint of a client that never has another one, so that its calls do not look at the set.
    only: Option<Arc<EndpointState>>,
    balance: Balance,
    /// Set if the endpoints come from a source, and may change.
    discovery: Option<Arc<Discovery>>,
    /// Set if the client checks the health of its endpoints.
    health_checks: Option<Arc<HealthChecks>>,
    /// Set for a pinned client.
    pin: Option<Pin>,
}

/// The only endpoint of a pinned client, once its first call has chosen one.
type Pin = OnceLock<Arc<EndpointState>>;

impl Endpoints {
    pub(crate) fn new(endpoints: Vec<EndpointState>, balance: Balance, observer: Observer) -> Self {
        let live = Arc::new(LiveEndpoints::new(endpoints, observer));
        let only = match live.set().all() {
            [only] => Some(Arc::clone(only)),
            _ => None,
        };
        Self { live, only, balance, discovery: None, health_checks: None, pin: None }
    }

    /// Makes the endpoints of a client with a source. Starts to read the source, if there is a runtime here.
    pub(crate) fn discovered(
        source: Box<dyn DynDiscover>,
        factory: EndpointFactory,
        balance: Balance,
        observer: Observer,
    ) -> Self {
        let live = Arc::new(LiveEndpoints::new(Vec::new(), observer.clone()));
        let discovery = Discovery::new(source, factory, observer, &live);
        discovery.start();
        Self { live, only: None, balance, discovery: Some(Arc::new(discovery)), health_checks: None, pin: None }
    }

    /// Checks the health of the endpoints. Starts to do so, if there is a runtime here.
    pub(crate) fn check_health(&mut self, checker: HealthChecker) {
        let checks = HealthChecks::new(checker, &self.live);
        checks.start();
        self.health_checks = Some(Arc::new(checks));
    }

    /// Returns the same endpoints for a client that uses only one of them.
    pub(crate) fn pinned(&self) -> Self {
        Self {
            live: Arc::clone(&self.live),
            only: self.only.clone(),
            balance: self.balance.clone(),
            discovery: self.discovery.clone(),
            health_checks: self.health_checks.clone(),
            pin: Some(Pin::new()),
        }
    }

    /// Returns the current endpoints. They stay the same while the guard is held.
    #[inline]
    pub(crate) fn set(&self) -> Guard<Arc<EndpointSet>> {
        self.live.set()
    }

    /// Watches the endpoints.
    pub(crate) fn watch(&self) -> EndpointWatch {
        EndpointWatch::new(&self.live)
    }

    /// Returns whether there is more than one endpoint, or may be. With one, there is nothing to choose and nothing to
    /// compare.
    #[inline]
    pub(crate) fn are_many(&self) -> bool {
        self.only.is_none()
    }

    /// Returns the only endpoint of a client that never has another one.
    #[inline]
    pub(crate) fn only(&self) -> Option<&Arc<EndpointState>> {
        self.only.as_ref()
    }

    /// Returns how many endpoints calls can go to, and at least 1.
    pub(crate) fn count(&self) -> usize {
        if self.pin.is_some() { 1 } else { self.set().all().len().max(1) }
    }

    /// Returns whether there is no endpoint yet.
    pub(crate) fn are_none(&self) -> bool {
        self.set().all().is_empty()
    }

    /// Returns how current discovered endpoints are, or `None` if the endpoints are fixed.
    pub(crate) fn discovery_status(&self) -> Option<DiscoveryStatus> {
        self.discovery.as_ref().map(|discovery| discovery.status())
    }

    /// Returns once there is an endpoint.
    ///
    /// # Errors
    ///
    /// There is none at this time, or the source of endpoints has ended without one.
    pub(crate) async fn wait(&self, until: Instant) -> Result<(), Failure> {
        let Some(discovery) = &self.discovery else { return Ok(()) };
        self.start_discovery();
        let mut changes = self.live.subscribe();
        while self.are_none() {
            let has_changed = !discovery.status().has_ended() && timeout_at(until, changes.changed()).await.is_ok();
            if !has_changed && self.are_none() {
                return Err(discovery.no_endpoint());
            }
        }
        Ok(())
    }

    /// Handles that the client could not connect to an endpoint.
    pub(crate) fn connect_failed(&self) {
        if let Some(discovery) = &self.discovery {
            discovery.refresh();
        }
    }

    /// Returns an endpoint for when none fits: the first one, or the one that stands for endpoints to be discovered.
    pub(crate) fn fallback(&self) -> Arc<EndpointState> {
        let unresolved = || self.discovery.as_ref().map(|discovery| discovery.unresolved());
        let set = self.set();
        Arc::clone(set.all().first().or_else(unresolved).expect("a client without a source has an endpoint"))
    }

    /// Picks the endpoint of a request that belongs to no delivery: the one that a call with this hash key would get.
    pub(crate) fn any(&self, hash_key: Option<u64>) -> Arc<EndpointState> {
        let pick = Pick { hash_key, ..Pick::first(Instant::now()) };
        self.choose(&pick).unwrap_or_else(|| self.fallback())
    }

    /// Reads the source of the endpoints, if there is one and no task reads it.
    #[inline]
    pub(crate) fn start_discovery(&self) {
        if let Some(discovery) = &self.discovery {
            discovery.start();
        }
    }

    /// Picks another endpoint for such a request, if one is left that was not tried.
    pub(crate) fn other(&self, hash_key: Option<u64>, tried: &[Arc<EndpointState>]) -> Option<Arc<EndpointState>> {
        self.choose(&Pick { hash_key, tried, ..Pick::first(Instant::now()) })
    }

    /// Returns an endpoint that fits, without an attempt at it. A pinned client that has not chosen its endpoint yet
    /// stays free to choose another one.
    pub(crate) fn peek(&self, pick: &Pick<'_>) -> Option<Arc<EndpointState>> {
        match self.pin.as_ref().and_then(Pin::get) {
            Some(pinned) => pick.fits(pinned).then(|| Arc::clone(pinned)),
            None => self.balance(pick),
        }
    }

    /// Checks the health of the endpoints, if the client does so and no task does it.
    #[inline]
    pub(crate) fn start_health_checks(&self) {
        if let Some(checks) = &self.health_checks {
            checks.start();
        }
    }

    /// Begins an attempt at an endpoint that fits, or returns `None` if no endpoint does.
    pub(crate) fn begin(&self, pick: &Pick<'_>) -> Option<EndpointAttempt> {
        if let Some((endpoint, permit)) = self.due_test(pick) {
            let test = EndpointAttempt::test(&self.live, endpoint, permit);
            match &self.pin {
                // Another first call has pinned the client meanwhile. The test ends without a result.
                Some(pin) if !Arc::ptr_eq(pin.get_or_init(|| Arc::clone(test.endpoint())), test.endpoint()) => {}
                _ => return Some(test),
            }
        }
        Some(self.begin_at(self.choose(pick)?))
    }

    /// Returns the endpoint that this attempt must test. A pinned client tests no other endpoint than its own.
    fn due_test(&self, pick: &Pick<'_>) -> Option<(Arc<EndpointState>, Permit)> {
        match self.pin.as_ref().and_then(Pin::get) {
            Some(pinned) => Some((Arc::clone(pinned), self.live.test(pinned, pick.now, pick)?)),
            None => self.live.due_test(pick),
        }
    }

    /// Begins the second request of an attempt, at a usable endpoint that fits the pick. It tests no endpoint.
    ///
    /// The tier is at most `max_tier`: a slow answer is no reason to use a tier that is kept for failures.
    pub(crate) fn begin_hedge(&self, pick: &Pick<'_>, max_tier: u32) -> Option<EndpointAttempt> {
        let endpoint = self.choose(pick)?;
        (endpoint.tier() <= max_tier).then(|| self.begin_at(endpoint))
    }

    /// Begins an attempt at this endpoint.
    pub(crate) fn begin_at(&self, endpoint: Arc<EndpointState>) -> EndpointAttempt {
        EndpointAttempt::new(&self.live, endpoint)
    }

    /// Returns whether a call that was not sent can fail over to an endpoint that fits the pick.
    ///
    /// For a call that needs a store, the client must know that the endpoint has it. Otherwise a call could go around
    /// among endpoints that answer no question for their store.
    pub(crate) fn has(&self, pick: &Pick<'_>) -> bool {
        self.pin.is_none() && self.set().all().iter().any(|endpoint| pick.allows(endpoint))
    }

    fn choose(&self, pick: &Pick<'_>) -> Option<Arc<EndpointState>> {
        if let Some(only) = &self.only {
            return pick.allows(only).then(|| Arc::clone(only));
        }
        let Some(pin) = &self.pin else { return self.balance(pick) };
        let pinned = match pin.get() {
            Some(pinned) => pinned,
            // If two first calls run at the same time, both use the endpoint that one of them chose.
            None => {
                let chosen = self.balance(pick)?;
                pin.get_or_init(|| chosen)
            }
        };
        pick.fits(pinned).then(|| Arc::clone(pinned))
    }

    /// Lets the balancer choose one of the endpoints that fit.
    fn balance(&self, pick: &Pick<'_>) -> Option<Arc<EndpointState>> {
        let set = self.set();
        let candidates = match set.first_good_tier(pick) {
            Some(tier) => Candidates::new(tier, pick),
            None => set.tiers().iter().find_map(|tier| Candidates::new(tier, pick)),
        };
        let Some(candidates) = candidates else {
            // Only an endpoint with the store knows of the keys. So the client uses it, whatever the state of its
            // circuit.
            return set.all().iter().find(|endpoint| pick.store.is_some() && pick.fits(endpoint)).cloned();
        };
        Some(Arc::clone(self.balance.choose(&candidates)))
    }
}

#[cfg(test)]
mod tests;
