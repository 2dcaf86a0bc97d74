//! [`EndpointFactory`]: makes live endpoints from their descriptions, with the client's settings and layers.

use std::sync::Arc;

use rpc_core::Dispatch;

use super::health::EndpointHealth;
use super::state::EndpointState;
use crate::breaker::CircuitBreaker;
use crate::endpoint::{ConnectedEndpoint, Endpoint, TransportSettings};
use crate::failure::{Failure, FailureKind};
use crate::health_check::CheckPlan;
use crate::middleware::AttemptLayers;
use crate::subset::Subset;

/// Makes the live endpoints of a client.
pub(crate) struct EndpointFactory {
    pub(crate) transports: TransportSettings,
    /// The attempt layers, which all endpoints share.
    pub(crate) layers: Option<AttemptLayers>,
    pub(crate) breaker: Option<CircuitBreaker>,
    pub(crate) subset: Option<Subset>,
    pub(crate) check: Option<CheckPlan>,
    /// What answers the calls of servers, over connections on which they can call.
    pub(crate) serves: Option<Arc<dyn Dispatch>>,
}

const NO_PAGES: &str = "a health check by path needs an endpoint with an http or https URL";

impl EndpointFactory {
    /// Returns the endpoints that this client uses.
    pub(crate) fn choose(&self, endpoints: Vec<Endpoint>) -> Vec<Endpoint> {
        match self.subset {
            Some(subset) => subset.choose(endpoints),
            None => endpoints,
        }
    }

    /// Makes an endpoint. It does not connect yet.
    ///
    /// # Errors
    ///
    /// - A header cannot be sent.
    /// - The address is invalid, or its TLS or its proxy cannot be set up.
    /// - Health checks get a page, and the endpoint has a transport of the user's.
    pub(crate) fn make(&self, endpoint: Endpoint) -> Result<EndpointState, Failure> {
        let ConnectedEndpoint { settings, transport, http } = endpoint.connect(&self.transports)?;
        let transport = match &self.layers {
            Some(layers) => Arc::new(layers.around(transport)),
            None => transport,
        };
        let serves = self.serves.as_ref().is_some_and(|dispatch| transport.serve(dispatch));
        let mut state = EndpointState::new(settings, transport, self.breaker.as_ref());
        state.serves = serves;
        if let Some(check) = &self.check {
            let http = match check.page {
                Some(_) => Some(http.ok_or_else(|| Failure::new(FailureKind::Builder(NO_PAGES)))?),
                None => None,
            };
            state.health = Some(Box::new(EndpointHealth::new(http)));
        }
        Ok(state)
    }
}
