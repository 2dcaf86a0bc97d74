//! [`Pick`]: what the pick of an endpoint depends on, and which endpoints fit it.

use std::sync::Arc;

use uuid::Uuid;

use super::state::EndpointState;
use crate::reliability::keys::StoreMatch;
use crate::runtime::Instant;

/// What the pick of an endpoint depends on.
#[derive(Debug)]
pub(crate) struct Pick<'a> {
    /// The endpoints of the delivery's earlier attempts. They are not picked again.
    pub(crate) tried: &'a [Arc<EndpointState>],
    /// The store of idempotency keys that the endpoint must have.
    pub(crate) store: Option<Uuid>,
    /// Whether the client must know already that the endpoint has that store.
    pub(crate) is_known: bool,
    /// The hash of the calls' hash key.
    pub(crate) hash_key: Option<u64>,
    /// Whether the attempt can be repeated, so that it may test an endpoint that has failed.
    pub(crate) may_test: bool,
    pub(crate) now: Instant,
}

impl Pick<'_> {
    /// Makes the pick of a first attempt that needs nothing.
    pub(crate) fn first(now: Instant) -> Self {
        Self { tried: &[], store: None, is_known: false, hash_key: None, may_test: false, now }
    }

    /// Returns whether the endpoint may take the attempt.
    pub(super) fn allows(&self, endpoint: &Arc<EndpointState>) -> bool {
        endpoint.is_usable() && self.fits(endpoint)
    }

    /// Returns whether the endpoint may take the attempt, whatever the state of its circuit.
    pub(super) fn fits(&self, endpoint: &Arc<EndpointState>) -> bool {
        !self.tried.iter().any(|tried| Arc::ptr_eq(tried, endpoint))
            && self.store.is_none_or(|store| match endpoint.store.matches(store, self.now) {
                StoreMatch::Same => true,
                StoreMatch::Unknown => !self.is_known,
                StoreMatch::Other => false,
            })
    }
}
