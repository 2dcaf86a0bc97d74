//! What HTTP is told of a connection, and what it tells the connection.

use std::net::SocketAddr;

/// What is known of the connection that a request came on.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Connection {
    pub(crate) peer_addr: Option<SocketAddr>,
    /// Whether the server is bound to a loopback address.
    pub(crate) loopback: bool,
}

/// Is told how the rest of a request arrives whose head was read.
pub(crate) trait Arrival {
    /// The body is waited for.
    fn waits(&self) {}

    /// Nothing more of the request is waited for.
    fn ends(&self) {}
}

/// For requests of whose connection nothing is known.
impl Arrival for () {}
