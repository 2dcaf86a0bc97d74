//! The server's address, as it appears in spans and metrics.

use std::sync::Arc;

use metrics::Label;

use crate::transport::ServerAddress;

/// The name of an endpoint in spans and metrics: the host and the port of its address, if it has one.
#[derive(Clone, Debug, Default)]
pub(crate) struct EndpointLabels(Option<Arc<AddressLabels>>);

/// The address of a server, in the forms that spans and metrics need.
#[derive(Debug)]
pub(super) struct AddressLabels {
    pub(super) host: Arc<str>,
    /// `None` for a Unix socket.
    pub(super) port: Option<u16>,
    port_text: Arc<str>,
}

impl EndpointLabels {
    pub(crate) fn of(server: Option<ServerAddress>) -> Self {
        let address = |server: ServerAddress| AddressLabels {
            port: server.known_port(),
            port_text: server.port.to_string().into(),
            host: server.host.into(),
        };
        Self(server.map(address).map(Arc::new))
    }

    /// Returns the labels of a metric that counts changes of the endpoint to this state.
    pub(super) fn with_state(&self, state: &'static str) -> Vec<Label> {
        let mut labels = Vec::with_capacity(3);
        self.push_address(&mut labels);
        labels.push(Label::from_static_parts("state", state));
        labels
    }

    /// Adds the address, if the endpoint has one.
    pub(super) fn push_address(&self, labels: &mut Vec<Label>) {
        let Some(server) = self.address() else { return };
        labels.push(Label::new("server.address", Arc::clone(&server.host)));
        if server.port.is_some() {
            labels.push(Label::new("server.port", Arc::clone(&server.port_text)));
        }
    }

    pub(super) fn address(&self) -> Option<&AddressLabels> {
        self.0.as_deref()
    }
}
