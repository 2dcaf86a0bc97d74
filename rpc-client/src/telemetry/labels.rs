//! The server's address, as it appears in spans and metrics.

use std::sync::Arc;

use crate::transport::ServerAddress;

/// The name of an endpoint in spans and metrics: the host and the port of its address, if it has one.
#[derive(Clone, Debug, Default)]
pub(crate) struct Labels(Option<Arc<Address>>);

/// The address of a server, in the forms that spans and metrics need.
#[derive(Debug)]
pub(super) struct Address {
    pub(super) host: Arc<str>,
    pub(super) port: u16,
    pub(super) port_text: Arc<str>,
}

impl Labels {
    pub(crate) fn of(server: Option<ServerAddress>) -> Self {
        let address =
            |ServerAddress { host, port }| Address { host: host.into(), port, port_text: port.to_string().into() };
        Self(server.map(address).map(Arc::new))
    }

    pub(super) fn address(&self) -> Option<&Address> {
        self.0.as_deref()
    }
}
