//! The interface between `http` and whatever accepts connections. [`ConnectionInfo`] tells `http` about the connection
//! of a request. Through [`BodyProgress`], `http` reports when it waits for the rest of a request, and when it stops
//! waiting. `serve` implements `BodyProgress`; the axum router uses `()`. This file knows neither hyper nor axum.

use std::net::SocketAddr;

/// The connection of a request.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct ConnectionInfo {
    pub(crate) peer_addr: Option<SocketAddr>,
    /// Whether the server is bound to a loopback address.
    pub(crate) loopback: bool,
}

/// Observes how the rest of a request arrives after its head.
pub(crate) trait BodyProgress {
    /// Called when the server waits for the body.
    fn waits(&self) {}

    /// Called when the server waits for nothing more of the request.
    fn ends(&self) {}
}

/// For requests on an unknown connection.
impl BodyProgress for () {}
