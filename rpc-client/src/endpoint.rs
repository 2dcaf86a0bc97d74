//! [`Endpoint`]: one address of a service, with its transport and what is known of its store. A client has one at
//! present.

use crate::reliability::keys::Knowledge;
use crate::telemetry::Labels;
use crate::transport::Transport;

/// One address of a service: what carries requests there, and what is known of the server behind it.
#[derive(Debug)]
pub(crate) struct Endpoint {
    pub(crate) transport: Box<dyn Transport>,
    /// The server's store of idempotency keys, as far as it is known.
    pub(crate) store: Knowledge,
    /// What spans and metrics call the endpoint.
    pub(crate) labels: Labels,
}

impl Endpoint {
    pub(crate) fn new(transport: Box<dyn Transport>) -> Self {
        let labels = Labels::of(transport.server_address());
        Self { transport, store: Knowledge::default(), labels }
    }
}
