//! The server's address, as spans and metrics name it.

use std::sync::Arc;

use crate::transport::ServerAddress;

/// What spans and metrics call an endpoint: the host and the port of its address, if it has one.
#[derive(Clone, Debug, Default)]
pub(crate) struct Labels(Option<Arc<Address>>);

/// Where a server is, in the forms in which it is told.
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
