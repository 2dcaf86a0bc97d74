//! [`EndpointFactory`]: makes live endpoints from their descriptions, with the client's settings and layers.

use std::sync::Arc;

use super::state::EndpointState;
use crate::breaker::CircuitBreaker;
use crate::endpoint::Endpoint;
use crate::failure::Failure;
use crate::middleware::AttemptLayers;
use crate::subset::Subset;
use crate::transport::HttpSettings;

/// Makes the live endpoints of a client.
pub(crate) struct EndpointFactory {
    pub(crate) http: HttpSettings,
    /// The attempt layers, which all endpoints share.
    pub(crate) layers: Option<AttemptLayers>,
    pub(crate) breaker: Option<CircuitBreaker>,
    pub(crate) subset: Option<Subset>,
}

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
    pub(crate) fn make(&self, endpoint: Endpoint) -> Result<EndpointState, Failure> {
        let (settings, transport) = endpoint.connect(&self.http)?;
        let transport = match &self.layers {
            Some(layers) => Arc::new(layers.around(transport)),
            None => transport,
        };
        Ok(EndpointState::new(settings, transport, self.breaker.as_ref()))
    }
}
