//! [`Endpoints`]: the endpoints of a client, and the pick of one for each attempt. A [`Balance`] chooses between the
//! [`Candidates`]; an [`EndpointAttempt`] tells its endpoint how the attempt ended. An [`EndpointWatch`] waits for
//! changes.

mod attempt;
mod candidates;
pub(crate) mod load;
mod methods;
mod pick;
mod set;
mod state;
mod watch;

use std::sync::Arc;

pub(crate) use attempt::{AttemptEnd, EndpointAttempt};
pub use candidates::Candidates;
pub(crate) use pick::Pick;
pub use state::EndpointState;
pub use watch::EndpointWatch;

use crate::balance::Balance;
use crate::runtime::Instant;
use crate::telemetry::Observer;
use set::EndpointSet;

/// The endpoints of a client, and how the client chooses between them.
#[derive(Debug)]
pub(crate) struct Endpoints {
    set: Arc<EndpointSet>,
    balance: Balance,
}

impl Endpoints {
    pub(crate) fn new(endpoints: Vec<EndpointState>, balance: Balance, observer: Observer) -> Self {
        Self { set: Arc::new(EndpointSet::new(endpoints, observer)), balance }
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

    /// Picks the endpoint of a request that belongs to no delivery.
    pub(crate) fn any(&self) -> Arc<EndpointState> {
        let pick = Pick { tried: &[], store: None, may_test: false, now: Instant::now() };
        self.choose(&pick).unwrap_or_else(|| Arc::clone(&self.set.all()[0]))
    }

    /// Begins an attempt at an endpoint that fits, or returns `None` if no endpoint does.
    pub(crate) fn begin(&self, pick: &Pick<'_>) -> Option<EndpointAttempt> {
        if let Some((endpoint, probe)) = self.set.probe(pick) {
            return Some(EndpointAttempt::probe(&self.set, endpoint, probe));
        }
        Some(self.begin_at(self.choose(pick)?))
    }

    /// Begins an attempt at this endpoint.
    pub(crate) fn begin_at(&self, endpoint: Arc<EndpointState>) -> EndpointAttempt {
        EndpointAttempt::new(&self.set, endpoint)
    }

    /// Returns whether an endpoint fits the pick.
    pub(crate) fn has(&self, pick: &Pick<'_>) -> bool {
        self.set.all().iter().any(|endpoint| pick.allows(endpoint))
    }

    fn choose(&self, pick: &Pick<'_>) -> Option<Arc<EndpointState>> {
        if let [only] = self.set.all() {
            return pick.allows(only).then(|| Arc::clone(only));
        }
        let Some(candidates) = self.set.tiers().iter().find_map(|tier| Candidates::new(tier, pick)) else {
            // No other endpoint knows of the keys, so a circuit is no reason to avoid one that does.
            return self.set.all().iter().find(|endpoint| pick.store.is_some() && pick.fits(endpoint)).cloned();
        };
        Some(Arc::clone(self.balance.choose(&candidates)))
    }
}

#[cfg(test)]
mod tests;
