//! [`Endpoints`]: the endpoints of a client, and the pick of one for each attempt. A [`Balance`] chooses between the
//! [`Candidates`]; an [`EndpointAttempt`] reports to its endpoint how the attempt ended. An [`EndpointWatch`] waits for
//! changes.

mod attempt;
mod candidates;
pub(crate) mod load;
mod methods;
mod pick;
mod set;
mod state;
mod watch;

use std::sync::{Arc, OnceLock};

pub(crate) use attempt::{AttemptEnd, EndpointAttempt};
pub use candidates::Candidates;
pub(crate) use pick::Pick;
pub use state::EndpointState;
pub use watch::EndpointWatch;

use crate::balance::Balance;
use crate::breaker::Permit;
use crate::runtime::Instant;
use crate::telemetry::Observer;
use set::EndpointSet;

/// The endpoints of a client, and how the client chooses between them.
#[derive(Debug)]
pub(crate) struct Endpoints {
    set: Arc<EndpointSet>,
    balance: Balance,
    /// Set for a pinned client.
    pin: Option<Pin>,
}

/// The only endpoint of a pinned client, once its first call has chosen one.
type Pin = OnceLock<Arc<EndpointState>>;

impl Endpoints {
    pub(crate) fn new(endpoints: Vec<EndpointState>, balance: Balance, observer: Observer) -> Self {
        Self { set: Arc::new(EndpointSet::new(endpoints, observer)), balance, pin: None }
    }

    /// Returns the same endpoints for a client that uses only one of them.
    pub(crate) fn pinned(&self) -> Self {
        Self { set: Arc::clone(&self.set), balance: self.balance.clone(), pin: Some(Pin::new()) }
    }

    /// Returns all endpoints, by tier.
    pub(crate) fn all(&self) -> &[Arc<EndpointState>] {
        self.set.all()
    }

    /// Returns a receiver that is notified after each change of a circuit.
    fn subscribe(&self) -> tokio::sync::watch::Receiver<()> {
        self.set.subscribe()
    }

    /// Returns whether there is more than one endpoint. With one, there is nothing to choose and nothing to compare.
    #[inline]
    pub(crate) fn are_many(&self) -> bool {
        self.set.all().len() > 1
    }

    /// Picks the endpoint of a request that belongs to no delivery: the one that a call with this hash key would get.
    pub(crate) fn any(&self, hash_key: Option<u64>) -> Arc<EndpointState> {
        let pick = Pick { hash_key, ..Pick::first(Instant::now()) };
        self.choose(&pick).unwrap_or_else(|| Arc::clone(&self.set.all()[0]))
    }

    /// Begins an attempt at an endpoint that fits, or returns `None` if no endpoint does.
    pub(crate) fn begin(&self, pick: &Pick<'_>) -> Option<EndpointAttempt> {
        if let Some((endpoint, permit)) = self.due_test(pick) {
            let test = EndpointAttempt::test(&self.set, endpoint, permit);
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
            Some(pinned) => Some((Arc::clone(pinned), self.set.test(pinned, pick.now, pick)?)),
            None => self.set.due_test(pick),
        }
    }

    /// Begins an attempt at this endpoint.
    pub(crate) fn begin_at(&self, endpoint: Arc<EndpointState>) -> EndpointAttempt {
        EndpointAttempt::new(&self.set, endpoint)
    }

    /// Returns whether a call that was not sent can fail over to an endpoint that fits the pick.
    ///
    /// For a call that needs a store, the client must know that the endpoint has it. Otherwise a call could go around
    /// among endpoints that answer no question for their store.
    pub(crate) fn has(&self, pick: &Pick<'_>) -> bool {
        self.pin.is_none() && self.set.all().iter().any(|endpoint| pick.allows(endpoint))
    }

    fn choose(&self, pick: &Pick<'_>) -> Option<Arc<EndpointState>> {
        if let [only] = self.set.all() {
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
        let Some(candidates) = self.set.tiers().iter().find_map(|tier| Candidates::new(tier, pick)) else {
            // Only an endpoint with the store knows of the keys. So the client uses it, whatever the state of its
            // circuit.
            return self.set.all().iter().find(|endpoint| pick.store.is_some() && pick.fits(endpoint)).cloned();
        };
        Some(Arc::clone(self.balance.choose(&candidates)))
    }
}

#[cfg(test)]
mod tests;
