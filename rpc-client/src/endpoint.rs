//! [`Endpoint`]: one address of a service, with its transport and what the client knows of its store. A client has one
//! endpoint so far.

use crate::reliability::keys::StoreDiscovery;
use crate::telemetry::EndpointLabels;
use crate::transport::Transport;

/// One address of a service: the transport to it, and what the client knows of the server.
#[derive(Debug)]
pub(crate) struct Endpoint {
    pub(crate) transport: Box<dyn Transport>,
    /// What the client knows of the server's store of idempotency keys.
    pub(crate) store: StoreDiscovery,
    /// The names of the endpoint in spans and metrics.
    pub(crate) labels: EndpointLabels,
}

impl Endpoint {
    pub(crate) fn new(transport: Box<dyn Transport>) -> Self {
        let labels = EndpointLabels::of(transport.server_address());
        Self { transport, store: StoreDiscovery::default(), labels }
    }
}
